"""``python -m tests.engines.machines``: the whole backfill, with its figures."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import tempfile
from pathlib import Path

from tests.engines.machines.scenario import Report, Size, run_scenario


def main() -> int:
    """Run a scenario of the wanted size and print its report."""
    parser = argparse.ArgumentParser(prog="python -m tests.engines.machines", description=__doc__)
    for each in dataclasses.fields(Size):
        kind = {"int": int, "float": float}.get(str(each.type), str)
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=kind, default=each.default)
    parser.add_argument("--folder", type=Path, help="keep logs and databases there")
    # Servers and machines end with this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    given = vars(parser.parse_args())
    folder = given.pop("folder")
    with tempfile.TemporaryDirectory(prefix="machines-") as temporary:
        report = run_scenario(Size(**given), folder or Path(temporary))
    sys.stdout.write(_text(report))
    return 0


def _text(report: Report) -> str:
    size = report.size
    killed = ", ".join(report.killed) or "none"
    minutes = report.seconds / 60
    lines = [
        f"{size.pieces} pieces in {minutes:.1f} minutes; {size.workers} workers, killed: {killed}",
        f"quota in {size.store}, {size.calls_per_minute} calls a minute",
        f"runs: {report.runs}",
        f"CPU: daemon {report.daemon_cpu:.0f} s, workers that are left {report.worker_cpu:.0f} s",
        "",
        "| tenant | points | missing | doubled | foreign | calls | 429 | most in 60 s | share of the quota |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, each in report.landed.items():
        lines.append(
            f"| {name} | {each.wanted} | {each.missing} | {each.doubled} | {each.foreign} | {report.calls[name]} "
            f"| {report.refused[name]} | {report.most_in_a_minute[name]} | {report.share_of_quota[name]:.1%} |"
        )
    if size.hourly_calls:
        alone, beside = report.hourly_alone, report.hourly_beside
        job = f"hourly job of {size.hourly_calls} calls"
        lines += ["", f"{job}: {alone:.1f} s alone, {beside:.1f} s beside the backfill"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
