"""The benchmarks run, and refuse figures of runs that lost or changed a row. No time is asserted."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import corpus, goals
from benchmarks.arrivals import Arrivals, compare
from benchmarks.environments import HERE, PEERS
from benchmarks.figures import by_work
from benchmarks.reader import Reader
from benchmarks.results import load
from benchmarks.rounds import Sample
from benchmarks.works import PARTS, WORKS

ROOT = Path(__file__).parents[2]
HERE_ONLY = ("ours", "ours_batch", "floor", "plain_sdk")
ALL_CORPORA = (corpus.ENDUSERS, corpus.UPSERTS, corpus.KEYS, corpus.IDS, corpus.POINTS, corpus.METRICS)


def run_benchmarks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, with a page and findings of its own."""
    where = ["--page", str(folder / "page.md"), "--findings", str(folder / "findings.json")]
    command = [sys.executable, "-m", "benchmarks", "--rounds", "1", "--scale", "0.003", *where, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)


def test_whole_run_of_a_small_size(tmp_path: Path) -> None:
    done = run_benchmarks(tmp_path, "--here")
    assert done.returncode == 0, done.stderr
    found = load(tmp_path / "findings.json")
    measured = {(sample.work, sample.contestant) for sample in found.samples}
    assert measured == {(work.key, who) for work in WORKS for who in work.contestants if who in HERE_ONLY}
    assert found.memory.keys() == {"tap", "target"}
    assert len(found.startup) == len(goals.STARTUP) + 1
    assert all(rate > 0 for rate in found.probe.values())
    page = (tmp_path / "page.md").read_text("utf-8")
    assert all(f"## {work.title}" in page for work in WORKS)
    (tmp_path / "page.md").unlink()
    assert run_benchmarks(tmp_path, "--page-only").returncode == 0
    assert (tmp_path / "page.md").read_text("utf-8") == page


@pytest.mark.skipif(
    not all((HERE / ".venvs" / peer).exists() for peer in PEERS), reason="the peers are installed by make bench"
)
def test_peers_do_their_work(tmp_path: Path) -> None:
    peers = ",".join(PEERS)
    done = run_benchmarks(
        tmp_path, "--no-install", "--contestants", peers, "--works", "endusers-out,dimension-out,endusers-in"
    )
    assert done.returncode == 0, done.stderr


def test_every_part_has_a_place() -> None:
    assert {work.key for work in WORKS} < set(PARTS)


@pytest.mark.parametrize("rows", ALL_CORPORA, ids=lambda rows: rows.name)
def test_corpus_cuts_where_asked(rows: corpus.Corpus) -> None:
    first, last = corpus.BLOCK - 3, corpus.BLOCK + 4
    cut = json.loads(b"[" + b"".join(bytes(piece) for piece in rows.cut(first, last)) + b"]")
    assert cut == [rows.row(number) for number in range(first, last)]
    assert len({json.dumps(row) for row in cut}) == last - first


def body_of(rows: corpus.Corpus, *numbers: int) -> memoryview:
    return memoryview(json.dumps([rows.row(number) for number in numbers]).encode())


def test_complete_bodies_raise_no_complaint() -> None:
    arrivals = Arrivals(corpus.UPSERTS)
    assert arrivals.take(body_of(corpus.UPSERTS, 0, 1, 2)) == (0, 3)
    assert arrivals.take(body_of(corpus.UPSERTS, 3, 4)) == (3, 5)
    assert arrivals.report() == {"rows": 5, "distinct": 5, "sampled": 2, "complaints": []}


def test_a_hole_in_a_body_is_noticed() -> None:
    arrivals = Arrivals(corpus.UPSERTS)
    arrivals.take(body_of(corpus.UPSERTS, 0, 2))
    assert "answered as rows 0 to 3" in arrivals.report()["complaints"][0]


def test_a_changed_or_lost_field_is_noticed() -> None:
    row = corpus.UPSERTS.row(0)
    del row["phone"]
    row["custom"]["Notes"] = "other"
    arrivals = Arrivals(corpus.UPSERTS)
    arrivals.take(memoryview(json.dumps([row]).encode()))
    assert arrivals.report()["complaints"] == ["row 0: lost ['phone'], changed ['custom']"]


def test_a_row_sent_twice_is_noticed() -> None:
    arrivals = Arrivals(corpus.METRICS)
    for _ in range(2):
        arrivals.take(body_of(corpus.METRICS, 0, 1))
    report = arrivals.report()
    assert (report["rows"], report["distinct"]) == (4, 2)


def test_a_record_that_differs_from_what_was_served_is_noticed() -> None:
    row = corpus.ENDUSERS.row(7)
    assert compare(corpus.ENDUSERS, row) is None
    assert "nps" in str(compare(corpus.ENDUSERS, {**row, "nps": 99}))


@pytest.mark.parametrize("size", [1, 100, 200_000])
def test_reader_counts_records_however_they_are_cut(size: int, tmp_path: Path) -> None:
    lines = io.BytesIO()
    for number in range(1000):
        lines.write(json.dumps({"type": "RECORD", "record": {"n": number, "pad": "x" * 2000}}).encode() + b"\n")
        lines.write(b'{"type": "STATE", "value": {}}\n')
    (tmp_path / "lines").write_bytes(lines.getvalue())
    incoming, outgoing = os.pipe()
    reader = Reader(incoming)
    reader.start()
    with (tmp_path / "lines").open("rb") as file, os.fdopen(outgoing, "wb", buffering=0) as pipe:
        while piece := file.read(max(size, 64)):
            pipe.write(piece)
    reader.join()
    assert reader.records == 1000
    assert all(record["pad"] == "x" * 2000 for record in reader.samples)


def sample(work: str, contestant: str, wall: float, cpu: float) -> Sample:
    return Sample(work, contestant, 1000, wall, cpu, 50.0, idle_wall=1.0, idle_cpu=0.5, calls=1)


def test_goals_are_judged_on_medians_without_startup() -> None:
    samples = [sample("endusers-out", "ours", wall, 1.5) for wall in (1.9, 2.0, 9.0)]
    samples += [sample("endusers-out", "airbyte", wall, 9.0) for wall in (9.0, 10.0, 11.0)]
    verdict = goals.RATIOS[0].judge(by_work(samples))
    assert verdict.met
    assert verdict.reached.startswith("9.00 ")
    slower = [sample("endusers-out", "ours", 2.2, 1.5), *samples[3:]]
    assert goals.RATIOS[0].judge(by_work(slower)).met is False


def test_memory_that_grows_misses_its_goal() -> None:
    memory = {"tap": {100: 80.0, 2000: 90.0}, "target": {100: 80.0, 2000: 82.0}}
    met = {verdict.goal: verdict.met for verdict in goals.verdicts({}, memory, {})}
    assert met["peak memory of the tap"] is False
    assert met["peak memory of the target"] is True
