"""Runs every contestant of a work in turn, round after round, and checks each run."""

from __future__ import annotations

import datetime as dt
import gzip
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import corpus, measure
from benchmarks.contestants import Contestants
from benchmarks.environments import OURS_BATCH, ROOT
from benchmarks.feed import FEEDS
from benchmarks.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.control import Control
    from benchmarks.environments import Environments
    from benchmarks.works import Work


@dataclass(frozen=True)
class Sample:
    """One run of one contestant.

    Attributes:
        work: Key of the work.
        contestant: Who.
        rows: Rows moved.
        wall: Seconds.
        cpu: CPU seconds.
        peak: MiB.
        idle_wall: Seconds of the same command with no rows to move: start-up.
        idle_cpu: CPU seconds of that.
        calls: Calls the stand-in saw.
    """

    work: str
    contestant: str
    rows: int
    wall: float
    cpu: float
    peak: float
    idle_wall: float
    idle_cpu: float
    calls: int


@dataclass(frozen=True)
class Rounds:
    """Where and with whom runs are made."""

    control: Control
    environments: Environments
    folder: Path

    def once(self, work: Work, contestant: str, rows: int) -> Sample:
        """One contestant, once without rows and once with.

        Raises:
            RunFailedError: The command failed, or the rows that arrived were not the ones that were sent.
        """
        idle, _ = self._run(work, contestant, 0)
        used, calls = self._run(work, contestant, rows)
        return Sample(work.key, contestant, rows, **asdict(used), idle_wall=idle.wall, idle_cpu=idle.cpu, calls=calls)

    def peak(self, work: Work, contestant: str, rows: int) -> float:
        """The most memory of one run, in MiB.

        Raises:
            RunFailedError: As with ``once``.
        """
        used, _ = self._run(work, contestant, rows)
        return used.peak

    def _run(self, work: Work, contestant: str, rows: int) -> tuple[measure.Usage, int]:
        days = max(1, -(-rows // corpus.BLOCK))
        contestants = Contestants(
            self.environments, self.control.url, self.folder, corpus.FIRST_DAY + dt.timedelta(days=days - 1)
        )
        served = "dimensiondata" if work.stream == "dimension_data" else "endusers"
        self.control.ask(
            "settings",
            {
                "latency_ms": work.latency,
                served: rows if work.direction != "in" else 0,
                "upserts": rows if work.direction != "out" and work.stream == "endusers" else 0,
                "as_planhat_lists": not work.source or FEEDS[work.source].rows is corpus.ENDUSERS,
            },
        )
        usage, reader = measure.run(
            contestants.commands(contestant, work),
            environment=measure.environment(),
            cwd=self.folder,
            stdin=self.feed(work.source, rows) if work.direction == "in" else None,
            reading=Reader,
        )
        arrived = self.control.ask("arrived")
        if contestant == OURS_BATCH:
            reader.records = _records_in_files(self.folder / "batches")
        wrong = (
            self._check_read(reader, served, rows, work)
            if work.direction == "out"
            else _check_written(arrived, work, rows)
        )
        if wrong:
            message = f"{contestant} at {work.key}, {rows} rows: {wrong}"
            raise measure.RunFailedError(message)
        return usage, arrived["calls"]

    def feed(self, kind: str, rows: int) -> Path:
        """A Singer file of so many rows."""
        path = self.folder / f"{kind}-{rows}.singer"
        if not path.exists():
            # In a process of its own: the memory of this one would count as its children's (ru_maxrss survives fork).
            subprocess.run([sys.executable, "-m", "benchmarks.feed", kind, str(rows), str(path)], cwd=ROOT, check=True)
        return path

    def _check_read(self, reader: Reader, served: str, rows: int, work: Work) -> str | None:
        if reader.records != rows:
            return f"{reader.records} records were read"
        found = [{work.renamed.get(name, name): value for name, value in row.items()} for row in reader.samples]
        question = {"stream": served, "rows": found, "deselected": work.deselected}
        complaints = self.control.ask("compare", question)
        return str(complaints[:3]) if complaints else None


def _records_in_files(folder: Path) -> int:
    """Records of the BATCH files of a run, which are removed."""
    found = 0
    for path in folder.iterdir():
        with gzip.open(path) as file:
            found += sum(1 for _ in file)
        path.unlink()
    return found


def _check_written(arrived: dict[str, Any], work: Work, rows: int) -> str | None:
    report = arrived["metrics" if work.stream == "metrics" else "endusers"]
    if (report["rows"], report["distinct"]) != (rows, rows) or report["complaints"]:
        return str(report)
    return None
