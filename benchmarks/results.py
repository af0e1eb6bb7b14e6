"""Everything one run found out; kept as JSON so that the page can be written again without measuring again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from benchmarks.rounds import Sample

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Results:
    """What a run found out.

    Attributes:
        about: What it ran on.
        samples: Every run that was checked and found right.
        memory: ``tap`` and ``target`` to peak MiB by number of rows.
        startup: Command to CPU seconds.
        probe: Kind of call to the rows a second of a bare socket.
        relay: Rows a second through Meltano's own relay.
        failures: Runs that did not do their work: who, at what, why.
        minutes: How long it all took.
    """

    about: dict[str, str]
    samples: list[Sample] = field(default_factory=list)
    memory: dict[str, dict[int, float]] = field(default_factory=dict)
    startup: dict[str, float] = field(default_factory=dict)
    probe: dict[str, float] = field(default_factory=dict)
    relay: float | None = None
    failures: list[dict[str, str]] = field(default_factory=list)
    minutes: float = 0.0

    def forget(self, part: str) -> None:
        """Take out what was found about a part before."""
        self.samples = [sample for sample in self.samples if sample.work != part]
        self.failures = [failure for failure in self.failures if failure["work"] != part]

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1), "utf-8")


def load(path: Path) -> Results:
    """Read what ``save`` wrote."""
    content = json.loads(path.read_text("utf-8"))
    content["samples"] = [Sample(**sample) for sample in content["samples"]]
    content["memory"] = {
        what: {int(rows): peak for rows, peak in peaks.items()} for what, peaks in content["memory"].items()
    }
    return Results(**content)
