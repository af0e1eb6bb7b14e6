"""A suggestion is what a person would have meant, or there is none."""

from __future__ import annotations

import time

import pytest

from planhat_api.models.registry import all_models
from planhat_api.plugin.name_suggestions import closest_name

FIELDS = list(all_models()["companies"].properties)
CUSTOM = ["Health Score", "Sentiment ⭐", "Go-live 🎉", "CRM Notes", "Usage Tier 2", "Straße", "Renewal Type", "NPS"]
STREAMS = ["assets", "companies", "endusers", "invoices", "licenses", "metrics", "nps", "tasks", "tickets", "users"]


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        # case, separators, signs, accents
        ("EXTERNALID", FIELDS, "externalId"),
        ("external-id", FIELDS, "externalId"),
        ("health_score", CUSTOM, "Health Score"),
        ("Sentiment", CUSTOM, "Sentiment ⭐"),
        ("go live", CUSTOM, "Go-live 🎉"),
        ("strasse", CUSTOM, "Straße"),
        # order, plural
        ("Score Health", CUSTOM, "Health Score"),
        ("health scores", CUSTOM, "Health Score"),
        ("company", STREAMS, "companies"),
        ("tag", FIELDS, "tags"),
        # swapped, missing, doubled, wrong letters
        ("nmae", FIELDS, "name"),
        ("phse", FIELDS, "phase"),
        ("extern_id", FIELDS, "externalId"),
        ("renewel_date", FIELDS, "renewalDate"),
        ("descripton", FIELDS, "description"),
        ("Helth Scoer", CUSTOM, "Health Score"),
        ("compnies", STREAMS, "companies"),
        ("tikets", STREAMS, "tickets"),
        ("endusres", STREAMS, "endusers"),
        ("kye", ["key", "mode", "nulls"], "key"),
        ("colums", ["columns", "constants", "nulls"], "columns"),
        ("reject_dir", ["rejects_dir", "receipts_dir", "max_rejects"], "rejects_dir"),
        ("acc", ["acct", "name"], "acct"),
        # a missing word, one too many
        ("health", CUSTOM, "Health Score"),
        ("customer health score", CUSTOM, "Health Score"),
        ("renewal", ["Renewal Type", "Health Score"], "Renewal Type"),
    ],
)
def test_what_was_meant(given: str, known: list[str], meant: str) -> None:
    assert closest_name(given, known) == meant


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("Usage tier", ["Sentiment ⭐", "usage", "Usage", "Health Score"]),
        ("Usage tier 1", CUSTOM),
        ("id", FIELDS),
        ("account_no", FIELDS),
        ("region", ["reason", "version"]),
        ("active", ["native", "archived"]),
        ("segment", ["augment", "sentiment"]),
        ("data", ["date", "rate"]),
        ("mail", ["main", "email"]),
        ("age", ["tags", "ape"]),
        ("account_id", ["_id", "externalId", "sourceId"]),
        ("company_name", ["name", "domain"]),
        ("name", ["First Name", "Last Name"]),
        ("line_2", ["line_1", "line_3"]),
        ("accounts", STREAMS),
        ("orders", STREAMS),
        ("x", FIELDS),
        ("", FIELDS),
        ("🎉", CUSTOM),
        ("batch_rows", ["batch_size_bytes", "batch_size_rows_max"]),
        ("renewal", ["Renewal Type", "Renewal Date"]),
        ("hat", ["cat", "bat"]),
        ("anything", []),
    ],
)
def test_nothing_is_better_than_a_wrong_name(given: str, known: list[str]) -> None:
    assert closest_name(given, known) is None


def test_many_names_take_no_time() -> None:
    known = [f"Custom field of the {place} kind {chr(97 + place % 26)}" for place in range(2_000)]
    start = time.perf_counter()
    closest_name("Custom feild of the 7 kind", known)
    assert time.perf_counter() - start < 1
