"""One whole run of the benchmarks, part by part, its findings saved after each."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import corpus, machine, relay, startup
from benchmarks.contestants import Contestants
from benchmarks.environments import OURS, ROOT
from benchmarks.measure import RunFailedError
from benchmarks.results import Results
from benchmarks.rounds import Rounds
from benchmarks.works import MEMORY_WORKS, PARTS, WORKS, Sizes

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.control import Control
    from benchmarks.environments import Environments


def _about() -> dict[str, str]:
    return {**machine.describe(), "when": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}


@dataclass
class Session:
    """One run.

    Attributes:
        control: The stand-in.
        environments: Where the contestants are.
        sizes: How many rows.
        rounds: How many rounds.
        folder: Takes the files of the run.
        save_to: Takes the findings.
    """

    control: Control
    environments: Environments
    sizes: Sizes
    rounds: int
    folder: Path
    save_to: Path
    results: Results = field(default_factory=lambda: Results(_about()))

    def run(self, parts: set[str]) -> Results:
        """Do the parts that are asked for, in the order of the page."""
        began = time.monotonic() - 60 * self.results.minutes
        steps = {"stand-in": self._probe, "start-up": self._startup, "relay": self._relay, "memory": self._memory}
        for part in PARTS:
            if part not in parts:
                continue
            self.results.forget(part)
            try:
                if part in steps:
                    steps[part]()
                else:
                    self._work(part)
            except RunFailedError as failed:
                self._failed(part, OURS, failed)
            self.results.minutes = (time.monotonic() - began) / 60
            self.results.save(self.save_to)
        return self.results

    def _work(self, key: str) -> None:
        work = next(work for work in WORKS if work.key == key)
        play = Rounds(self.control, self.environments, self.folder)
        rows = getattr(self.sizes, work.size)
        out = set()
        for number in range(self.rounds):
            for contestant in work.contestants:
                if contestant not in self.environments or contestant in out:
                    continue
                try:
                    sample = play.once(work, contestant, rows)
                except RunFailedError as failed:
                    out.add(contestant)
                    self._failed(key, contestant, failed)
                    continue
                rate = rows / sample.wall
                _say(f"{key} {number + 1}/{self.rounds} {contestant}: {sample.wall:.2f} s, {rate:,.0f} rows/s whole")
                self.results.samples.append(sample)

    def _memory(self) -> None:
        play = Rounds(self.control, self.environments, self.folder)
        for what, work in MEMORY_WORKS.items():
            peaks: dict[int, list[float]] = {rows: [] for rows in self.sizes.memory}
            for _ in range(self.rounds):
                for rows, found in peaks.items():
                    found.append(play.peak(work, OURS, rows))
            self.results.memory[what] = {rows: median(found) for rows, found in peaks.items()}
            _say(f"memory of the {what}: {peaks}")

    def _relay(self) -> None:
        if "meltano" not in self.environments:
            return
        feed = Rounds(self.control, self.environments, self.folder).feed("endusers", self.sizes.rows)
        meltano = self.environments.command("meltano", "meltano")
        self.results.relay = relay.ceiling(meltano, self.folder / "relay", feed, self.sizes.rows)
        _say(f"meltano's relay: {self.results.relay:,.0f} rows/s")

    def _startup(self) -> None:
        contestants = Contestants(self.environments, self.control.url, self.folder, corpus.FIRST_DAY)
        self.results.startup = startup.cpu_seconds(contestants, self.folder, self.rounds)
        _say(f"start-up: {self.results.startup}")

    def _probe(self) -> None:
        rows = self.sizes.rows
        self.control.ask("settings", {"endusers": rows, "dimensiondata": rows, "upserts": rows})
        command = [sys.executable, "-m", "benchmarks.probe", self.control.url, str(rows)]
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        self.results.probe = json.loads(told.stdout)
        _say(f"stand-in: {self.results.probe}")

    def _failed(self, part: str, contestant: str, failed: RunFailedError) -> None:
        _say(f"FAILED: {contestant} at {part}: {failed}")
        self.results.failures.append({"work": part, "contestant": contestant, "why": str(failed)})


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
