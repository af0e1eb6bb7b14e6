"""Records that stream maps leave out are counted: under the stream they came in, and only if no map takes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import lines, records, run, schema, state, stream

if TYPE_CHECKING:
    from pathlib import Path

TEXT = {"type": ["string", "null"]}
COMPANIES = schema("companies", {"external_id": TEXT, "name": TEXT}, "external_id")
ROWS: list[dict[str, Any]] = [{"external_id": f"M-{number}", "name": name} for number, name in enumerate("ABC")]
INPUT = [COMPANIES, *records("companies", ROWS), state(1)]


def test_filtered_rows_are_skipped_with_a_receipt() -> None:
    maps = {"companies": {"__filter__": "name == 'B'"}}
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, INPUT, stream_maps=maps)
        assert finished.summary == {"companies": {"created": 1, "skipped": 2}}
        assert finished.states == [1]
        assert finished.verdicts() == {"M-0": "skipped", "M-1": "created", "M-2": "skipped"}
        assert finished.reasons()["M-0"] == "stream_maps leave it out"
        left = next(receipt for receipt in finished.receipts if receipt["key_value"] == "M-0")
        assert (left["stream"], left["model"], left["key"], left["attempt"]) == ("companies", None, "external_id", 1)


def test_a_run_whose_rows_are_all_left_out_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, INPUT, stream_maps={"companies": {"__filter__": "name == 'Z'"}})
        assert finished.summary == {"companies": {"skipped": 3}}
        told = next(entry.getMessage() for entry in caplog.records if entry.getMessage().startswith("SUMMARY"))
        assert json.loads(told.removeprefix("SUMMARY "))["total"] == {"skipped": 3}
        assert not [call for call in box.calls if call.method == "PUT"]


def test_rows_of_a_renamed_stream_are_skipped_under_the_name_they_came_with() -> None:
    maps: dict[str, Any] = {"accounts": {"__alias__": "companies", "__filter__": "name != 'A'"}}
    announced = {**COMPANIES, "stream": "accounts"}
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [announced, *records("accounts", ROWS)], stream_maps=maps)
        assert finished.summary == {"accounts": {"skipped": 1}, "companies": {"created": 2}}


@pytest.mark.parametrize(
    ("own", "copy", "summary"),
    [
        ("name == 'A'", "name == 'B'", {"companies": {"created": 1, "skipped": 1}, "twins": {"created": 1}}),
        ("name == 'A'", "name == 'A'", {"companies": {"created": 1, "skipped": 2}, "twins": {"created": 1}}),
        ("name == 'Z'", "name == 'Z'", {"companies": {"skipped": 3}}),
        ("name == 'Z'", "name != 'Z'", {"twins": {"created": 3}}),
    ],
)
def test_of_several_copies_one_is_enough(own: str, copy: str, summary: dict[str, Any]) -> None:
    twins = {"__source__": "companies", "__filter__": copy, "external_id": "'twin of ' + external_id"}
    maps: dict[str, Any] = {"companies": {"__filter__": own}, "twins": twins}
    settings: dict[str, Any] = {"streams": {"twins": {"model": "companies"}}, "stream_maps": maps}
    with Sandbox(companies=2, seed=1) as box:
        assert run(box, INPUT, **settings).summary == summary


def test_a_copy_that_fails_is_rejected_and_not_skipped_as_well() -> None:
    twins = {"__source__": "companies", "name": "int(name)"}
    maps: dict[str, Any] = {"companies": {"__filter__": "name == 'Z'"}, "twins": twins}
    settings: dict[str, Any] = {"streams": {"twins": {"model": "companies"}}, "stream_maps": maps}
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, INPUT, max_rejects="100%", **settings)
        assert finished.summary == {"twins": {"rejected": 3}}
        again = run(box, finished.rejects, **{**settings, "stream_maps": {"twins": {**twins, "__filter__": "False"}}})
        assert again.summary == {"companies": {"skipped": 3}}


@pytest.mark.parametrize("maps", [{"logs": None}, {"logs": "__NULL__"}])
def test_every_line_of_a_removed_stream_is_skipped(maps: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 2}\n')
    batch = {"type": "BATCH", "stream": "logs", "encoding": {"format": "jsonl"}, "manifest": [path.as_uri()]}
    given = (
        lines([*stream("logs", [{"a": 1}]), batch]) + b'{"type": "RECORD", "stream": "logs", "record": {"a": NaN}}\n'
    )
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, given, stream_maps=maps)
        assert finished.error is None
        assert finished.summary == {"logs": {"skipped": 3}}


def test_a_stream_that_gets_no_row_is_not_in_the_summary() -> None:
    maps = {"companies": {"__alias__": "Company", "__filter__": "name == 'Z'"}}
    with Sandbox(companies=2, seed=1) as box:
        assert run(box, INPUT, stream_maps=maps).summary == {"companies": {"skipped": 3}}


def test_a_reject_for_one_of_several_streams_is_left_out_when_its_stream_is() -> None:
    again = [{**message, "planhat_rejection": {"attempt": 1, "copy": "twins"}} for message in INPUT[1:-1]]
    with Sandbox(companies=2, seed=1) as box:
        finished = run(box, [COMPANIES, *again, state(1)], stream_maps={"companies": None})
        assert finished.summary == {"companies": {"skipped": 3}}
        assert [receipt["attempt"] for receipt in finished.receipts] == [2, 2, 2]
