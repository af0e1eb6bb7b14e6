"""Points land once whatever ends or disturbs the runs, in seeded schedules; and the judge of them can say no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import Deadline
from planhat_sandbox import Sandbox
from tests.landing_judge import Books, RunFiles, Terms, judge
from tests.landing_schedules import KNOWS_LEDGER, ORACLE, play
from tests.landing_source import STREAM, Point, content_of
from tests.landing_target import SandboxClock

if TYPE_CHECKING:
    from tests.landing_judge import Verdict


@pytest.mark.parametrize("seed", range(2))
def test_calm_runs_land_each_point_once(seed: int) -> None:
    played = play(seed, calm=True)
    assert not played.faults, "\n".join([*played.steps, *played.faults])
    assert played.counts["points"] >= 100


@pytest.mark.parametrize("seed", range(4))
def test_a_target_that_knows_all_passes(seed: int) -> None:
    played = play(seed, command=ORACLE)
    assert not played.faults, "\n".join([*played.steps, *played.faults])


@pytest.mark.skipif(not KNOWS_LEDGER, reason="needs the ledger of the target")
@pytest.mark.parametrize("seed", range(20))
def test_each_point_lands_once_or_is_named(seed: int) -> None:
    played = play(seed)
    assert not played.faults, "\n".join([*played.steps, *played.faults])


def test_a_lost_ledger_is_noticed() -> None:
    for seed in range(2, 40):
        played = play(seed, forget=True)
        if played.counts["doubled"]:
            return
    pytest.fail("no point was counted twice, though the target lost its ledger between the runs")


def point(value: float, external_id: str = "C-00001", *, day: str = "2024-05-14", exists: bool = True) -> Point:
    record = {
        "dimension_id": "seats",
        "value": value,
        "external_id": external_id,
        "model": "Company",
        "date": day,
    }
    return Point(record, exists)


A, B, C = point(1), point(2, "C-00002"), point(3, "nobody", exists=False)
POINTS = [A, B, B, C]


def files(*named: tuple[Point, bool], killed: bool = False, **outcomes: int) -> RunFiles:
    rejects = [
        {
            "record": one.record,
            "planhat_rejection": {"uncertain": uncertain, "reason": "said so"},
        }
        for one, uncertain in named
    ]
    counted = outcomes or {
        "unknown": sum(uncertain for _, uncertain in named),
        "rejected": sum(not uncertain for _, uncertain in named),
    }
    receipts = [{"stream": STREAM, "outcome": name} for name, number in counted.items() for _ in range(number)]
    return RunFiles(rejects, receipts, killed)


def verdict(landed: list[Point], *runs: RunFiles, **terms: Any) -> Verdict:
    return judge(POINTS, Books([one.content for one in landed]), runs or [files((C, False))], Terms(**terms))


def kinds(judged: Verdict) -> set[str]:
    return {text.partition(":")[0] for text in judged.faults}


def test_the_judge_agrees_where_each_point_landed_once() -> None:
    judged = verdict([A, B, B])
    assert not judged.faults
    assert +judged.counts == {"landed once": 3, "without a record, and named": 1}


@pytest.mark.parametrize(
    ("landed", "runs", "kind"),
    [
        ([A, A, B, B], [files((C, False))], "doubled"),
        ([A, B, B, B], [files((C, False))], "doubled"),
        ([B, B], [files((C, False))], "lost"),
        ([A, B], [files((C, False))], "lost"),
        ([A, B], [files((C, False), (A, True))], "lost"),
        ([A, A, B, B], [files((C, False), (A, True))], "doubled"),
        ([A, B, B, point(9)], [files((C, False))], "invented"),
        ([A, B, B], [files((C, False), (A, False))], "false missing"),
        ([B, B], [files((C, False), (A, False))], "false missing"),
        ([A, B, B], [files((C, False), (point(9), True))], "invented"),
        ([A, B, B], [files()], "not told"),
        ([A, B, B], [files((C, False), rejected=2)], "files differ"),
        ([A, B, B], [files((C, True), rejected=1)], "files differ"),
    ],
)
def test_the_judge_says_what_is_wrong(landed: list[Point], runs: list[RunFiles], kind: str) -> None:
    assert kind in kinds(verdict(landed, *runs))


def test_an_honest_unknown_is_no_fault() -> None:
    judged = verdict([A, B], files((C, False), (A, True), (B, True)))
    assert not judged.faults
    assert judged.counts["unknown that landed"] == 2
    judged = verdict([B], files((C, False), (A, True), (B, True)))
    assert not judged.faults
    assert judged.counts["unknown that did not land"] == 2


def test_without_a_ledger_points_may_count_twice_but_not_vanish() -> None:
    judged = verdict([A, A, B, B], forgets=True)
    assert not judged.faults
    assert judged.counts["doubled without a ledger"] == 1
    assert kinds(verdict([A, A, B], forgets=True)) == {"lost"}


def test_points_without_a_record_must_be_told_only_where_it_was_asked() -> None:
    assert not verdict([A, B, B], files(), must_tell=False).faults


def test_the_files_of_a_killed_run_may_end_early() -> None:
    assert not verdict([A, B, B], files((C, False), killed=True, rejected=0)).faults


def test_days_that_held_a_value_are_kept() -> None:
    books = Books([A.content], held={B.cell: 7.0})
    assert not judge(POINTS, books, [files((C, False))], Terms("keep")).faults
    books.landed.append(B.content)
    assert kinds(judge(POINTS, books, [files((C, False))], Terms("keep"))) == {"not kept"}


def test_with_keep_a_day_holds_a_value_or_its_point_is_lost() -> None:
    points = [A, point(5)]
    assert not judge(points, Books([A.content]), [files()], Terms("keep")).faults
    assert kinds(judge(points, Books([]), [files()], Terms("keep"))) == {"lost"}


def test_with_replace_days_show_the_value_of_the_source() -> None:
    points, asked = [A, point(2, "C-00002")], Terms("replace")
    shown = {A.cell: 1.0, points[1].cell: 2.0}
    assert not judge(points, Books([], shown=shown), [files()], asked).faults
    shown[A.cell] = 8.0
    assert kinds(judge(points, Books([], shown=shown), [files()], asked)) == {"wrong value"}
    assert not judge(points, Books([], shown=shown), [files((A, False))], asked).faults


def test_the_same_moment_in_two_spellings_is_one() -> None:
    item = {"dimensionId": "seats", "model": "Company", "externalId": "C-00001", "value": 1}
    assert content_of({**item, "date": "2024-05-14T00:00:00.000Z"}) == A.content
    assert content_of({**item, "date": "2024-05-14T02:00:00+02:00"}) == A.content
    assert content_of({**item, "date": "2024-05-14T01:00:00Z"}) != A.content


def test_the_target_moves_the_clock_of_the_sandbox() -> None:
    with Sandbox(companies=1, frozen=True) as box:
        deadline = Deadline()
        clock = SandboxClock(box.url, deadline)
        began = clock.now()
        assert began == box.now
        assert clock.wait(600) is True
        assert clock.now() == box.now == began + 600
        deadline.set(0)
        assert clock.wait(600) is False
        assert box.now == began + 600
