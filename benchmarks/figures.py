"""Medians and ratios of the samples of one run."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rounds import Sample

_PER = 100_000
_LEAST = 0.01  # seconds; fewer cannot be told from start-up


@dataclass(frozen=True)
class Figure:
    """What one contestant reached at one work.

    Attributes:
        rows: Rows moved.
        rate: Rows a second, start-up taken off.
        whole_rate: Rows a second of the whole process.
        cpu: CPU seconds per 100,000 rows, start-up taken off.
        whole_cpu: CPU seconds per 100,000 rows of the whole process.
        peak: Largest peak memory of all rounds, MiB.
        startup: Seconds of the same command with no rows.
        spread: Slowest round over the fastest, less one.
        calls: Calls to the stand-in.
    """

    rows: int
    rate: float
    whole_rate: float
    cpu: float
    whole_cpu: float
    peak: float
    startup: float
    spread: float
    calls: int


def figure(samples: Sequence[Sample]) -> Figure:
    """The figure of one contestant at one work from its rounds."""
    rows = samples[0].rows
    wall, cpu = median(s.wall for s in samples), median(s.cpu for s in samples)
    idle_wall, idle_cpu = median(s.idle_wall for s in samples), median(s.idle_cpu for s in samples)
    return Figure(
        rows=rows,
        rate=rows / max(wall - idle_wall, _LEAST),
        whole_rate=rows / wall,
        cpu=(cpu - idle_cpu) / rows * _PER,
        whole_cpu=cpu / rows * _PER,
        peak=max(s.peak for s in samples),
        startup=idle_wall,
        spread=max(s.wall for s in samples) / min(s.wall for s in samples) - 1,
        calls=samples[0].calls,
    )


def by_work(samples: Sequence[Sample]) -> dict[str, dict[str, Figure]]:
    """Work to contestant to figure, in the order of the run."""
    grouped: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        grouped.setdefault(sample.work, {}).setdefault(sample.contestant, []).append(sample)
    return {work: {who: figure(rounds) for who, rounds in found.items()} for work, found in grouped.items()}
