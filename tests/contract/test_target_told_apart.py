"""What becomes of rows that an answer does not tell apart, whatever happens to the calls that find out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import records, run, schema, stream

if TYPE_CHECKING:
    from tests.target_support import Finished

DELIVERED = {"created", "updated", "unchanged", "accepted", "merged"}
NOWHERE = {"company_id": "extid-nowhere"}
"""What Planhat refuses; the error does not name the row."""
UNREAD = {"kind": "status", "status": 403, "method": "GET"}
BLIND = {**UNREAD, "path": "leancompanies"}
"""The companies cannot be looked at, so that such a row is sent, and nothing hints at it."""
blind_or_not = pytest.mark.parametrize("faults", [[], [BLIND]], ids=["", "blind"])


def people(box: Sandbox, *keys: str) -> list[dict[str, Any]]:
    return [row for row in box.rows("endusers") if row.get("sourceId") in keys]


def good_and_bad(
    box: Sandbox, faults: list[dict[str, Any]], *, held: bool, failures: list[tuple[int, int]], good_first: bool
) -> Finished:
    """A good row, and one that is refused without being named; some of the calls after the first one fail."""
    company = box.rows("companies")[0]["_id"]
    good = {"source_id": "s1", "company_id": company, "name": "n"}
    if held:
        run(box, stream("endusers", [good]))
    fails = {"kind": "status", "method": "PUT", "path": "endusers"}
    box.set_faults([*faults, *({**fails, "nth": nth, "status": status} for nth, status in failures)])
    both = [good, {"source_id": "s2", "name": "bad", **NOWHERE}]
    rows = both if good_first else both[::-1]
    return run(box, stream("endusers", rows), max_rejects="100%", timeout_seconds=2)


@pytest.mark.parametrize("good_first", [True, False])
@blind_or_not
@pytest.mark.parametrize("failures", [[(2, 500), (3, 500), (4, 500)], [(2, 400)], [(2, 413)], [(2, 422)]], ids=str)
def test_a_call_that_fails_while_rows_are_told_apart_does_not_make_a_refused_row_delivered(
    failures: list[tuple[int, int]], faults: list[dict[str, Any]], *, good_first: bool
) -> None:
    with Sandbox(companies=3, endusers=1, switches={"error_items": "text", "updated_at_on_equal": "kept"}) as box:
        finished = good_and_bad(box, faults, held=True, failures=failures, good_first=good_first)
        assert people(box, "s2") == []
        assert finished.verdicts()["s2"] not in DELIVERED
        assert finished.verdicts()["s1"] != "rejected"


@pytest.mark.parametrize("good_first", [True, False])
@blind_or_not
@pytest.mark.parametrize(
    "failures", [[(2, 500), (3, 500), (4, 500)], [(2, 400)], [(2, 413)], [(2, 422), (3, 422)]], ids=str
)
def test_a_row_stored_by_the_first_call_is_not_rejected_for_a_later_one(
    failures: list[tuple[int, int]], faults: list[dict[str, Any]], *, good_first: bool
) -> None:
    with Sandbox(companies=3, endusers=1, switches={"error_items": "text", "answer_keys": "id_only"}) as box:
        finished = good_and_bad(box, faults, held=False, failures=failures, good_first=good_first)
        assert len(people(box, "s1")) == 1
        assert finished.verdicts()["s1"] != "rejected"
        assert finished.verdicts()["s2"] not in DELIVERED


@blind_or_not
def test_old_keys_do_not_settle_rows_of_a_later_call(faults: list[dict[str, Any]]) -> None:
    """Twelve rows that Planhat refuses, and twelve that it creates: the keys read before hold the first ones only."""
    with Sandbox(companies=3, endusers=1, switches={"answer_keys": "id_only", "error_items": "text"}) as box:
        company = box.rows("companies")[0]["_id"]
        twins = [
            {"source_id": f"t{side}-{number}", "email": f"twin{number}@x.example", "company_id": company}
            for side in (0, 1)
            for number in range(12)
        ]
        run(box, stream("endusers", twins))

        def rows(name: str, position: str, **more: Any) -> list[dict[str, Any]]:
            row = {"company_id": company, "position": position, **more}
            return [{**row, "email": f"{name}{number}@x.example"} for number in range(12)]

        run(box, stream("endusers", rows("old", "a")))
        box.set_faults(faults)
        first = [*rows("old", "a"), *rows("missing", "a", **NOWHERE)]
        second = [*rows("twin", "refused"), *rows("new", "created")]
        messages = [schema("endusers", list(first[0])), *records("endusers", [*first, *second])]
        finished = run(box, messages, batch_size_rows=24, max_rejects="100%")
        stored = Counter(row.get("position") for row in box.rows("endusers"))
        assert (stored["refused"], stored["created"]) == (0, 12)
        verdicts = finished.verdicts()
        assert {verdicts[f"{name}{number}@x.example"] for name in ("twin", "missing") for number in range(12)} == {
            "rejected"
        }
        assert {verdicts[f"{name}{number}@x.example"] for name in ("old", "new") for number in range(12)} <= DELIVERED


@pytest.mark.parametrize("answer_keys", ["all", "id_only"])
@pytest.mark.parametrize("position", ["insert", "error"])
@blind_or_not
def test_an_id_that_matches_nothing_is_not_inserted_once_for_each_try(
    faults: list[dict[str, Any]], position: str, answer_keys: str
) -> None:
    """Each call that holds the row would make a new one of it (B61)."""
    switches = {"unknown_id": position, "error_items": "text", "answer_keys": answer_keys}
    with Sandbox(companies=3, endusers=1, switches=switches) as box:
        company = box.rows("companies")[0]["_id"]
        rows = [{"_id": "5" * 24, "email": "ghost@x.example", "company_id": company}]
        rows += [{"email": f"p{number}@x.example", "company_id": company} for number in range(6)]
        for row in rows[1:3]:
            row.update(NOWHERE)
        box.set_faults(faults)
        finished = run(box, stream("endusers", rows), max_rejects="100%")
        inserted = position == "insert"
        assert Counter(row["email"] for row in box.rows("endusers"))["ghost@x.example"] == inserted
        verdicts = finished.verdicts()
        assert (verdicts["5" * 24] in DELIVERED) == inserted
        assert Counter(verdict in DELIVERED for verdict in verdicts.values()) == {
            True: 4 + inserted,
            False: 3 - inserted,
        }
        assert "unknown" not in verdicts.values()


@pytest.mark.parametrize("position", ["insert", "error", "first"])
@blind_or_not
def test_an_ambiguous_address_is_not_inserted_once_for_each_try(faults: list[dict[str, Any]], position: str) -> None:
    switches = {"ambiguous_key": position, "error_items": "text", "answer_keys": "id_only"}
    with Sandbox(companies=3, endusers=1, switches=switches) as box:
        company = box.rows("companies")[0]["_id"]
        twins = [
            {"source_id": f"t{number}", "email": "twin@x.example", "company_id": company, "position": "a"}
            for number in range(2)
        ]
        run(box, stream("endusers", twins))
        rows = [{"email": "twin@x.example", "company_id": company, "position": "b"}]
        rows += [{"email": f"p{number}@x.example", "company_id": company} for number in range(4)]
        for row in rows[1:3]:
            row.update(NOWHERE)
        box.set_faults(faults)
        finished = run(box, stream("endusers", rows), max_rejects="100%")
        stored = Counter(row.get("position") for row in box.rows("endusers"))
        assert stored["b"] == (position != "error")
        assert (finished.verdicts()["twin@x.example"] in DELIVERED) == (position != "error")
        assert "unknown" not in finished.verdicts().values()


def test_rows_that_may_be_inserted_anew_are_unknown_when_nobody_can_look() -> None:
    switches = {"unknown_id": "insert", "ambiguous_key": "insert", "error_items": "text", "answer_keys": "id_only"}
    with Sandbox(companies=3, endusers=1, switches=switches) as box:
        company = box.rows("companies")[0]["_id"]
        twins = [{"source_id": f"t{n}", "email": "twin@x.example", "company_id": company} for n in range(2)]
        run(box, stream("endusers", twins))
        rows = [
            {"_id": "5" * 24, "email": "ghost@x.example", "company_id": company, "position": "ghost"},
            {"email": "twin@x.example", "company_id": company, "position": "twin"},
            {"source_id": "s1", "company_id": company},
            {"source_id": "s2", **NOWHERE},
        ]
        box.set_faults([BLIND, {**UNREAD, "path": "endusers"}])
        verdicts = run(box, stream("endusers", rows), max_rejects="100%").verdicts()
        stored = Counter(row.get("position") for row in box.rows("endusers"))
        assert (stored["ghost"], stored["twin"]) == (1, 1)
        assert (verdicts["s1"] in DELIVERED, verdicts["s2"]) == (True, "rejected")
        assert "rejected" not in {verdicts["5" * 24], verdicts["twin@x.example"]}


@blind_or_not
def test_rows_named_by_an_id_that_planhat_holds_are_not_unknown(faults: list[dict[str, Any]]) -> None:
    switches = {"answer_keys": "id_only", "error_items": "text", "updated_at_on_equal": "kept"}
    with Sandbox(companies=3, switches=switches) as box:
        company = box.rows("companies")[0]["_id"]
        rows: list[dict[str, Any]] = [{"_id": row["_id"]} for row in box.rows("endusers")[:20]]
        rows += [{"source_id": "new", "company_id": company}, {"source_id": "bad", **NOWHERE}]
        box.set_faults(faults)
        finished = run(box, stream("endusers", rows), max_rejects="100%")
        counts = finished.summary["endusers"]
        assert counts.pop("rejected") == 1
        assert sum(counts.values()) == 21
        assert counts.keys() <= DELIVERED
