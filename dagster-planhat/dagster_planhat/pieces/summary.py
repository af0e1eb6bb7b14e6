"""The figures in the SUMMARY lines that tap-planhat and target-planhat write at their end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LoadFigures", "ReadFigures", "added", "load_figures", "object_after", "read_figures"]


@dataclass(frozen=True)
class ReadFigures:
    """What a run of the tap read.

    Attributes:
        records: Rows of each stream.
        skipped: Streams that the token may not read.
        calls: Calls of Planhat.
        seconds_waited: How long calls waited for the quota.
        calls_retried: Calls that were made again after a fault.
        complete: Whether everything was read.
    """

    records: Mapping[str, int] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    calls: int = 0
    seconds_waited: float = 0.0
    calls_retried: int = 0
    complete: bool = False

    @property
    def rows(self) -> int:
        """Rows of all streams."""
        return sum(self.records.values())


@dataclass(frozen=True)
class LoadFigures:
    """What a run of target-planhat did.

    Attributes:
        outcomes: Rows by their outcome, such as ``created``.
        calls: Calls of Planhat.
        seconds_waited: How long calls waited for the quota.
        calls_retried: Calls that were made again after a fault.
    """

    outcomes: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0
    seconds_waited: float = 0.0
    calls_retried: int = 0


def object_after(word: str, line: str) -> dict[str, Any] | None:
    """The JSON object after a word in a line of a log; None if the line has none."""
    before, found, text = line.partition(f"{word} {{")
    if not found or (before and not before[-1].isspace()):
        return None
    try:
        value = json.loads("{" + text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def read_figures(summary: Mapping[str, Any] | None) -> ReadFigures | None:
    """The figures of a summary of tap-planhat; None if it is that of another program."""
    if summary is None or "complete" not in summary:
        return None
    streams = summary.get("streams", {})
    return ReadFigures(
        records={name: int(counts.get("records", 0)) for name, counts in streams.items()},
        skipped=frozenset(summary.get("skipped", ())),
        calls=int(summary.get("total", {}).get("calls", 0)),
        seconds_waited=float(summary.get("seconds_waited", 0)),
        calls_retried=int(summary.get("calls_retried", 0)),
        complete=bool(summary["complete"]),
    )


def load_figures(summary: Mapping[str, Any] | None) -> LoadFigures | None:
    """The figures of a summary of target-planhat; None if it is that of another program."""
    if summary is None or "whole_input" not in summary:
        return None
    return LoadFigures(
        outcomes={str(word): int(number) for word, number in summary.get("total", {}).items()},
        calls=int(summary.get("calls", 0)),
        seconds_waited=float(summary.get("seconds_waited", 0)),
        calls_retried=int(summary.get("calls_retried", 0)),
    )


def added(figures: Iterable[ReadFigures]) -> ReadFigures:
    """The figures of several runs of the tap together."""
    runs = list(figures)
    records: dict[str, int] = {}
    for run in runs:
        for stream, number in run.records.items():
            records[stream] = records.get(stream, 0) + number
    return ReadFigures(
        records=records,
        skipped=frozenset().union(*(run.skipped for run in runs)),
        calls=sum(run.calls for run in runs),
        seconds_waited=round(sum(run.seconds_waited for run in runs), 3),
        calls_retried=sum(run.calls_retried for run in runs),
        complete=all(run.complete for run in runs),
    )
