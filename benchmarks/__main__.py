"""The command: measures, writes the findings and the page."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import environments, machine, page, report, results
from benchmarks.control import stand_in
from benchmarks.environments import HERE, ROOT
from benchmarks.session import Session
from benchmarks.works import PARTS, Sizes


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory beside the peers'.")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on all numbers of rows")
    parser.add_argument(
        "--memory", type=_two_numbers, help="rows of the two runs whose memory is compared: 100000,2000000"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--works", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--contestants", help="only these, separated by commas")
    parser.add_argument("--here", action="store_true", help="only who is beside this interpreter")
    parser.add_argument("--no-install", action="store_true", help="only who is installed already")
    parser.add_argument("--add", action="store_true", help="measure these works anew and keep the rest of the findings")
    parser.add_argument("--findings", type=Path, default=HERE / "runs" / "last.json", help="takes the findings")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md", help="takes the page")
    parser.add_argument("--page-only", action="store_true", help="write the page of the findings, measure nothing")
    return parser.parse_args()


def _two_numbers(text: str) -> tuple[int, int]:
    few, many = (int(part) for part in text.split(","))
    return few, many


def _sizes(given: argparse.Namespace) -> Sizes:
    sizes = Sizes().scaled(given.scale)
    return replace(sizes, memory=given.memory) if given.memory else sizes


def _measure(given: argparse.Namespace) -> results.Results:
    if given.here:
        contestants = environments.of_this_interpreter()
    else:
        contestants = environments.of_their_own(install=not given.no_install)
    if given.contestants:
        contestants = contestants.only(given.contestants.split(","))
    with stand_in() as control, tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        session = Session(control, contestants, _sizes(given), given.rounds, Path(folder), given.findings)
        if given.add and given.findings.exists():
            earlier = results.load(given.findings)
            earlier.about = machine.joined(earlier.about, session.results.about)
            session.results = earlier
        return session.run(set(given.works.split(",")))


def main() -> int:
    """Run; the exit code is 1 when a contestant failed."""
    given = _arguments()
    found = results.load(given.findings) if given.page_only else _measure(given)
    given.page.write_text(page.with_measurements(page.text_of(given.page), report.render(found)), "utf-8")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
