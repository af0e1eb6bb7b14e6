"""One whole run of the benchmark, tenant by tenant, its findings saved after each part."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.calls import beside_peers, books, inward, out, waiting
from benchmarks.calls.peers import PEERS
from benchmarks.calls.tap import Tap
from benchmarks.calls.target import Target
from benchmarks.calls.tenant import serving
from benchmarks.measure import RunFailedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.calls.books import Books
    from benchmarks.calls.findings import Findings
    from benchmarks.calls.outcomes import Outcome
    from benchmarks.calls.processes import Processes
    from benchmarks.calls.waiting import Rounds
    from benchmarks.environments import Environments

PARTS = ("out", "peers", "in", "wall")


@dataclass
class Session:
    """One run.

    Attributes:
        environments: Where the programs are.
        processes: What runs them.
        folder: Takes the files of the run.
        findings: Takes what is found.
        save_to: The file of the findings.
        rounds: How often wall time is measured, and at which pace.
    """

    environments: Environments
    processes: Processes
    folder: Path
    findings: Findings
    save_to: Path
    rounds: Rounds

    def run(self, tenants: Sequence[int], parts: Collection[str], waiting_tenants: Collection[int]) -> None:
        """Measure some parts on some tenants.

        Args:
            tenants: Numbers of companies.
            parts: Some of ``PARTS``.
            waiting_tenants: Those of them whose wall time is measured.
        """
        began = time.monotonic()
        for companies in tenants:
            if set(parts) & {"out", "peers", "in"}:
                self._count(companies, parts)
            if "wall" in parts and companies in waiting_tenants:
                done = waiting.measured(self.environments, self.processes, self.folder, companies, self.rounds)
                self._note("wall", companies, done)
        self.findings.minutes += (time.monotonic() - began) / 60
        self.findings.save(self.save_to)

    def _count(self, companies: int, parts: Collection[str]) -> None:
        with serving(self.environments, companies) as tenant, self._failing("books", companies):
            began = time.monotonic()
            held = books.read(tenant)
            _say(f"{companies} companies: books read in {time.monotonic() - began:.0f} s")
            tap = Tap(self.environments, self.processes, tenant, self.folder)
            if "out" in parts:
                self._note("out", companies, out.measured(tap, held))
            if "peers" in parts:
                self._note("peers", companies, self._peers(tap, held))
            if "in" in parts:
                target = Target(self.environments, self.processes, tenant, self.folder)
                self._note("in", companies, inward.measured(target, held))

    def _peers(self, tap: Tap, held: Books) -> Iterator[Outcome]:
        yield from beside_peers.ours(tap, held)
        for peer in PEERS:
            if peer in self.environments:
                yield beside_peers.theirs(peer, tap, held)

    def _note(self, part: str, companies: int, outcomes: Iterable[Outcome]) -> None:
        kept = [each for each in self.findings.outcomes if (each.part, each.companies) != (part, companies)]
        self.findings.outcomes = kept
        self.findings.failures = [
            each for each in self.findings.failures if (each["part"], each["companies"]) != (part, str(companies))
        ]
        began = time.monotonic()
        with self._failing(part, companies):
            for outcome in outcomes:
                _say(
                    f"{companies} companies, {part}, {outcome.who}, {outcome.run}: {outcome.calls} calls, "
                    f"fewest {outcome.fewest}+{outcome.proofs}, {outcome.rows} rows in {outcome.wall:.1f} s, "
                    f"{outcome.peak:.0f} MiB; {time.monotonic() - began:.0f} s with its checks"
                )
                self.findings.outcomes.append(outcome)
                began = time.monotonic()
        self.findings.outcomes.sort(key=lambda each: (PARTS.index(each.part), each.companies))
        self.findings.save(self.save_to)

    @contextmanager
    def _failing(self, part: str, companies: int) -> Iterator[None]:
        """Note a failed run, and go on with the next part."""
        try:
            yield
        except RunFailedError as failed:
            _say(f"FAILED: {part}, {companies} companies: {failed}")
            self.findings.failures.append({"part": part, "companies": str(companies), "why": str(failed)})


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
