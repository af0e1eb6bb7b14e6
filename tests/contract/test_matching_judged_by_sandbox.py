"""A match without a doubt is what a bulk upsert then does, whatever the answers to the open questions are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api import Row
from planhat_api.destination.look import look_at
from planhat_api.jsontext import encode
from planhat_api.models.registry import all_models, model
from planhat_sandbox.switch_table import SWITCHES
from tests.client_support import client_on, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planhat_api import PlanhatClient
    from planhat_api.destination.matching import Match
    from planhat_sandbox import Sandbox

JUDGED = (
    "unknown_id",
    "ambiguous_key",
    "key_search",
    "conflicting_keys",
    "unconfirmed_keys",
    "email_case",
    "archived_rows",
    "list_width",
    "select",
    "null_standard",
    "duplicated_endusers",
)
FILES = (
    "companies", "endusers", "users", "assets", "invoices", "issues", "conversations", "tickets",
    "deals", "products",
)  # fmt: skip
TEXTS: dict[str, dict[str, Any]] = {
    "companies": {"name": "x"},
    "endusers": {"firstName": "x"},
    "users": {"nickName": "x", "firstName": "x", "lastName": "x"},
    "assets": {"name": "x"},
    "invoices": {"currency": "EUR", "invoiceDate": 19000},
    "issues": {"title": "x"},
    "conversations": {"subject": "x"},
    "tickets": {"title": "x", "domains": ["x.y"], "email": "who@x.y"},
    "deals": {},
    "products": {"name": "x"},
}
COMPANIES = ("c" * 24, "d" * 24)
ADDRESSES = ("a@x.y", "A@x.y", "b@x.y")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Sandbox, PlanhatClient]]:
    with sandbox(companies=3, endusers=0) as box, client_on(box) as client:
        yield box, client


@st.composite
def rows_of(draw: st.DrawFn, file: str, *, new: bool) -> dict[str, Any]:
    """A row. Its ``_id`` is the number of a held row, because the ids are not known yet."""
    found = model(file)
    row: dict[str, Any] = dict(TEXTS[file])
    for name in dict.fromkeys((*found.keyables, "sourceId")):
        if name not in found.properties or (new and name == "_id"):
            continue
        values = {"_id": range(7), "email": ADDRESSES}.get(name, ("1", "2", "3"))
        if draw(st.booleans() if name != "_id" else st.sampled_from((False, False, True))):
            row[name] = draw(st.sampled_from(values))
    for name in {"users": ("email",), "tickets": ("sourceId",)}.get(file, ()):
        row.setdefault(name, draw(st.sampled_from(ADDRESSES if name == "email" else ("1", "2", "3"))))
    if file == "endusers" and not {"email", "externalId", "sourceId"} & set(row):
        row["externalId"] = draw(st.sampled_from(("1", "2", "3")))
    company = (found.company or "").removesuffix("[]")
    if company and file != "tickets" and (new or draw(st.integers(0, 3))):
        chosen = draw(st.sampled_from(COMPANIES))
        row[company] = [chosen] if company == "companyIds" else draw(st.sampled_from((chosen, f"extid-{chosen}")))
    if "archived" in found.properties and file not in ("tickets", "endusers"):
        row["archived"] = draw(st.booleans())
    return row


def prepare(box: Sandbox, path: str) -> None:
    """Leave only the companies. It changes the store: a call for each row would take most of the time."""
    with box._tenant.store.lock:
        for emptied in {path, "companies"}:
            rows = box._tenant.store[emptied]
            for row_id in rows.ids():
                rows.remove(row_id)
        if path != "companies":
            for row_id in COMPANIES:
                box._tenant.store["companies"].put({"_id": row_id, "name": row_id, "externalId": row_id})


def company_id(reference: str) -> str | None:
    found = reference.removeprefix("extid-")
    return found if found in COMPANIES else None


def sent(client: PlanhatClient, file: str, row: dict[str, Any]) -> tuple[str, str | None]:
    """What one row in a call of its own does: its outcome, and the record that it changes or creates."""
    answer = client._send("PUT", model(file).path, _body, body=encode([row]), takes=frozenset({400, 403}))
    for key, kind in (("upsertedIds", "created"), ("modified", "updated")):
        if answer[key]:
            return kind, answer[key][0]
    if answer["nonupdates"]:
        return "unchanged", None
    return "refused" if any(answer[name] for name in answer if name.endswith("rrors")) else "vanished", None


def _body(answer: Any) -> Any:
    return msgspec.json.decode(answer.body)


def check(match: Match, row: dict[str, Any], outcome: tuple[str, str | None], file: str) -> None:
    if match.doubt is not None:
        return
    kind, planhat_id = outcome
    if match.held is None:
        # A row that lacks a field or a company cannot be created, whatever it matches.
        company = (model(file).company or "").removesuffix("[]")
        named = not company or row.get(company) or file in ("tickets", "issues")
        assert kind == "created" or (kind in ("refused", "vanished") and not named), (row, outcome)
    elif kind == "updated":
        assert planhat_id == match.held.planhat_id, (row, outcome, match)
    else:
        assert kind == "unchanged", (row, outcome, match)


EXAMPLES = int(os.environ.get("MATCHING_EXAMPLES", "200"))


@given(data=st.data(), file=st.sampled_from(FILES))
@settings(max_examples=EXAMPLES)
def test_a_match_without_doubt_is_what_a_bulk_upsert_does(
    served: tuple[Sandbox, PlanhatClient], data: st.DataObject, file: str
) -> None:
    box, client = served
    found = model(file)
    for name in JUDGED:
        box.set_switch(name, SWITCHES[name].default)
    path = "conversations" if file == "tickets" else found.path
    prepare(box, path)
    for row in data.draw(st.lists(rows_of(file, new=True), max_size=6), label="tenant"):
        sent(client, file, row)
    ids = [row["_id"] for row in box.rows(path)]
    for name in JUDGED:
        box.set_switch(name, data.draw(st.sampled_from(SWITCHES[name].positions), label=name))
    items = data.draw(st.lists(rows_of(file, new=False), min_size=1, max_size=4), label="items")
    for item in items:
        if "_id" in item:
            item["_id"] = dict(enumerate(ids)).get(item["_id"], "f" * 24)
    bodies = [Row(encode(item)) for item in items]
    look = look_at(client, found, (*TEXTS[file], "custom"), bodies, company_id)
    try:
        for item, body in zip(items, bodies, strict=True):
            (match,) = look.index.find([body])
            if match.needs_id and match.held is not None:
                item["_id"] = match.held.planhat_id
            outcome = sent(client, file, item)
            check(match, item, outcome, file)
            note(look.index, body, match, outcome)
    finally:
        look.index.close()


def note(index: Any, row: Row, match: Match, outcome: tuple[str, str | None]) -> None:
    """Tell the index what was written, as a run does."""
    kind, planhat_id = outcome
    if kind == "created":
        index.note_stored(row, None, planhat_id)
    elif kind == "updated":
        (held,) = index.holders("_id", planhat_id) or (None,)
        if held is None:
            index.note_uncertain(row, None)
        else:
            index.note_stored(row, held, planhat_id)
    elif kind == "unchanged" and match.doubt is not None:
        index.note_uncertain(row, match.held)


def test_the_models_of_the_test_are_the_ones_with_all_kinds_of_keys() -> None:
    upserted = {found.file: found for found in all_models().values() if "bulk_upsert" in found.operations}
    kinds = {name for file in FILES for name in upserted[file].keyables}
    assert kinds == {name for found in upserted.values() for name in found.keyables}
