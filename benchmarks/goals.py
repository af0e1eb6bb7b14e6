"""The goals this project set itself, and whether a run reached them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.figures import Figure

_MOST_MIB = 150
_MOST_GROWTH = 0.10


@dataclass(frozen=True)
class Verdict:
    """One goal and what a run says to it; ``met`` is None when the run does not tell."""

    goal: str
    wanted: str
    reached: str
    met: bool | None


@dataclass(frozen=True)
class Ratio:
    """This project's figure over another contestant's at one work."""

    goal: str
    work: str
    against: str
    factor: float
    of_cpu: bool = False

    def judge(self, figures: Mapping[str, Mapping[str, Figure]]) -> Verdict:
        """Hold a run against the goal."""
        wanted = f"{'at most' if self.of_cpu else 'at least'} {self.factor:g} times"
        here = figures.get(self.work, {})
        if "ours" not in here or self.against not in here:
            return Verdict(self.goal, wanted, "not measured", None)
        ours, other = here["ours"], here[self.against]
        if self.of_cpu:
            reached, whole = ours.cpu / other.cpu, ours.whole_cpu / other.whole_cpu
            met = reached <= self.factor
        else:
            reached, whole = ours.rate / other.rate, ours.whole_rate / other.whole_rate
            met = reached >= self.factor
        return Verdict(self.goal, wanted, f"{reached:.2f} ({whole:.2f} with start-up)", met)


RATIOS = (
    Ratio("tap, endusers, against Airbyte's CDK", "endusers-out", "airbyte", 9),
    Ratio("tap, endusers, against the plain SDK tap", "endusers-out", "plain_sdk", 15),
    Ratio("tap, dimension data, against Airbyte's CDK", "dimension-out", "airbyte", 25),
    Ratio("tap, dimension data, against CRUDs", "dimension-out", "cruds", 4),
    Ratio("tap, endusers, 200 ms latency, against CRUDs", "endusers-out-200", "cruds", 3.5),
    Ratio("target, endusers, against CRUDs", "endusers-in", "cruds", 2.2),
    Ratio("target, endusers, against the plain SDK target", "endusers-in", "plain_sdk", 13),
    Ratio("target, metrics, against CRUDs", "metrics-in", "cruds", 3),
    Ratio("CPU of the tap, endusers, against the floor", "endusers-out", "floor", 0.5, of_cpu=True),
    Ratio("CPU of the target, endusers, against the floor", "endusers-in", "floor", 1.0, of_cpu=True),
)

STARTUP = {"`tap-planhat --version`": 0.6, "`tap-planhat --discover` against the sandbox": 1.2}


def verdicts(
    figures: Mapping[str, Mapping[str, Figure]], memory: Mapping[str, Mapping[int, float]], startup: Mapping[str, float]
) -> list[Verdict]:
    """Every goal.

    Args:
        figures: Work to contestant to figure.
        memory: ``tap`` and ``target`` to peak MiB by number of rows.
        startup: Command to CPU seconds.
    """
    found = [ratio.judge(figures) for ratio in RATIOS]
    for what in ("tap", "target"):
        wanted = f"the same within {_MOST_GROWTH:.0%}, below {_MOST_MIB} MiB"
        peaks = memory.get(what)
        if not peaks or len(peaks) == 1:
            found.append(Verdict(f"peak memory of the {what}", wanted, "not measured", None))
            continue
        (few, small), (many, large) = sorted(peaks.items())
        met = large <= small * (1 + _MOST_GROWTH) and max(small, large) < _MOST_MIB
        reached = f"{small:.0f} MiB at {few:,} rows, {large:.0f} MiB at {many:,}"
        found.append(Verdict(f"peak memory of the {what}", wanted, reached, met))
    for command, most in STARTUP.items():
        taken = startup.get(command)
        reached = "not measured" if taken is None else f"{taken:.2f} s"
        in_time = None if taken is None else taken < most
        found.append(Verdict(f"CPU of {command}", f"below {most} s", reached, in_time))
    return found
