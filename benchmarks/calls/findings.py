"""Everything that one or several runs of this benchmark found, kept as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from benchmarks.calls.outcomes import Outcome
from benchmarks.calls.waiting import PACE

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Findings:
    """What was found.

    Attributes:
        about: What it ran on.
        outcomes: Every run that was checked and found right.
        failures: Runs that failed: part, companies, why.
        minutes: Minutes of all measurements.
        latency: Seconds that each call waited when wall time was measured.
    """

    about: dict[str, str]
    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)
    minutes: float = 0.0
    latency: float = PACE.latency

    def of(self, part: str) -> list[Outcome]:
        """The runs of one table."""
        return [each for each in self.outcomes if each.part == part]

    def find(self, part: str, companies: int, run: str, who: str = "ours") -> Outcome | None:
        """One run; None if it was not made."""
        wanted = (part, companies, run, who)
        found = (each for each in self.outcomes if (each.part, each.companies, each.run, each.who) == wanted)
        return next(found, None)

    @property
    def tenants(self) -> list[int]:
        """The tenants of all runs, the smallest first."""
        return sorted({each.companies for each in self.outcomes})

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1), "utf-8")


def load(path: Path) -> Findings:
    """Read what ``save`` wrote."""
    content = json.loads(path.read_text("utf-8"))
    return Findings(**{**content, "outcomes": [Outcome(**each) for each in content["outcomes"]]})
