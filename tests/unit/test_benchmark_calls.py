"""The arithmetic of the benchmark of calls, and the page that two commands write."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import page
from benchmarks.calls import beside_peers, books, findings, lines, out, published_source, warehouse
from benchmarks.calls.bars import judged
from benchmarks.calls.least import Held, blind_writes, for_missed, full, news, pages, proofs, writes
from benchmarks.calls.lines import Points, Saved
from benchmarks.calls.outcomes import Outcome
from benchmarks.calls.schedule import Pace, seconds_needed
from benchmarks.environments import ROOT
from benchmarks.measure import RunFailedError
from planhat_api.models.registry import all_models

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = st.integers(0, 100_000)
SIZES = st.integers(1, 10_000)


@given(COUNTS, SIZES)
def test_pages_carry_all_rows_and_one_page_less_does_not(rows: int, size: int) -> None:
    calls = pages(rows, size)
    assert calls >= 1
    assert calls * size >= rows
    assert calls == 1 or (calls - 1) * size < rows


def test_an_empty_list_and_a_list_without_pages_take_one_call() -> None:
    assert full([Held("empty", 0, 2_000), Held("lean", 1_000_000, None)]) == 2
    assert proofs([Held("empty", 0, 2_000), Held("lean", 1_000_000, None)]) == 0


def test_each_pass_counts_on_its_own() -> None:
    passes = [Held("tasks", 15_000, 10_000), Held("tasks", 1, 10_000), Held("companies", 5_000, 5_000)]
    assert full(passes) == 4
    assert proofs(passes) == 3


@pytest.mark.parametrize(
    ("rows", "changed", "stamped", "calls"),
    [
        (0, 0, True, 1),
        (2_000, 0, True, 1),
        (2_001, 0, True, 2),
        (200_000, 0, True, 2),
        (200_000, 2_000, True, 2),
        (200_000, 2_001, True, 3),
        (4_001, 4_001, True, 3),
        (200_000, 0, False, 100),
    ],
)
def test_what_proves_that_nothing_else_changed(rows: int, changed: int, stamped: bool, calls: int) -> None:  # noqa: FBT001
    assert news([Held("endusers", rows, 2_000, stamped=stamped, changed=changed)]) == calls


@given(COUNTS, SIZES, st.data())
def test_a_proof_of_news_never_takes_more_than_a_full_read(rows: int, size: int, data: st.DataObject) -> None:
    held = Held("any", rows, size, stamped=True, changed=data.draw(st.integers(0, rows)))
    assert held.news <= held.calls


def test_missed_rows_need_the_calls_that_the_others_do_not() -> None:
    same_pages = Held("endusers", 1_900, 2_000, missed=100)
    one_page_more = Held("endusers", 2_100, 2_000, missed=200)
    whole_pass = Held("tasks", 500, 10_000, missed=500)
    nothing_missed = Held("users", 60, 10_000)
    assert [for_missed([each]) for each in (same_pages, one_page_more, whole_pass, nothing_missed)] == [0, 1, 1, 0]


def test_writes_look_once_and_send_each_model_for_itself() -> None:
    held = [Held("companies", 20_000, 5_000), Held("endusers", 200_000, 2_000)]
    assert writes(held, {}) == 104
    assert writes(held, {"companies": 200, "endusers": 5_001}) == 107
    assert blind_writes({"companies": 20_000, "endusers": 200_000}) == 44


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [(0, 0.0), (1, 0.2), (4, 0.2), (5, 0.4), (100, 5.0), (200, 10.0), (201, 60.2), (400, 70.0), (401, 120.2)],
)
def test_seconds_that_calls_need(calls: int, seconds: float) -> None:
    assert seconds_needed(calls, Pace(latency=0.2, at_once=4, quota=200)) == pytest.approx(seconds)


@given(st.integers(1, 500), st.integers(1, 8), st.integers(1, 100), st.floats(0.01, 2.0))
def test_the_quota_and_the_places_are_both_kept(calls: int, at_once: int, quota: int, latency: float) -> None:
    needed = seconds_needed(calls, Pace(latency, at_once, quota))
    by_places = -(-calls // at_once) * latency
    by_quota = (calls - 1) // quota * 60 + latency
    assert needed >= max(by_places, by_quota) - 1e-6
    assert needed <= by_places + (calls - 1) // quota * 60 + 1e-6
    assert seconds_needed(calls, Pace(latency, at_once)) == pytest.approx(by_places)


@pytest.mark.parametrize(
    ("calls", "alone", "seconds"), [(1, 1, 0.2), (9, 1, 0.6), (10, 1, 0.8), (6, 2, 0.6), (2, 2, 0.4)]
)
def test_calls_that_all_others_wait_for_come_one_after_the_other(calls: int, alone: int, seconds: float) -> None:
    assert seconds_needed(calls, Pace(0.2, 4), alone=alone) == pytest.approx(seconds)


@pytest.mark.parametrize(("unstamped", "calls"), [(0, 2), (1_999, 2), (2_000, 10), (20_000, 10)])
def test_rows_without_a_stamp_that_one_call_cannot_bring_need_the_whole_list(unstamped: int, calls: int) -> None:
    assert news([Held("conversations", 20_000, 2_000, stamped=True, unstamped=unstamped)]) == calls


def test_every_list_of_the_tap_but_views_is_counted_once() -> None:
    offered = {model.stream for model in all_models().values() if "list" in model.operations}
    assert set(books.streams()) == offered - {"notes"}
    assert set(published_source.PAGE_SIZES) < set(books.streams())
    assert len(published_source.PAGE_SIZES) == 17


def test_passes_and_points_become_what_is_held() -> None:
    today = books._today()
    tasks = [
        books.Rows({"isArchived": "false"}, frozenset("abc"), frozenset("abc")),
        books.Rows({"isArchived": "true"}, frozenset("de"), frozenset()),
    ]
    held = books.Books({"tasks": tasks}, {today - 31: Points(5, 50), today - 30: Points(7, 70)}, {"tasks": {"a", "e"}})
    assert held.held(["tasks"], again=True, missed={"tasks": {"d", "e"}}) == [
        Held("tasks", 3, 10_000, stamped=True, changed=1),
        Held("tasks", 2, 10_000, stamped=True, changed=1, missed=2),
    ]
    assert [each.rows for again in (False, True) for each in held.held(["dimension_data"], again=again)] == [12, 7]
    assert held.hidden_parameters == [("tasks", {"isArchived": "true"})]
    assert held.ids("tasks") - held.shown("tasks") == {"d", "e"}


def test_ids_of_all_records_and_the_last_state_are_read(tmp_path: Path) -> None:
    path = tmp_path / "tap.singer"
    incoming, outgoing = os.pipe()
    saved = Saved(incoming, path)
    saved.start()
    with os.fdopen(outgoing, "w") as file:
        for message in (
            {"type": "SCHEMA", "stream": "companies", "schema": {}},
            {"type": "RECORD", "stream": "companies", "record": {"name": "x", "_id": "0a", "type": 3}},
            {"type": "STATE", "value": {"bookmarks": 1}},
            {"type": "RECORD", "stream": "dimension_data", "record": {"_id": "0b"}},
            {"type": "RECORD", "stream": "dimension_data", "record": {"_id": "10"}},
            {"type": "STATE", "value": {"bookmarks": 2}},
        ):
            file.write(json.dumps(message) + "\n")
    saved.join()
    written = lines.of_singer(path)
    assert (written.rows, written.ids, written.points) == (3, {"companies": {"0a"}}, Points(2, 27))
    assert written.state is not None
    assert json.loads(written.state) == {"bookmarks": 2}


def test_records_of_airbyte_are_read(tmp_path: Path) -> None:
    path = tmp_path / "airbyte.lines"
    emitted = {"stream": "nps", "data": {"_id": "0a", "stream": 1}, "emitted_at": 1}
    path.write_text("\n".join(json.dumps(each) for each in ({"type": "LOG"}, {"type": "RECORD", "record": emitted})))
    assert lines.of_airbyte(path).ids == {"nps": {"0a"}}


def written_of(held: books.Books) -> lines.Written:
    ids = {stream: set(held.ids(stream)) for stream in books.streams() if stream != books.POINTS}
    return lines.Written(ids=ids, points=held.points(again=False))


def test_a_missing_an_unknown_and_a_changed_row_are_noticed() -> None:
    rows = [books.Rows({}, frozenset({"0a", "0b"}), frozenset({"0a", "0b"}))]
    held = books.Books({stream: rows for stream in books.streams() if stream != books.POINTS}, {1: Points(2, 3)})
    out.check_all(written_of(held), held, again=False)
    for stream, ids in (("nps", {"0a"}), ("nps", {"0a", "0b", "0c"})):
        wrong = written_of(held)
        wrong.ids[stream] = ids
        with pytest.raises(RunFailedError, match="nps"):
            out.check_all(wrong, held, again=False)
    wrong = written_of(held)
    wrong.points = Points(2, 4)
    with pytest.raises(RunFailedError, match="dimension_data"):
        out.check_all(wrong, held, again=False)
    held.changed["endusers"] = {"0b"}
    wrong = written_of(held)
    wrong.ids["endusers"] = {"0a"}
    with pytest.raises(RunFailedError, match="endusers"):
        out._check_changed(wrong, held)


def test_one_row_of_a_hundred_is_changed_and_at_least_one() -> None:
    assert warehouse.changed_rows({"companies": 1, "endusers": 100, "assets": 101}) == {
        "companies": 1,
        "endusers": 1,
        "assets": 2,
    }


def outcome(run: str, calls: int, fewest: int = 1, proofs: int = 0, *, part: str = "out") -> Outcome:
    return Outcome(part, 50, run, "ours", calls, fewest, proofs, rows=1, wall=1.0, peak=80.0)


def test_bars_are_judged_on_calls() -> None:
    found = findings.Findings(
        {},
        [
            outcome(out.FIRST, 63, 28, 27),
            outcome(out.SECOND, 33, 28),
            outcome(out.INCREMENTAL + out.SECOND, 30, 28),
            outcome(beside_peers.SECOND, 18, part="peers"),
            replace(outcome(beside_peers.ANY, 17, part="peers"), who="airbyte", for_missed=1),
        ],
    )
    assert [bar.reached for bar in judged(found)] == [True, False, True, True, True]


def test_findings_survive_their_file(tmp_path: Path) -> None:
    found = findings.Findings({"machine": "any"}, [outcome(out.FIRST, 1)], minutes=2.5)
    found.save(tmp_path / "findings.json")
    assert findings.load(tmp_path / "findings.json") == found


MEASURED = "# Benchmarks\n\nText.\n\n## Goals\n\nTable.\n"


def test_each_command_keeps_what_the_other_wrote() -> None:
    both = page.with_calls(MEASURED, "## Calls\n\nFew.\n")
    assert both.index("## Calls") < both.index("## Goals")
    assert page.with_measurements(both, MEASURED) == both
    assert page.with_calls(both, "## Calls\n\nFew.\n") == both
    fewer = page.with_calls(both, "## Calls\n\nFewer.\n")
    assert "Fewer." in fewer
    assert "Few.\n" not in fewer
    assert page.with_measurements("", MEASURED) == MEASURED
    assert page.with_calls("", "## Calls\n").count("## Calls") == 1


def test_the_page_in_the_repository_can_take_both() -> None:
    text = page.text_of(ROOT / "docs" / "benchmarks.md")
    again = page.with_calls(page.with_calls(text, "## Calls\n"), "## Calls\n")
    assert again.count("## Calls\n") == 1
    assert page.with_measurements(again, MEASURED).count("## Calls\n") == 1
