"""With verify_landing: all, rows that an answer claims as created are rows that Planhat shows, or rejects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from planhat_sandbox import Sandbox
from target_planhat.clock import SystemClock
from target_planhat.record_line import REJECTION
from tests.log_support import logged
from tests.target_support import Finished, run, state, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYED = {"streams": {"endusers": {"key": "externalId"}}}
ENDUSERS_CLAIMED = {"endusers_skipped": "counted_as_created"}
TICKETS_CLAIMED = {"tickets_skipped": "counted_as_created", "ticket_without_company": "ignored"}
BEFORE_THE_CHECK = 1
"""Calls of a run: a bulk upsert."""


def people(number: int, unknown: int) -> list[dict[str, Any]]:
    """Endusers without a company; of the first ones, nobody knows the domain."""
    return [
        {
            "external_id": f"e{n}",
            "email": f"p{n}@nowhere{n}.example" if n < unknown else f"p{n}@company{1 + n % 5}.example",
        }
        for n in range(number)
    ]


def tickets(number: int, unknown: int) -> list[dict[str, Any]]:
    return [
        {
            "source_id": f"t{n}",
            "email": f"p{n}@nowhere.example" if n < unknown else f"p{n}@company{1 + n % 5}.example",
            "title": "Help",
        }
        for n in range(number)
    ]


def verified(box: Sandbox, name: str, rows: list[dict[str, Any]], **settings: Any) -> Finished:
    """Run with the check, and count only the calls of this run."""
    box.forget_calls()
    chosen = {"verify_landing": "all", "landing_seconds": 0, "max_rejects": "100%", **KEYED, **settings}
    return run(box, [*stream(name, rows), state({"at": 1})], **chosen)


def landing(finished: Finished) -> dict[str, str]:
    return {receipt["key_value"]: receipt["landing"] for receipt in finished.receipts if receipt["landing"]}


def rejected(finished: Finished) -> dict[str, str]:
    """The reasons in the rejects file by the key of the record."""
    return {
        line["record"].get("external_id") or line["record"]["source_id"]: line[REJECTION]["reason"]
        for line in finished.rejects
        if line["type"] == "RECORD"
    }


def stored(box: Sandbox, path: str, name: str) -> set[str]:
    return {str(row[name]) for row in box.rows(path) if str(row.get(name)).startswith(("e", "t"))}


@pytest.fixture
def claiming() -> Iterator[Sandbox]:
    """A sandbox that claims endusers which it does not store."""
    with Sandbox(companies=5, switches=ENDUSERS_CLAIMED) as box:
        yield box


# What Planhat may answer


@pytest.mark.parametrize("answer_keys", ["all", "id_only"])
@pytest.mark.parametrize("without_company", ["ignored", "refused"])
@pytest.mark.parametrize("skipped", ["counted_as_nothing", "counted_as_created"])
def test_whatever_is_answered_for_endusers_that_are_not_stored_they_are_rejects(
    skipped: str, without_company: str, answer_keys: str
) -> None:
    switches = {
        "endusers_skipped": skipped,
        "enduser_without_company": without_company,
        "answer_keys": answer_keys,
    }
    with Sandbox(companies=5, switches=switches) as box:
        finished = verified(box, "endusers", people(20, 3))
        assert finished.error is None
        assert finished.summary == {"endusers": {"created": 17, "rejected": 3}}
        assert set(rejected(finished)) == {"e0", "e1", "e2"}
        assert {key for key, word in landing(finished).items() if word == "landed"} == {f"e{n}" for n in range(3, 20)}
        claimed = (skipped, without_company) == ("counted_as_created", "ignored")
        missing = {key for key, word in landing(finished).items() if word == "missing"}
        assert missing == ({"e0", "e1", "e2"} if claimed else set())


@pytest.mark.parametrize("answer_keys", ["all", "id_only"])
@pytest.mark.parametrize("without_company", ["ignored", "refused"])
@pytest.mark.parametrize("skipped", ["counted_as_nothing", "counted_as_created"])
def test_whatever_is_answered_for_tickets_that_are_not_stored_they_are_rejects(
    skipped: str, without_company: str, answer_keys: str
) -> None:
    switches = {
        "tickets_skipped": skipped,
        "ticket_without_company": without_company,
        "answer_keys": answer_keys,
    }
    with Sandbox(companies=5, switches=switches) as box:
        finished = verified(box, "tickets", tickets(10, 2))
        assert finished.error is None
        assert finished.summary == {"tickets": {"created": 8, "rejected": 2}}
        assert set(rejected(finished)) == {"t0", "t1"}
        assert {key for key, word in landing(finished).items() if word == "landed"} == {f"t{n}" for n in range(2, 10)}


def test_without_the_setting_the_answer_is_believed_and_nothing_is_read(claiming: Sandbox) -> None:
    finished = verified(claiming, "endusers", people(20, 3), verify_landing="none")
    assert finished.summary == {"endusers": {"created": 20}}
    assert len(claiming.calls) == BEFORE_THE_CHECK


def test_reasons_say_what_most_likely_is_wrong(claiming: Sandbox) -> None:
    claiming.set_switch("enduser_of_unknown_company", "unmapped")
    rows: list[dict[str, Any]] = [
        {"external_id": "e1", "email": "kim@nowhere.example", "company_id": None},
        {"external_id": "e2", "email": "kai@nowhere.example", "company_id": "extid-nobody"},
        {"external_id": "e3", "email": None, "company_id": None},
    ]
    reasons = rejected(verified(claiming, "endusers", rows))
    assert "no company has nowhere.example among its domains (B89, Q23)" in reasons["e1"]
    assert "no company has its companyId (B89, Q23)" in reasons["e2"]
    assert "none of companyId, companyExternalId, email" in reasons["e3"]


def test_the_reason_of_a_ticket() -> None:
    with Sandbox(companies=5, switches=TICKETS_CLAIMED) as box:
        (reason,) = rejected(verified(box, "tickets", tickets(1, 1))).values()
        assert "names no company (companyId or companyExternalId), and its email leads to none (Q28)" in reason


# What is checked


def test_updates_are_not_checked(claiming: Sandbox) -> None:
    rows = people(20, 0)
    assert set(landing(verified(claiming, "endusers", rows)).values()) == {"landed"}
    finished = verified(claiming, "endusers", [{**row, "position": "Boss"} for row in rows])
    assert finished.summary == {"endusers": {"updated": 20}}
    assert landing(finished) == {}
    assert len(claiming.calls) == BEFORE_THE_CHECK


def test_a_run_that_looks_before_it_writes_checks_as_well(claiming: Sandbox) -> None:
    rows = people(20, 2)
    verified(claiming, "endusers", rows[2:7])
    finished = verified(claiming, "endusers", rows, write="changes")
    assert finished.summary == {"endusers": {"created": 13, "unchanged": 5, "rejected": 2}}
    assert set(rejected(finished)) == {"e0", "e1"}
    assert {key for key, word in landing(finished).items() if word == "landed"} == {f"e{n}" for n in range(7, 20)}


def test_other_models_are_not_checked(claiming: Sandbox) -> None:
    finished = verified(claiming, "companies", [{"external_id": "new", "name": "New"}])
    assert finished.summary == {"companies": {"created": 1}}
    assert landing(finished) == {}
    assert not [call for call in claiming.calls if call.method == "GET"]


def test_each_record_of_a_merged_row_becomes_a_reject(claiming: Sandbox) -> None:
    first, *others = people(3, 1)
    finished = verified(claiming, "endusers", [first, {**first, "position": "Boss"}, *others, others[0]])
    assert finished.summary == {"endusers": {"created": 2, "merged": 1, "rejected": 2}}
    lines = [line["record"] for line in finished.rejects if line["type"] == "RECORD"]
    assert lines == [first, {**first, "position": "Boss"}]


def test_a_row_that_the_run_deletes_later_is_not_missing(claiming: Sandbox) -> None:
    company = claiming.rows("companies")[0]["_id"]
    rows = [{"source_id": f"e{n}", "company_id": company, "name": "N", "_sdc_deleted_at": None} for n in range(3)]
    gone = {**rows[0], "_sdc_deleted_at": "2024-05-01T00:00:00Z"}
    finished = verified(claiming, "endusers", [*rows, gone], batch_size_rows=3, hard_delete=True, streams={})
    assert finished.error is None
    assert finished.summary == {"endusers": {"created": 3, "deleted": 1}}
    assert landing(finished) == {"e1": "landed", "e2": "landed"}


def test_rows_accepted_without_details_are_found_by_their_keys() -> None:
    """The answer names ids only, and some of them are of created, some of updated endusers."""
    switches = {**ENDUSERS_CLAIMED, "answer_keys": "id_only"}
    with Sandbox(companies=5, switches=switches) as box:
        rows = people(20, 0)
        run(box, stream("endusers", rows[:5]), **KEYED)
        changed = [{**row, "position": "Boss"} for row in rows]
        finished = verified(box, "endusers", [*changed, {"external_id": "ex", "email": "a@nowhere.example"}])
        words = landing(finished)
        assert finished.error is None
        assert finished.summary["endusers"]["accepted"] >= 15
        assert {key for key, word in words.items() if word == "missing"} == {"ex"}
        assert set(rejected(finished)) == {"ex"}
        assert {words.get(f"e{n}") for n in range(5, 20)} == {"landed"}


def test_a_reject_lands_when_its_company_was_created(claiming: Sandbox) -> None:
    finished = verified(claiming, "endusers", [{"external_id": "e1", "email": "kim@late.example"}])
    assert finished.summary == {"endusers": {"rejected": 1}}
    run(claiming, stream("companies", [{"external_id": "late", "name": "Late", "domains": ["late.example"]}]))
    again = b"".join(json.dumps(line).encode() + b"\n" for line in finished.rejects)
    replay = run(claiming, again, verify_landing="all", landing_seconds=0, **KEYED)
    assert replay.error is None
    assert landing(replay) == {"e1": "landed"}
    assert replay.summary == {"endusers": {"created": 1}}
    assert stored(claiming, "endusers", "externalId") == {"e1"}


# How the run ends


def test_a_missing_row_counts_for_the_policy_after_state(claiming: Sandbox) -> None:
    finished = verified(claiming, "endusers", people(20, 1), max_rejects=0)
    assert "1 of 20 records rejected" in str(finished.error)
    assert finished.states == [{"at": 1}]


def test_the_log_and_the_summary_tell_what_landed(claiming: Sandbox) -> None:
    with logged() as log:
        verified(claiming, "endusers", people(1200, 10))
    text = log.getvalue()
    assert "Landing of endusers: 1,190 landed, 10 missing. The check took 4 calls" in text
    summary = json.loads(text.partition("SUMMARY ")[2].splitlines()[0])
    assert summary["landing"] == {"endusers": {"landed": 1190, "missing": 10}}


# What it costs


@pytest.mark.parametrize("unknown", [0, 300])
@pytest.mark.parametrize("skipped", ["counted_as_nothing", "counted_as_created"])
def test_many_rows_take_a_read_of_the_list_and_one_more_if_rows_are_missing(skipped: str, unknown: int) -> None:
    """5,000 endusers are 3 pages, and one more call proves that there is no further page."""
    with Sandbox(companies=5, endusers=0, switches={"endusers_skipped": skipped}) as box:
        finished = verified(box, "endusers", people(5000, unknown))
        assert finished.summary["endusers"]["created"] == 5000 - unknown
        pages = -(-len(box.rows("endusers")) // 2000) + 1
        is_missing = skipped == "counted_as_created" and unknown
        reads = [call for call in box.calls if call.method == "GET" and call.path == "endusers"]
        assert len(reads) == pages * (2 if is_missing else 1)
        assert len(box.calls) == BEFORE_THE_CHECK + len(reads)


def test_a_single_row_is_read_by_its_id(claiming: Sandbox) -> None:
    finished = verified(claiming, "endusers", people(1, 0))
    assert landing(finished) == {"e0": "landed"}
    assert len(claiming.calls) == BEFORE_THE_CHECK + 1


def test_a_row_that_comes_late_is_not_missing(claiming: Sandbox) -> None:
    rows = people(20, 1)
    waits: list[float] = []

    class Clock(SystemClock):
        def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            run(claiming, stream("endusers", [{**rows[0], "company_id": company}]), **KEYED)
            return True

    company = claiming.rows("companies")[0]["_id"]
    with patch("target_planhat.target.SystemClock", Clock):
        finished = verified(claiming, "endusers", rows, landing_seconds=900)
    assert waits == [5.0]
    assert finished.summary == {"endusers": {"created": 20}}
    assert set(landing(finished).values()) == {"landed"}


def test_a_run_that_has_to_end_calls_no_row_missing(claiming: Sandbox) -> None:
    with patch.object(SystemClock, "wait", return_value=False):
        finished = verified(claiming, "endusers", people(20, 1))
    assert finished.summary == {"endusers": {"created": 20}}
    assert landing(finished)["e0"] == "cannot tell"


# When it cannot be told


@pytest.mark.parametrize("status", [400, 403, 404, 429, 503])
def test_a_list_that_cannot_be_read_rejects_nothing(claiming: Sandbox, status: int) -> None:
    claiming.set_faults([{"kind": "status", "status": status, "method": "GET", "path": "endusers"}])
    with logged() as log:
        finished = verified(claiming, "endusers", people(20, 3), timeout_seconds=2)
    assert finished.error is None
    assert finished.summary == {"endusers": {"created": 20}}
    assert set(landing(finished).values()) == {"cannot tell"}
    assert log.getvalue().count("It cannot be checked which endusers landed") == 1


def test_an_incomplete_list_rejects_nothing(claiming: Sandbox) -> None:
    def add_some(reader: Any, model: Any, index: Any, in_flight: int) -> None:
        for page in reader.pages(model, params={"archived": "true"}, select=index.select):
            index.add_page(page)
        index.complete = False

    with patch("planhat_api.destination.look._read_lists", add_some):
        finished = verified(claiming, "endusers", people(20, 3))
    assert finished.summary == {"endusers": {"created": 20}}
    words = landing(finished)
    assert {key for key, word in words.items() if word == "cannot tell"} == {"e0", "e1", "e2"}
    assert {words[f"e{n}"] for n in range(3, 20)} == {"landed"}


def test_a_doubtful_match_rejects_nothing(claiming: Sandbox) -> None:
    """Another person has the address, and it is not known whether Planhat took the row for this person."""
    company = claiming.rows("companies")[0]["_id"]
    run(claiming, stream("endusers", [{"external_id": "held", "email": "kim@nowhere.example", "company_id": company}]))
    rows = [*people(5, 0), {"external_id": "e9", "email": "kim@nowhere.example"}]
    finished = verified(claiming, "endusers", rows)
    assert finished.summary == {"endusers": {"created": 6}}
    assert landing(finished)["e9"] == "cannot tell"
    assert "Another row has this email" in finished.reasons()["e9"]
