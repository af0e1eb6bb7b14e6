"""The benchmark of calls runs as a whole on a small tenant, and its section is put into a page. No time is asserted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.calls import beside_peers, findings, inward, out, report, waiting
from benchmarks.environments import HERE
from benchmarks.page import with_calls

ROOT = Path(__file__).parents[2]
PEERS = ("airbyte", "cruds")


def run_benchmark(folder: Path, *arguments: str) -> findings.Findings:
    """The command, with a page and findings of its own."""
    where = ["--page", str(folder / "page.md"), "--findings", str(folder / "calls.json")]
    small = ["--tenants", "3", "--wall-tenants", "3", "--rounds", "1", "--latency-ms", "1"]
    command = [sys.executable, "-m", "benchmarks.calls", *small, *where, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return findings.load(folder / "calls.json")


def test_whole_run_of_a_small_tenant(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Benchmarks\n\n## Goals\n\nKept.\n", "utf-8")
    found = run_benchmark(tmp_path, "--here")
    made = {(each.part, each.run) for each in found.outcomes}
    runs = (out.FIRST, out.SECOND, out.CHANGED)
    assert made == {
        *(("out", kind + run) for kind in ("", out.INCREMENTAL) for run in runs),
        *(("peers", run) for run in (beside_peers.FIRST, beside_peers.SECOND)),
        *(("in", run) for run in (inward.QUIET, inward.CHANGED, inward.BLIND)),
        *(("wall", run) for run in (waiting.FIRST, waiting.SECOND)),
    }
    assert all(each.calls >= each.fewest for each in found.outcomes)
    assert all(not each.refused and not each.missed for each in found.outcomes)
    text = page.read_text("utf-8")
    assert all(heading in text for heading in ("### Must hold", "### Out, ", "### In: ", "### Wall time", "Kept."))
    assert with_calls(text, report.render(found)) == text


@pytest.mark.skipif(
    not all((HERE / ".venvs" / peer).exists() for peer in PEERS), reason="the peers are installed by make bench-calls"
)
def test_peers_do_their_work(tmp_path: Path) -> None:
    found = run_benchmark(tmp_path, "--no-install", "--only", "peers")
    assert {each.who for each in found.outcomes} == {"ours", *PEERS}
    ours, airbyte = found.find("peers", 3, beside_peers.SECOND), found.find("peers", 3, beside_peers.ANY, "airbyte")
    assert ours is not None
    assert airbyte is not None
    assert not ours.missed
    # Only hidden rows do not come out of a reader that asks for plain lists.
    assert 0 < sum(airbyte.missed.values()) == airbyte.hidden_missed
