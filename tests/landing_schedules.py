"""Plays seeded schedules of metric points: runs of the target are disturbed, ended and resumed until a source is done.

``python -m tests.landing_schedules 0 300`` plays the schedules 0 to 299. It tells of each in which a point was lost,
counted twice or named wrongly, and ends with the numbers of all. With ``--forget``, the target loses its ledger between
the runs, and the judge does not know it. With ``--calm``, there are neither faults nor signals. With ``--oracle``,
``tests.landing_oracle`` takes the place of the target: whatever is wrong then is a fault of the schedules. The files
and logs of schedules that went wrong are kept in the folder that the environment variable LANDING_KEEP names.

Each schedule has a sandbox with a clock that stands still, a source with a bookmark, and the real command of the target
in a process of its own, with the clock of the sandbox (``tests.landing_target``).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planhat_sandbox import Sandbox
from target_planhat.settings import SETTINGS
from target_planhat.stream_settings import StreamSettings
from tests.contract.sandbox_calls import Api
from tests.landing_judge import Books, RunFiles, Terms, Verdict, judge
from tests.landing_source import STREAM, TODAY, Shape, Source, content_of
from tests.target_support import connection
from tests.warm_commands import WarmCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.landing_source import Cell

__all__ = ["KNOWS_LEDGER", "ORACLE", "TARGET", "UNSORTED", "Schedule", "play"]

KNOWS_LEDGER = "ledger_dir" in SETTINGS["properties"]
"""Whether the target keeps a ledger of what it sent."""

TARGET = "tests.landing_target"
ORACLE = "tests.landing_oracle"

UNSORTED = 0.2
"""Share of the sources that give their points in another order each time."""

_PUSH = "analytics-host/dimensiondata"
_READ = "dimensiondata"
_MOST_RUNS = 14
_MOST_SECONDS = 60
_SETTLE = 0.4
"""Seconds after which no call is under way any more, after the process that made it has ended."""
_SHOWN = 6
_ZONES = {"utc": "UTC", "minus_8": "Etc/GMT+8", "plus_9": "Asia/Tokyo"}
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
_INTERRUPTED = {128 + signal.SIGTERM, 128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGINT, -signal.SIGKILL}


@dataclass
class Schedule:
    """What a seed stands for.

    Attributes:
        seed: Its number.
        calm: Whether there are neither faults nor signals.
        command: Module that is run as the target.
    """

    seed: int
    calm: bool = False
    command: str = TARGET

    def __post_init__(self) -> None:
        """Draw all that does not depend on how the runs go."""
        dice = self.dice = random.Random(f"landing {self.seed}")
        self.mode = (
            dice.choice(["add", "add", "keep", "replace"]) if self.knows("existing_points", "combine") else "add"
        )
        self.number = int(100 * 20 ** (dice.random() ** 2))
        self.rows_per_call = max(5, self.number // dice.randint(4, 25))
        self.state_every = max(3, int(self.number / dice.uniform(2, 40)))
        self.disturbed = 0 if self.calm else dice.randint(1, 5)
        self.rule = dice.choice(["sum", "last", "min", "max", "average"])
        self.is_sorted = dice.random() > UNSORTED
        self.keeps_ledger = dice.random() > 0.15
        self.switches: dict[str, Any] = {
            "calls_per_minute": 0,
            "calls_per_second": 0,
            "metric_combine": self.rule,
            "metric_zero": dice.choice(["kept", "missing"]),
            "metric_last": dice.choice(["arrival", "time"]),
            "metric_day": "utc" if self.mode != "add" else dice.choice(["utc"] * 8 + ["minus_8", "plus_9"]),
            "metrics_delay_seconds": dice.choice(["0", "30", "600", "0-600"]),
            "metrics_processed": dice.choice(["sent", "accepted"]),
            "page_max": dice.choice([0, 0, 37]),
        }
        self.settings = self._settings()

    def knows(self, *names: str) -> bool:
        """Whether the command has these settings."""
        known = {*SETTINGS["properties"], *StreamSettings.__struct_fields__}
        return self.command == ORACLE or known.issuperset(names)

    def terms(self, *, interrupted: bool) -> Terms:
        """What can be asked of the target. A run that was interrupted may not have looked for what it sent."""
        audited = self.settings.get("verify_landing") == "all" and not interrupted
        can_read = self.switches["metric_day"] == "utc" and self.switches["metric_zero"] == "kept"
        return Terms(
            self.mode,
            must_tell=self.command == ORACLE
            or self.settings.get("check_metric_targets") is True
            or (audited and can_read),
            is_repeatable=self.settings["streams"][STREAM].get("combine") in {"last", "min", "max"},
            forgets=self.command == TARGET and KNOWS_LEDGER and not self.keeps_ledger,
        )

    def _settings(self) -> dict[str, Any]:
        dice = self.dice
        checks = dice.choice([True, True, False])
        verify = dice.choice(["none", "all"])
        block: dict[str, Any] = {"existing_points": self.mode}
        if self.mode == "replace" or dice.random() < 0.5:
            block["combine"] = self.rule
        settings: dict[str, Any] = {
            "timeout_seconds": 2,
            "max_rejects": "100%",
            "checkpoint_seconds": 1,
            "write": "changes" if self.mode != "add" else dice.choice(["all", "changes"]),
            "check_metric_targets": checks,
            "verify_landing": verify,
            "streams": {STREAM: {name: value for name, value in block.items() if self.knows(name)}},
        }
        # A target that is not told by which clock days end can only be cautious.
        if self.switches["metric_day"] != "utc" or dice.random() < 0.5:
            settings["metric_time_zone"] = _ZONES[self.switches["metric_day"]]
        return {name: value for name, value in settings.items() if self.knows(name)}

    def faults(self) -> list[dict[str, Any]]:
        """The faults of one run."""
        dice = self.dice
        faults: list[dict[str, Any]] = []
        for nth in sorted(dice.sample(range(1, 15), dice.choice([0, 1, 1, 2, 3]))):
            faults += [{"path": _PUSH, "nth": nth, **fault} for fault in self._push_fault()]
        if dice.random() < 0.3:
            kinds: list[dict[str, Any]] = [{"kind": "status", "status": 503}, {"kind": "drop"}, {"kind": "truncate"}]
            faults.append(
                {
                    "path": dice.choice([_READ, _READ, None]),
                    "method": "GET",
                    "nth": dice.randint(1, 6),
                    **dice.choice(kinds),
                }
            )
        return faults

    def _push_fault(self) -> list[dict[str, Any]]:
        rows = self.dice.randint(1, self.rows_per_call)
        faults: list[list[dict[str, Any]]] = [
            [{"kind": "drop"}],
            [{"kind": "drop", "processed": True}],
            [{"kind": "drop", "processed_rows": rows}],
            [{"kind": "status", "status": 503}],
            [{"kind": "status", "status": 503, "processed": True}],
            [{"kind": "status", "status": 502, "processed_rows": rows}],
            [{"kind": "status", "status": 429, "retry_after": "0"}],
            [{"kind": "truncate"}],
            [{"kind": "invalid_json"}],
            [{"kind": "html"}],
            [{"kind": "stall", "seconds": 4}],
            [{"kind": "latency", "seconds": 2.5}, {"kind": "drop"}],
        ]
        return self.dice.choice(faults)


@dataclass
class Played(Verdict):
    """How a schedule went.

    Attributes:
        steps: What was done, in order.
    """

    steps: list[str] = field(default_factory=list)


def play(seed: int, *, calm: bool = False, forget: bool = False, command: str = TARGET) -> Played:
    """Play one schedule to its end.

    Args:
        seed: Its number.
        calm: Whether there are neither faults nor signals.
        forget: Whether the ledger is removed between the runs without the knowledge of the judge.
        command: Module that is run as the target.
    """
    schedule = Schedule(seed, calm, command)
    with (
        tempfile.TemporaryDirectory(prefix="landing-") as folder,
        Sandbox(companies=30, seed=seed % 20, days=3, today=TODAY, frozen=True, switches=schedule.switches) as box,
        closing(Api(box).session) as session,
    ):
        api = Api(box)
        api.session = session
        played = _Player(schedule, box, api, Path(folder), forget=forget).play()
        keep = os.environ.get("LANDING_KEEP")
        if keep and played.faults:
            shutil.copytree(folder, Path(keep) / f"schedule-{seed}")
        return played


class _Player:
    def __init__(self, schedule: Schedule, box: Sandbox, api: Api, folder: Path, *, forget: bool) -> None:
        self._schedule = schedule
        self._box = box
        self._api = api
        self._folder = folder
        self._forget = forget
        shape = Shape(schedule.number)
        if schedule.mode == "replace":
            shape = shape.with_one_point_for_each_cell()
        self._source = Source(box, schedule.dice, shape)
        self._position = 0
        self._interrupted = False
        self._runs: list[RunFiles] = []
        self._played = Played()

    def play(self) -> Played:
        """Run the target until the source is done, then judge."""
        schedule, played = self._schedule, self._played
        played.steps.append(
            f"{schedule.number} points, {schedule.rows_per_call} a call, STATE every {schedule.state_every}, "
            f"{'sorted' if schedule.is_sorted else 'not sorted'}, "
            f"{schedule.switches}, {schedule.settings}"
        )
        held = self._fill()
        first = len(self._box.metric_book)
        for number in range(_MOST_RUNS):
            # The last run is always a calm one, also if the source is done before.
            disturbed = number < schedule.disturbed and self._position < schedule.number
            self._run(number, disturbed=disturbed)
            if self._position == schedule.number and not disturbed:
                break
            self._between()
        else:
            played.fault("never done", f"after {_MOST_RUNS} runs, STATE is at {self._position}")
        landed = [content_of(entry["item"]) for entry in self._box.metric_book[first:] if entry["landed"]]
        verdict = judge(
            self._source.points,
            Books(landed, held, self._shown()),
            self._runs,
            schedule.terms(interrupted=self._interrupted),
        )
        played.faults += verdict.faults
        played.counts += verdict.counts
        played.counts["points"] += schedule.number
        played.counts["runs"] += len(self._runs)
        return played

    def _fill(self) -> dict[Cell, float]:
        """Give a tenth of the days a value before the first run."""
        held: dict[Cell, float] = {}
        for point in self._source.points:
            if point.exists and point.cell not in held and self._schedule.dice.random() < 0.1:
                held[point.cell] = 100_000.25 + len(held)
        days = [
            dict(zip(("dimensionId", "model", "externalId", "date", "value"), (*cell, value), strict=True))
            for cell, value in held.items()
        ]
        if days:
            assert self._api.push(f"dimensiondata/{self._box.tenant_token}", days).status_code == 200
            self._box.advance(3600)
        return held

    def _shown(self) -> dict[Cell, float]:
        """What lists show when everything can be read."""
        self._box.advance(3600)
        keys = {
            (model, str(row["_id"])): str(row["externalId"])
            for model, path in (("Company", "companies"), ("EndUser", "endusers"), ("Asset", "assets"))
            for row in self._box.rows(path)
            if row.get("externalId")
        }
        return {
            (row["dimensionId"], row["model"], keys[row["model"], row["parentId"]], row["time"][:10]): row["value"]
            for row in self._box.rows("dimensiondata")
            if (row["model"], row["parentId"]) in keys
        }

    def _between(self) -> None:
        if self._forget or not self._schedule.keeps_ledger:
            shutil.rmtree(self._folder / "ledger", ignore_errors=True)
        self._box.advance(self._schedule.dice.choice([0, 5, 120, 900]))

    def _run(self, number: int, *, disturbed: bool) -> None:
        """Run the target once."""
        schedule, dice = self._schedule, self._schedule.dice
        faults = schedule.faults() if disturbed else []
        stop = dice.choice([None, *_STOPS, *_STOPS]) if disturbed else None
        if stop is not None and dice.random() < 0.4:
            # So that a signal can come while a call is under way.
            faults.append({"kind": dice.choice(["latency", "slow_body"]), "path": _PUSH, "seconds": 0.2, "share": 0.5})
        self._box.set_faults(faults)
        self._box.forget_calls()
        moment = self._moment() if stop is not None else None
        run = _Run(self._folder / f"run-{number}", self._box, schedule)
        code = run.go(
            self._source.messages(self._position, schedule.state_every, is_sorted=schedule.is_sorted),
            dice.choice([0, 0.3, 1.5]),
            stop,
            moment,
        )
        was = self._position
        self._position = run.position(was)
        files = run.files(killed=code == -signal.SIGKILL)
        self._runs.append(files)
        self._interrupted |= code in _INTERRUPTED
        self._played.counts[f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"] += 1
        self._played.steps.append(
            f"run {number}: from {was} to {self._position}, exit {code}, signal {stop and stop.name}, "
            f"faults {faults}, {len(files.rejects)} rejects"
        )
        for kind, text in run.complaints(code, stop):
            self._played.fault(kind, f"run {number}: {text}")
        if stop is not None:
            time.sleep(_SETTLE)

    def _moment(self) -> Callable[[], bool]:
        """The condition upon which the signal is sent."""
        dice, box = self._schedule.dice, self._box
        kind = dice.choice(["time", "push", "push", "landed", "read"])
        number = dice.randint(1, 7)
        if kind == "time":
            end = time.monotonic() + dice.uniform(0.3, 3)
            return lambda: time.monotonic() >= end
        if kind == "landed":
            accepted = box._tenant.points.accepted
            wanted = len(accepted) + dice.randint(1, self._schedule.number)
            return lambda: len(accepted) >= wanted
        method = "POST" if kind == "push" else "GET"
        return lambda: sum(call.method == method and _READ in call.path for call in box.calls) >= number


class _Run:
    """One run of the command of the target."""

    def __init__(self, folder: Path, box: Sandbox, schedule: Schedule) -> None:
        folder.mkdir()
        self._folder = folder
        self._box = box
        self._schedule = schedule
        self._hung = False

    def go(
        self, parts: Sequence[bytes], seconds: float, stop: signal.Signals | None, moment: Callable[[], bool] | None
    ) -> int:
        """Start the command, feed it for about some seconds, and send it the signal. Returns the exit code."""
        config = self._folder / "config.json"
        places = {
            "rejects_dir": self._folder,
            "receipts_dir": self._folder,
            "ledger_dir": self._folder.parent / "ledger",
        }
        settings = {
            **connection(self._box),
            "landing_seconds": 900,
            **self._schedule.settings,
            **{name: str(path) for name, path in places.items() if self._schedule.knows(name)},
        }
        config.write_text(json.dumps(settings))
        environment = {
            **os.environ,
            "LANDING_SANDBOX": self._box.url,
            "LANDING_ROWS_PER_CALL": str(self._schedule.rows_per_call),
            "LANDING_CHECKPOINT": "0.1",
            "XDG_CACHE_HOME": str(self._folder.parent / "cache"),
        }
        with (
            (self._folder / "states").open("wb") as states,
            (self._folder / "log").open("wb") as log,
            WarmCommand(
                self._schedule.command, ["--config", str(config)], stdout=states, stderr=log, env=environment
            ) as process,
        ):
            feeder = threading.Thread(target=self._feed, args=(process, parts, seconds))
            feeder.start()
            code = self._wait(process, stop, moment)
            feeder.join()
        return code

    def _feed(self, process: WarmCommand, parts: Sequence[bytes], seconds: float) -> None:
        assert process.stdin
        with suppress(OSError):
            for part in parts:
                process.stdin.write(part)
                process.stdin.flush()
                time.sleep(seconds / len(parts))
        with suppress(OSError):
            process.stdin.close()

    def _wait(self, process: WarmCommand, stop: signal.Signals | None, moment: Callable[[], bool] | None) -> int:
        end = time.monotonic() + _MOST_SECONDS
        while process.poll() is None:
            if stop is not None and moment is not None and moment():
                process.send_signal(stop)
                stop = None
            if time.monotonic() > end:
                self._hung = True
                process.send_signal(signal.SIGUSR1)
                time.sleep(_SETTLE)
                process.kill()
            time.sleep(0.005)
        return process.wait()

    def position(self, before: int) -> int:
        """The bookmark after the run: that of the last whole STATE, else the one before."""
        whole, _, _ = (self._folder / "states").read_bytes().rpartition(b"\n")
        states = [json.loads(line) for line in whole.splitlines()]
        return int(states[-1]["bookmarks"][STREAM]["position"]) if states else before

    def files(self, *, killed: bool) -> RunFiles:
        """Its rejects and receipts."""
        rejects = [line for line in self._lines("rejects-*") if line["type"] == "RECORD"]
        return RunFiles(rejects, self._lines("receipts-*"), killed)

    def _lines(self, pattern: str) -> list[dict[str, Any]]:
        found = []
        for path in self._folder.glob(pattern):
            # After a kill, the last line may be a part of one.
            whole, _, _ = path.read_bytes().rpartition(b"\n")
            found += [json.loads(line) for line in whole.splitlines()]
        return found

    def complaints(self, code: int, stop: signal.Signals | None) -> list[tuple[str, str]]:
        """What is wrong with how it ended, by kind."""
        log = (self._folder / "log").read_text("utf-8", "replace")
        found = []
        if self._hung:
            found.append(("hung", f"it did not end within {_MOST_SECONDS} seconds: {log[-2500:]}"))
        if "Traceback" in log:
            found.append(("traceback", log[log.index("Traceback") :][-1500:]))
        if code == 2 or (code < 0 and stop is None and not self._hung):
            found.append(("wrong end", f"exit {code}: {log[-1500:]}"))
        return found


def main() -> None:
    """Play the schedules between two numbers."""
    options = [text for text in sys.argv[1:] if text.startswith("--")]
    first, last = (int(text) for text in sys.argv[1:] if not text.startswith("--"))
    command = ORACLE if "--oracle" in options else TARGET
    counts: Counter[str] = Counter()
    wrong = 0
    began = time.monotonic()
    for seed in range(first, last):
        played = play(seed, calm="--calm" in options, forget="--forget" in options, command=command)
        counts += played.counts
        if played.faults:
            wrong += 1
            shown = [*played.steps, "--", *played.faults[:_SHOWN]] if "--short" not in options else played.faults[:1]
            print(f"schedule {seed}: {len(played.faults)} faults", *shown, sep="\n  ", flush=True)  # noqa: T201
    width = max(map(len, counts), default=0)
    print(f"{last - first} schedules, {wrong} wrong, {time.monotonic() - began:.0f} seconds")  # noqa: T201
    for name, number in sorted(counts.items()):
        print(f"  {name:{width}} {number:8}")  # noqa: T201


if __name__ == "__main__":
    main()
