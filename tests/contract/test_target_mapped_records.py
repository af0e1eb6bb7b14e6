"""Records that a stream map changes give the same rows many at a time as they give one by one through the SDK."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat import sdk_bypass
from target_planhat.mapped_records import MappedRecords
from tests.target_support import records, run, schema, state

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = {"type": ["string", "null"]}
COLUMNS = {
    "external_id": TEXT,
    "name": TEXT,
    "stage": TEXT,
    "mr": {"type": ["number", "null"]},
    "more": {"type": ["object", "null"], "properties": {"phase": TEXT}},
    "_sdc_deleted_at": TEXT,
}
DROP = {"stage": "__NULL__", "more": "__NULL__"}
MAPS: dict[str, dict[str, Any]] = {
    "rename": {"companies": {"phase": "stage", **DROP}},
    "filter": {"companies": {"__filter__": "name != 'B'", "description": "name.lower()", **DROP}},
    "key": {"companies": {"sourceId": "external_id + '!'", **DROP}},
    "only": {"companies": {"external_id": "external_id", "name": "name", "__else__": "__NULL__"}},
    "constant": {"companies": {"description": "'x' + str(mr)", **DROP}},
    "marks dropped": {"companies": {"_sdc_deleted_at": "__NULL__", **DROP}},
    "alias": {"companies": {"__alias__": "Company", **DROP}},
    "fails on numbers": {"companies": {"mr": "mr / (mr - 3)", **DROP}},
    "no json inside": {"companies": {"custom": "{'Seats': float('nan') if mr == 4 else mr}", **DROP}},
    "tuples": {"companies": {"custom": "{'Regions': (name, 'x')}", **DROP}},
    "no json": {"companies": {"mr": "float('nan') if mr == 3 else mr", **DROP}},
}


def rows(seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    made: list[dict[str, Any]] = []
    for number in range(60):
        row: dict[str, Any] = {"external_id": f"M-{number}", "name": chance.choice("ABC")}
        row["stage"] = chance.choice(["live", "Ä 🎉", None])
        row["mr"] = chance.choice([1, 2.5, None, 7, 9, 3 if seed % 2 else 4])
        if chance.random() < 0.3:
            row["more"] = {"phase": "x"}
        if chance.random() < 0.1:
            row["_sdc_deleted_at"] = chance.choice([None, "2024-05-14T00:00:00Z"])
        if chance.random() < 0.03:
            row["name"] = 5
        if chance.random() < 0.05:
            row["undeclared"] = chance.choice([1, {"a": [None]}])
        if chance.random() < 0.03:
            del row["external_id"]
        made.append(row)
    return made


def told(maps: Any, seed: int) -> dict[str, Any]:
    with Sandbox(companies=2, seed=1) as box:
        given = rows(seed)
        parts = [schema("companies", COLUMNS), *records("companies", given[:40]), state(1)]
        parts += [*records("companies", given[40:]), state(2)]
        finished = run(box, parts, max_rejects="100%", stream_maps=maps, batch_size_rows=17)
        stored = [
            {name: row.get(name) for name in ("externalId", "sourceId", "name", "phase", "mr", "description")}
            for row in box.rows("companies")
        ]
        return {
            "stored": stored,
            "calls": len(box.calls),
            "summary": finished.summary,
            "states": finished.states,
            "rejects": [(message.get("record"), message.get("stream")) for message in finished.rejects],
            "receipts": sorted(
                (str(one["key_value"]), one["stream"], one["outcome"], str(one.get("reason")))
                for one in finished.receipts
            ),
        }


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", MAPS)
def test_both_ways_give_the_same(name: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    handle = MappedRecords.handle

    def noted(self: MappedRecords, lines: Sequence[bytes], start: int) -> int:
        taken.append(handle(self, lines, start))
        return taken[-1]

    monkeypatch.setattr(MappedRecords, "handle", noted)
    short = told(MAPS[name], seed)
    assert sum(taken) > 20
    taken.clear()
    monkeypatch.setattr(sdk_bypass, "KNOWN_SDK", "9.")
    assert told(MAPS[name], seed) == short
    assert not taken


def test_rows_that_need_the_sdk_are_not_mapped_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many of them among others must not cost as many looks ahead."""
    mapped = []
    record = MappedRecords._record

    def noted(self: MappedRecords, line: bytes) -> Any:
        mapped.append(line)
        return record(self, line)

    monkeypatch.setattr(MappedRecords, "_record", noted)
    given = [{"external_id": f"M-{number}", "name": "A", "mr": 3 if number % 5 else 4} for number in range(2_000)]
    with Sandbox(companies=2, seed=1) as box:
        parts = [schema("companies", COLUMNS), *records("companies", given)]
        finished = run(box, parts, max_rejects="100%", stream_maps={"companies": {"mr": "1 / (mr - 4)", **DROP}})
        assert finished.summary == {"companies": {"created": 1_600, "rejected": 400}}
    assert len(mapped) < 5 * len(given)


@pytest.mark.parametrize("maps", [{}, {"companies": {"description": "'x'"}}])
@pytest.mark.parametrize("known", [sdk_bypass.KNOWN_SDK, "9."])
def test_columns_of_taps_are_checked_whichever_way_records_take(
    known: str, maps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk_bypass, "KNOWN_SDK", known)
    announced = schema("companies", {"external_id": TEXT, "name": TEXT, "_sdc_extracted_at": TEXT})
    announced["schema"]["required"] = ["_sdc_extracted_at"]
    given = [{"external_id": f"M-{number}", "name": "A", "_sdc_extracted_at": "2024-05-14"} for number in range(4)]
    given[2]["_sdc_extracted_at"] = 5  # type: ignore[assignment] # the fault
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [announced, *records("companies", given)], max_rejects="100%", stream_maps=maps)
    assert finished.summary == {"companies": {"created": 3, "rejected": 1}}
    assert finished.reasons() == {"M-2": "_sdc_extracted_at does not fit the schema of the stream (type)"}


@pytest.mark.parametrize("maps", [{}, {"companies": {"description": "'x'"}}])
def test_the_policy_is_asked_after_each_batch(maps: Any) -> None:
    """Not after the lines that came together, which may be many batches."""
    given = [{"external_id": f"M-{number}"} for number in range(900)]
    with Sandbox(companies=2, seed=1) as box:
        parts = [schema("companies", {"external_id": TEXT}), *records("companies", given)]
        finished = run(box, parts, stream_maps=maps, batch_size_rows=10)
    assert finished.summary["companies"]["rejected"] <= 40
    assert sum(finished.summary["companies"].values()) == 900
