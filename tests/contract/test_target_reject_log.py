"""What the log says of rejects: one line for a reason, as much of rows as is no secret, and what to do next."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.outcomes.reject_log import MOST_REASONS, RejectLog
from target_planhat.rows.value_form import form_of
from tests.target_support import run, stream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1) as running:
        yield running


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("Reject")]


def test_equal_reasons_are_one_line_with_a_count_and_some_keys(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    rows: list[dict[str, Any]] = [{"external_id": f"k{place}", "renewal_date": "01/02/2026"} for place in range(120)]
    finished = run(box, stream("companies", rows), max_rejects="100%")
    assert finished.summary == {"companies": {"rejected": 120}}
    first, last, *others = told(caplog)
    why = "renewalDate: a text that is not a date; send ISO 8601, such as 2024-02-29T10:00:00Z (its form: '99/99/9999')"
    assert first == f"Rejected: companies, externalId=k0: {why}"
    keys = "externalId=k0, externalId=k1, externalId=k2, externalId=k3 and 116 more"
    assert last == f"Rejected: 120 records of companies ({keys}), the first: {why}"
    assert [line for line in others if not line.startswith("Rejected records are in")] == []


def test_reasons_that_differ_in_keys_alone_are_one(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"source_id": f"a{place}", "name": "n", "company_external_id": f"nobody-{place}"} for place in range(30)]
    finished = run(box, stream("assets", rows), max_rejects="100%")
    assert finished.summary == {"assets": {"rejected": 30}}
    assert len([line for line in told(caplog) if "assets" in line and "are in" not in line]) == 2


def test_many_reasons_are_not_all_told(caplog: pytest.LogCaptureFixture) -> None:
    rejects = RejectLog(logging.getLogger("test"), "Rejected")
    for place in range(MOST_REASONS + 10):
        rejects.add("s", lambda: "k", "reason " + "x" * place)
    rejects.log_counts()
    assert len(told(caplog)) == MOST_REASONS + 2
    assert told(caplog)[-1] == "Rejected: 10 more records for further reasons"
    assert rejects.first == "s, k: reason "


def test_a_row_without_a_key_is_named_by_its_line(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    rows: list[dict[str, Any]] = [{"external_id": "x", "name": "n"}, {"external_id": None, "name": "n"}]
    run(box, stream("companies", rows), max_rejects="100%")
    assert "companies, a row without a key, line 3 of the input: no key" in told(caplog)[0]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("01/02/2026", " (its form: '99/99/9999')"),
        ("Anna Lindgren <anna@acme.example>", " (its form: 'a a <a@a.a>')"),
        ("+46 70 123 45 67", " (its form: '+99 99 999 99 99')"),
        ("9" * 100, f" (its form: '{'9' * 24}'…)"),
        ("x\ny", r" (its form: 'a\na')"),
        (1709200800, " (its form: '9999999999')"),
        (-1.5, " (its form: '-9.9')"),
        pytest.param(10**5000, f" (its form: '{'9' * 24}'…)", id="thousands of digits"),
        (True, ""),
        ({"secret": 1}, ""),
        (["secret"], ""),
    ],
)
def test_of_a_value_only_its_form_is_told(value: object, form: str) -> None:
    assert form_of(value) == form


def test_unknown_rows_are_not_to_be_sent_again_just_so(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    company = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
    box.set_faults([{"kind": "drop", "path": "analytics-host", "processed": True}])
    points = [{"dimensionId": "d", "externalId": company, "value": place} for place in range(3)]
    finished = run(box, stream("metrics", points), max_rejects="100%")
    assert finished.summary == {"metrics": {"unknown": 3}}
    assert "Unknown: 3 records were sent and may or may not be in Planhat. Check this before" in caplog.text
