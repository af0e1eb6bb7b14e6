"""What became of points: looked at before, read back after, and sent exactly once."""

from __future__ import annotations

import io
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from planhat_sandbox import Sandbox
from target_planhat.failed_run import read_input
from target_planhat.record_line import REJECTION
from target_planhat.stream_settings import settings_of_stream
from target_planhat.target import TargetPlanhat
from tests.target_support import (
    Finished,
    connection,
    lines,
    records,
    run,
    schema,
    small_calls,
    state,
    stream,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = ("sum", "last", "min", "max", "average")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=6, seed=1, days=0) as made:
        yield made


def companies(box: Sandbox) -> list[str]:
    return [row["externalId"] for row in box.rows("companies") if row.get("externalId")]


def point(box: Sandbox, value: float, day: int = 1, company: int = 0, dimension: str = "logins") -> dict[str, Any]:
    return {
        "dimension_id": dimension,
        "value": value,
        "external_id": companies(box)[company],
        "date": f"2024-05-{day:02}",
    }


def shown(box: Sandbox) -> list[tuple[str, str, float]]:
    """What the days hold: metric, day, value."""
    return sorted((row["dimensionId"], row["time"][8:10], row["value"]) for row in box.rows("dimensiondata"))


def send(box: Sandbox, rows: list[dict[str, Any]], **settings: Any) -> Finished:
    return run(
        box, [*stream("metrics", rows), state({"at": 1})], **{"write": "changes", "landing_seconds": 2, **settings}
    )


# Days that hold a value already


def test_a_table_that_is_sent_every_night_does_no_harm(box: Sandbox) -> None:
    rows = [point(box, 3), point(box, 5, day=2)]
    for _ in range(3):
        finished = send(box, rows)
        assert finished.error is None
    assert finished.summary == {"metrics": {"unchanged": 2}}
    assert len(box.metrics) == 2
    finished = send(box, [*rows, point(box, 7, day=3)])
    assert finished.summary == {"metrics": {"unchanged": 2, "accepted": 1}}
    assert shown(box) == [("logins", "01", 3), ("logins", "02", 5), ("logins", "03", 7)]


def test_keep_leaves_a_day_with_another_value_and_says_so(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    send(box, [point(box, 3)])
    finished = send(box, [point(box, 4)])
    assert finished.error is None
    assert finished.summary == {"metrics": {"held back": 1}}
    assert "existing_points" in next(receipt["reason"] for receipt in finished.receipts)
    assert "1 metric points were not sent, because their days hold another value already" in caplog.text
    assert shown(box) == [("logins", "01", 3)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("before", "after"), [(3.0, 8.0), (8.0, 3.0), (4.0, 4.0)])
def test_replace_sends_what_the_rule_of_the_metric_needs(box: Sandbox, rule: str, before: float, after: float) -> None:
    box.set_switch("metric_combine", rule)
    settings = {"streams": {"metrics": {"existing_points": "replace", "combine": {"logins": rule}}}}
    send(box, [point(box, before)], **settings)
    finished = send(box, [point(box, after)], **settings)
    assert finished.error is None
    reached = before == after or rule in {"sum", "last", "max" if after > before else "min"}
    kind = "unchanged" if before == after else "accepted" if reached else "held back"
    assert finished.summary == {"metrics": {kind: 1}}, rule
    assert shown(box) == [("logins", "01", after if reached else before)]


def test_points_of_one_day_count_together(box: Sandbox) -> None:
    settings = {"streams": {"metrics": {"existing_points": "replace", "combine": "sum"}}}
    with small_calls(points=2):
        send(box, [point(box, 1), point(box, 2), point(box, 3)], **settings)
        assert shown(box) == [("logins", "01", 6)]
        finished = send(box, [point(box, 1), point(box, 2), point(box, 6)], **settings)
    assert finished.error is None
    assert shown(box) == [("logins", "01", 9)]


def test_add_sends_and_says_how_many_days_held_a_value(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    settings = {"streams": {"metrics": {"existing_points": "add"}}}
    send(box, [point(box, 3)], **settings)
    assert "were added to days" not in caplog.text
    finished = send(box, [point(box, 3), point(box, 3, day=2)], **settings)
    assert finished.summary == {"metrics": {"accepted": 2}}
    assert "1 metric points were added to days that held a value already" in caplog.text
    assert shown(box) == [("logins", "01", 6), ("logins", "02", 3)]


# Calls without an answer


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("rule", RULES)
def test_a_lost_answer_is_looked_into(box: Sandbox, rule: str, *, arrives: bool) -> None:
    box.set_switch("metric_combine", rule)
    box.set_faults([{"kind": "drop", "path": "analytics-host", "processed": arrives, "times": 1}])
    finished = send(box, [point(box, 3), point(box, 5, day=2), point(box, 4, company=1)])
    assert finished.error is None
    assert finished.summary == {"metrics": {"accepted": 3}}
    assert len(box.landed_metrics) == 3
    assert finished.states == [{"at": 1}]


def test_what_a_day_cannot_tell_stays_unknown(box: Sandbox) -> None:
    settings = {"streams": {"metrics": {"existing_points": "add"}}}
    send(box, [point(box, 5)], **settings)
    box.set_faults([{"kind": "drop", "path": "analytics-host", "times": 1}])
    finished = send(box, [point(box, 2), point(box, 1, day=2)], max_rejects="100%", **settings)
    # The metric might keep the largest value, so a day that still shows 5 does not tell.
    assert finished.summary == {"metrics": {"unknown": 1, "accepted": 1}}
    assert shown(box) == [("logins", "01", 5), ("logins", "02", 1)]


# What landed


def test_points_that_do_not_land_become_rejects(box: Sandbox) -> None:
    rows = [point(box, 3), {**point(box, 4), "external_id": "nobody"}, point(box, 5, day=2)]
    finished = send(box, rows, verify_landing="all", check_metric_targets=False, max_rejects="100%")
    assert finished.error is None
    assert finished.summary == {"metrics": {"accepted": 2, "rejected": 1}}
    landing = [receipt["landing"] for receipt in finished.receipts if receipt["landing"]]
    assert sorted(landing) == ["landed", "landed", "missing"]
    (reject,) = [line for line in finished.rejects if line["type"] == "RECORD"]
    assert reject["record"]["external_id"] == "nobody"
    assert "no Company has this externalId" in reject[REJECTION]["reason"]


def test_a_missing_point_changes_the_exit_code(box: Sandbox) -> None:
    finished = send(box, [{**point(box, 4), "external_id": "nobody"}], verify_landing="all", check_metric_targets=False)
    assert "max_rejects" in str(finished.error)
    assert finished.states == [{"at": 1}]


# Restarts


def test_a_run_that_ended_early_is_not_repeated(box: Sandbox) -> None:
    rows = [point(box, 1), point(box, 1), point(box, 2, day=2), point(box, 1)]
    settings = {"streams": {"metrics": {"existing_points": "add"}}, "on_uncertain_delivery": "set_aside"}
    with tempfile.TemporaryDirectory() as folder, small_calls(points=2):
        box.set_faults(
            [{"kind": "status", "status": 503, "path": "analytics-host", "nth": place} for place in range(2, 40)]
        )
        first = send(box, rows, ledger_dir=folder, timeout_seconds=1, **settings)
        assert first.error is not None
        assert first.summary["metrics"]["accepted"] == 2
        box.set_faults([])
        second = send(box, rows, ledger_dir=folder, **settings)
        assert second.error is None
        assert second.summary == {"metrics": {"accepted": 4}}
        assert len(box.metrics) == 4
        third = send(box, rows, ledger_dir=folder, **settings)
        assert third.summary == {"metrics": {"accepted": 4}}
        assert len(box.metrics) == 8


# Time


class BoxClock:
    """The clock of a sandbox that stands still: to wait moves it."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self.waited = 0.0

    def now(self) -> float:
        return self._box.now

    def wait(self, seconds: float) -> bool:
        self.waited += seconds
        self._box.advance(seconds)
        return True


@contextmanager
def moved_clock(box: Sandbox) -> Iterator[BoxClock]:
    clock = BoxClock(box)
    with patch.object(TargetPlanhat, "make_clock", staticmethod(lambda _deadline: clock)):
        yield clock


@pytest.mark.parametrize("delay", ["0", "30", "600", "0-600"])
@pytest.mark.parametrize("rule", RULES)
def test_each_point_gets_the_right_verdict(rule: str, delay: str) -> None:
    switches = {"metric_combine": rule, "metrics_delay_seconds": delay}
    with Sandbox(companies=6, seed=1, days=0, frozen=True, switches=switches) as box, moved_clock(box) as clock:
        rows = [point(box, number + 1, day=number % 28 + 1, company=number % 3) for number in range(120)]
        for number in range(7, 120, 33):
            rows[number]["external_id"] = "nobody"
        rows += rows[:5]
        finished = run(
            box,
            [*stream("metrics", rows), state({"at": 1})],
            write="changes",
            landing_seconds=900,
            verify_landing="all",
            max_rejects="100%",
        )
        assert finished.error is None
        verdicts = Counter(receipt["landing"] for receipt in finished.receipts if receipt["landing"])
        unmatched = sum(row["external_id"] == "nobody" for row in rows)
        assert verdicts.pop("missing") == unmatched
        assert set(verdicts) <= {"landed", "combined"}
        assert sum(verdicts.values()) == len(rows) - unmatched == len(box.landed_metrics)
        missing = [line["record"]["external_id"] for line in finished.rejects if line["type"] == "RECORD"]
        assert missing == ["nobody"] * unmatched
        assert clock.waited <= 900
        assert delay == "0" or clock.waited > 0


@pytest.mark.parametrize("seconds", ["0", "1", "2"])
def test_delays_in_real_time(seconds: str) -> None:
    with Sandbox(companies=6, seed=1, days=0, switches={"metrics_delay_seconds": seconds}) as box:
        rows = [point(box, number + 1, day=number + 1) for number in range(20)]
        began = time.monotonic()
        finished = send(box, rows, verify_landing="all", landing_seconds=20)
        assert finished.error is None
        landing = [receipt["landing"] for receipt in finished.receipts if receipt["landing"]]
        assert landing == ["landed"] * 20
        assert float(seconds) <= time.monotonic() - began < float(seconds) + 5


def test_points_that_are_late_are_called_missing_only_after_the_time_that_is_set() -> None:
    switches = {"metrics_delay_seconds": "600"}
    with Sandbox(companies=6, seed=1, days=0, frozen=True, switches=switches) as box, moved_clock(box) as clock:
        settings = {"verify_landing": "all", "max_rejects": "100%"}
        early = send(box, [point(box, 1)], landing_seconds=300, **settings)
        assert early.summary == {"metrics": {"rejected": 1}}
        assert clock.waited == 300
        (reject,) = [line for line in early.rejects if line["type"] == "RECORD"]
        assert "did not land" in reject[REJECTION]["reason"]


def test_a_run_waits_for_what_the_run_before_it_sent_to_the_same_days() -> None:
    switches = {"metrics_delay_seconds": "600"}
    with (
        Sandbox(companies=6, seed=1, days=0, frozen=True, switches=switches) as box,
        moved_clock(box) as clock,
        tempfile.TemporaryDirectory() as folder,
    ):
        settings = {"landing_seconds": 900, "ledger_dir": folder}
        assert send(box, [point(box, 1)], **settings).summary == {"metrics": {"accepted": 1}}
        assert send(box, [point(box, 1, day=2)], **settings).summary == {"metrics": {"accepted": 1}}
        assert clock.waited == 0
        assert send(box, [point(box, 1), point(box, 1, day=2)], **settings).summary == {"metrics": {"unchanged": 2}}
        assert clock.waited == 900
        assert len(box.metrics) == 2


def test_a_run_that_verified_leaves_nothing_to_wait_for() -> None:
    with (
        Sandbox(companies=6, seed=1, days=0, frozen=True, switches={"metrics_delay_seconds": "10"}) as box,
        moved_clock(box) as clock,
        tempfile.TemporaryDirectory() as folder,
    ):
        settings = {"landing_seconds": 900, "ledger_dir": folder, "verify_landing": "all"}
        send(box, [point(box, 1)], **settings)
        waited = clock.waited
        assert 10 <= waited < 60
        assert send(box, [point(box, 1)], **settings).summary == {"metrics": {"unchanged": 1}}
        assert clock.waited == waited


# The clock by which days end


@pytest.mark.parametrize(("position", "zone"), [("utc", "UTC"), ("minus_8", "Etc/GMT+8"), ("plus_9", "Asia/Tokyo")])
def test_days_end_by_the_clock_that_is_set(position: str, zone: str) -> None:
    with Sandbox(companies=6, seed=1, days=0, switches={"metric_day": position}) as box:
        rows = [{**point(box, 3), "date": "2024-05-14T03:00:00Z"}, {**point(box, 5), "date": "2024-05-16T20:00:00Z"}]
        for _ in range(2):
            finished = send(box, rows, metric_time_zone=zone, verify_landing="all")
        assert finished.error is None
        assert finished.summary == {"metrics": {"unchanged": 2}}
        assert len(box.metrics) == 2


@pytest.mark.parametrize("position", ["minus_8", "plus_9"])
def test_a_point_on_the_day_beside_its_own_is_not_called_missing(box: Sandbox, position: str) -> None:
    box.set_switch("metric_day", position)
    rows = [{**point(box, 3), "date": f"2024-05-14T{'03' if position == 'minus_8' else '20'}:00:00Z"}]
    finished = send(box, rows, verify_landing="all")
    assert finished.error is None
    (found,) = [receipt for receipt in finished.receipts if receipt["landing"]]
    assert found["landing"] == "cannot tell"
    assert "clock of another zone" in found["reason"]


# Settings


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"write": "all", "streams": {"metrics": {"existing_points": "keep"}}}, "existing_points: keep"),
        ({"streams": {"metrics": {"combine": "most"}}}, "combine"),
        ({"streams": {"metrics": {"existing_points": "some"}}}, "existing_points"),
        ({"metric_time_zone": "Mars/Base"}, "metric_time_zone"),
        ({"check_metric_targets": "sometimes"}, "check_metric_targets"),
        ({"landing_seconds": -1}, "landing_seconds"),
        ({"verify_landing": "some"}, "verify_landing"),
        ({"streams": {"companies": {"existing_points": "add"}}}, "existing_points"),
    ],
)
def test_a_wrong_setting_ends_the_run_before_the_first_call(box: Sandbox, settings: dict[str, Any], told: str) -> None:
    rows = [*stream("companies", [{"external_id": "1", "name": "A"}]), *stream("metrics", [point(box, 1)])]
    box.forget_calls()
    finished = run(box, rows, **{"write": "changes", **settings})
    assert told in f"{finished.error} {getattr(finished.error, 'errors', '')}"
    assert not box.calls


def test_the_dots_in_a_metric_come_back_from_meltano() -> None:
    block = {"combine": {"exports": {"count": "sum"}, "logins": "last"}}
    assert settings_of_stream("usage", block, {}).rules == {"exports.count": "sum", "logins": "last"}


def test_a_look_takes_few_calls(box: Sandbox) -> None:
    rows = [point(box, 1, day=day, dimension=name) for day in range(1, 29) for name in ("logins", "exports")]
    box.forget_calls()
    send(box, rows)
    reads = [call for call in box.calls if call.method == "GET"]
    # For each metric one answer, because nothing is there yet.
    assert len(reads) == 2
    box.forget_calls()
    assert send(box, rows).summary == {"metrics": {"unchanged": 56}}
    # The keys of companies, and for each metric an answer and the proof that it is the last one.
    assert len([call for call in box.calls if call.method == "GET"]) == 5


# Two streams, replays and unusual numbers


@pytest.mark.parametrize("first", ["events", "daily"])
def test_each_stream_has_its_own_rule_for_a_day(box: Sandbox, first: str) -> None:
    send(box, [point(box, 5)])
    blocks = {
        "events": {"model": "metrics", "existing_points": "add"},
        "daily": {"model": "metrics", "existing_points": "keep"},
    }
    messages = {"events": stream("events", [point(box, 2)]), "daily": stream("daily", [point(box, 9)])}
    second = next(name for name in messages if name != first)
    finished = run(box, [*messages[first], *messages[second]], write="changes", streams=blocks)
    assert finished.summary == {"events": {"accepted": 1}, "daily": {"held back": 1}}
    assert shown(box) == [("logins", "01", 7)]


@pytest.mark.parametrize("mode", ["add", "keep", "replace"])
def test_the_last_value_of_a_day_stays_the_last_after_a_lost_answer(box: Sandbox, mode: str) -> None:
    box.set_switch("metric_combine", "last")
    box.set_faults([{"kind": "drop", "path": "analytics-host", "processed": True, "times": 1}])
    settings = {"streams": {"metrics": {"existing_points": mode, "combine": "last"}}, "max_rejects": "100%"}
    send(box, [point(box, 3), point(box, 8)], **settings)
    assert shown(box) == [("logins", "01", 8)]


def test_a_replayed_point_does_not_take_away_the_others_of_its_day(box: Sandbox) -> None:
    settings = {"streams": {"metrics": {"existing_points": "replace", "combine": "sum"}}, "max_rejects": "100%"}
    finished = send(box, [point(box, 5), {**point(box, 3), "value": "3,0"}], **settings)
    (reject,) = [line for line in finished.rejects if line["type"] == "RECORD"]
    reject["record"]["value"] = 3
    schema_line = next(line for line in finished.rejects if line["type"] == "SCHEMA")
    replayed = run(box, [schema_line, reject], write="changes", **settings)
    assert replayed.summary == {"metrics": {"rejected": 1}}
    assert "Send the whole input again" in next(iter(replayed.reasons().values()))
    assert shown(box) == [("logins", "01", 5)]


@pytest.mark.parametrize("value", [10**309, -(10**400), 1.5e305])
@pytest.mark.parametrize("write", ["all", "changes"])
@pytest.mark.parametrize("declared", [{}, {"type": "number"}])
def test_numbers_that_are_too_large_are_rejected(
    box: Sandbox, value: float, write: str, declared: dict[str, Any]
) -> None:
    columns = {"dimension_id": {}, "value": declared, "external_id": {}, "date": {}}
    rows = [point(box, 1), {**point(box, 1), "value": value}, point(box, 2, day=2)]
    finished = run(
        box, [schema("metrics", columns), *records("metrics", rows), state(1)], write=write, max_rejects="100%"
    )
    assert finished.error is None
    assert finished.summary == {"metrics": {"accepted": 2, "rejected": 1}}


def test_large_whole_numbers_differ_by_one(box: Sandbox) -> None:
    settings = {"streams": {"metrics": {"existing_points": "replace", "combine": "last"}}}
    box.set_switch("metric_combine", "last")
    send(box, [point(box, 1_000_000_000)], **settings)
    assert send(box, [point(box, 1_000_000_001)], **settings).summary == {"metrics": {"accepted": 1}}


def test_a_stream_that_keeps_days_waits_also_beside_one_that_adds() -> None:
    blocks = {
        "events": {"model": "metrics", "existing_points": "add"},
        "daily": {"model": "metrics", "existing_points": "keep"},
    }
    with (
        Sandbox(companies=6, seed=1, days=0, frozen=True, switches={"metrics_delay_seconds": "600"}) as box,
        moved_clock(box) as clock,
        tempfile.TemporaryDirectory() as folder,
    ):
        settings = {"write": "changes", "landing_seconds": 900, "ledger_dir": folder, "streams": blocks}
        run(box, stream("daily", [point(box, 5)]), **settings)
        both = [*stream("daily", [point(box, 5)]), *stream("events", [point(box, 2)])]
        finished = run(box, both, **settings)
        assert finished.summary == {"daily": {"unchanged": 1}, "events": {"accepted": 1}}
        assert clock.waited == 900


def test_a_landing_check_that_cannot_read_ends_no_run(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    settings = {"write": "all", "streams": {"metrics": {"existing_points": "add"}}}
    reads = 2  # the look, and the first read of the check
    box.set_faults(
        [{"kind": "status", "status": 503, "path": "dimensiondata", "nth": place} for place in range(reads, 60)]
    )
    finished = send(box, [point(box, 1)], verify_landing="all", timeout_seconds=1, **settings)
    assert finished.error is None
    assert finished.states == [{"at": 1}]
    assert [receipt["landing"] for receipt in finished.receipts if receipt["landing"]] == ["not yet"]
    assert "cannot be read back any further" in caplog.text


@pytest.mark.parametrize(("text", "summary"), [("auto", {"rejected": 1}), ("false", {"accepted": 1})])
def test_the_check_of_records_is_set_by_words_of_the_environment(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, text: str, summary: dict[str, int]
) -> None:
    monkeypatch.setenv("TARGET_PLANHAT_CHECK_METRIC_TARGETS", text)
    config = {name: value for name, value in connection(box).items() if name != "check_metric_targets"}
    rows = lines(stream("metrics", [{**point(box, 1), "external_id": "nobody"}]))
    target = TargetPlanhat(config={**config, "max_rejects": "0"}, parse_env_config=True)
    try:
        read_input(target, io.BytesIO(rows))  # type: ignore[arg-type]
        assert target.run.ledger.summary.of("metrics") == summary
    finally:
        target.run.close()


@pytest.mark.parametrize("block", [{"combine": {"exports": {"count": "sum"}}}, {"combine": {"exports.count": "sum"}}])
def test_the_rules_of_metrics_come_as_meltano_gives_them(box: Sandbox, block: dict[str, Any]) -> None:
    settings = {"streams": {"metrics": {"existing_points": "replace", **block}}}
    send(box, [point(box, 5, dimension="exports.count")], **settings)
    send(box, [point(box, 8, dimension="exports.count")], **settings)
    assert shown(box) == [("exports.count", "01", 8)]


def test_a_token_that_may_not_read_metrics_is_told_what_to_do(box: Sandbox) -> None:
    box.set_faults([{"kind": "status", "status": 403, "path": "dimensiondata", "method": "GET"}])
    finished = send(box, [point(box, 1)])
    assert "With write: all, metric points are sent without a look" in str(finished.error)
    assert not box.metrics
    assert send(box, [point(box, 1)], write="all").summary == {"metrics": {"accepted": 1}}
