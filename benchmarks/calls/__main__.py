"""The command: counts, writes the findings and the section of the page."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import environments, machine, page
from benchmarks.calls import findings, report
from benchmarks.calls.peers import PEERS
from benchmarks.calls.processes import small_process
from benchmarks.calls.session import PARTS, Session
from benchmarks.calls.waiting import PACE, Rounds
from benchmarks.environments import HERE, ROOT, Environments


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description="Calls of an hourly sync.")
    parser.add_argument("--tenants", type=_numbers, default="50,500,20000", help="numbers of companies")
    parser.add_argument("--only", type=_parts, default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument(
        "--wall-tenants", type=_numbers, default="50,500", help="those of them whose wall time is measured"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how many times wall time is measured")
    parser.add_argument("--latency-ms", type=float, default=PACE.latency * 1000, help="of each call, for wall time")
    parser.add_argument("--here", action="store_true", help="only this project, nothing is installed")
    parser.add_argument("--no-install", action="store_true", help="only the peers that are installed already")
    parser.add_argument("--add", action="store_true", help="keep the findings about other tenants and parts")
    parser.add_argument("--findings", type=Path, default=HERE / "runs" / "calls.json", help="takes the findings")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md", help="takes the section")
    parser.add_argument("--page-only", action="store_true", help="write the section of the findings, measure nothing")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := set(parts) - set(PARTS):
        message = f"there is no part {', '.join(sorted(unknown))}"
        raise argparse.ArgumentTypeError(message)
    return parts


def _environments(given: argparse.Namespace) -> Environments:
    if given.here or "peers" not in given.only:
        return environments.of_this_interpreter()
    return environments.of_their_own(install=not given.no_install, peers=PEERS)


def _measure(given: argparse.Namespace) -> findings.Findings:
    about = {**machine.describe(), "when": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}
    found = findings.Findings(about, latency=given.latency_ms / 1000)
    if given.add and given.findings.exists():
        found = findings.load(given.findings)
        found.latency = given.latency_ms / 1000
        found.about = machine.joined(found.about, about)
    with small_process() as processes, tempfile.TemporaryDirectory(prefix="benchmarks-calls-") as folder:
        rounds = Rounds(given.rounds, replace(PACE, latency=found.latency))
        session = Session(_environments(given), processes, Path(folder), found, given.findings, rounds)
        session.run(given.tenants, given.only, given.wall_tenants)
    return found


def main() -> int:
    """Run; the exit code is 1 when a run failed."""
    given = _arguments()
    found = findings.load(given.findings) if given.page_only else _measure(given)
    given.page.write_text(page.with_calls(page.text_of(given.page), report.render(found)), "utf-8")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
