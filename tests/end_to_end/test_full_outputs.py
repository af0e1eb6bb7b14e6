"""What cannot be written is told in one line, with what was sent and an exit code of its own; readers may go away."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.tap_support import COMMAND as TAP
from tests.tap_support import catalog_for, config_for, write_files
from tests.target_support import Message, connection, lines, state, stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TARGET = str(Path(TAP).with_name("target-planhat"))
FULL = Path("/dev/full")
MOST = 16_384
ROOM = 7
GONE = 1

needs_dev_full = pytest.mark.skipif(not FULL.exists(), reason="a device that is always full")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=40, seed=1, days=40) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _no_word_on_python_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK warns of the oldest Python that it supports."""
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")


@pytest.fixture(autouse=True)
def _no_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python takes bytecode of which a part was written for whole, and all later commands would fail on it."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


def _little_room() -> None:
    """Files of this process hold no more than some bytes, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, MOST))


def run(command: Sequence[str], given: bytes = b"", *, output: IO[bytes] | int, little_room: bool = False) -> Any:
    finished = subprocess.run(
        command,
        input=given,
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        preexec_fn=_little_room if little_room else None,
    )
    log = finished.stderr.decode()
    assert "Traceback" not in log
    assert "Exception ignored" not in log
    return finished, log


def run_target(
    box: Sandbox,
    folder: Path,
    messages: list[Message],
    *,
    output: IO[bytes] | int = subprocess.PIPE,
    little_room: bool = False,
    **settings: Any,
) -> Any:
    config = folder / "config.json"
    config.write_text(json.dumps(connection(box, **settings)))
    return run([TARGET, "--config", str(config)], lines(messages), output=output, little_room=little_room)


def faults(log: str) -> list[str]:
    """The lines that say why a run ended, but not which rows were rejected."""
    told = [line for line in log.splitlines() if " | ERROR " in line or " | CRITICAL " in line]
    return [line for line in told if "Rejected" not in line and "Further rejects" not in line]


def companies(name: str | None, number: int = 300) -> list[dict[str, Any]]:
    return [{"external_id": f"full-{place}", "name": name} for place in range(number)]


@pytest.mark.parametrize("setting", ["rejects_dir", "receipts_dir"])
@pytest.mark.parametrize("batch", [50, 5000])
def test_a_file_of_the_run_that_has_no_room(box: Sandbox, tmp_path: Path, setting: str, batch: int) -> None:
    rows = companies(None if setting == "rejects_dir" else "n")
    settings: dict[str, Any] = {"max_rejects": "100%", "rejects_dir": str(tmp_path / "rejects")}
    settings[setting] = str(tmp_path / "full")
    messages = [*stream("companies", rows), state(1)]
    finished, log = run_target(box, tmp_path, messages, batch_size_rows=batch, little_room=True, **settings)
    assert finished.returncode == ROOM, log
    assert finished.stdout == b""
    (told,) = faults(log)
    assert f"{setting}: cannot write" in told
    assert "File too large" in told
    summary = json.loads(next(line for line in log.splitlines() if "SUMMARY" in line).partition("SUMMARY ")[2])
    assert sum(summary["total"].values()) % batch == 0 or sum(summary["total"].values()) == 300
    # What is in the file can be read to its end.
    (file,) = (tmp_path / "full").iterdir()
    written = file.read_bytes().splitlines(keepends=True)
    assert written
    assert all(line.endswith(b"\n") and json.loads(line) for line in written)


def test_a_file_that_has_no_room_at_the_very_end(box: Sandbox, tmp_path: Path) -> None:
    # Without STATE nothing asks for the rejects to be safe before the files are closed.
    folder = str(tmp_path / "full")
    messages = stream("companies", companies(None, 3))
    for message in messages[1:]:
        message["record"]["custom"] = {"note": "x" * (MOST // 2)}
    finished, log = run_target(box, tmp_path, messages, little_room=True, max_rejects="100%", rejects_dir=folder)
    assert finished.returncode == ROOM, log
    (told,) = faults(log)
    assert "rejects_dir: cannot write" in told
    assert "SUMMARY" in log


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="a folder that takes no files, whoever asks")
def test_a_folder_that_takes_no_files_is_told_before_anything_is_sent(box: Sandbox, tmp_path: Path) -> None:
    messages = stream("companies", [{"external_id": "never", "name": "n"}])
    finished, log = run_target(box, tmp_path, messages, rejects_dir="/sys")
    assert finished.returncode == 2
    (told,) = faults(log)
    assert "rejects_dir: cannot write to folder /sys" in told
    assert "never" not in {row.get("externalId") for row in box.rows("companies")}


@needs_dev_full
def test_no_room_for_state(box: Sandbox, tmp_path: Path) -> None:
    with FULL.open("wb") as full:
        messages = [*stream("companies", companies("n", 3)), state(1)]
        finished, log = run_target(box, tmp_path, messages, output=full)
    assert finished.returncode == ROOM
    (told,) = faults(log)
    assert "standard output cannot be written: No space left on device" in told
    assert "SUMMARY" in log


def test_whoever_reads_state_is_gone(box: Sandbox, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    messages = [*stream("companies", companies("n", 3)), state(1)]
    with os.fdopen(writer, "wb") as closed:
        finished, log = run_target(box, tmp_path, messages, output=closed)
    assert finished.returncode == GONE
    (told,) = faults(log)
    assert "The reader of standard output closed its input before everything was written" in told
    assert "SUMMARY" in log


@needs_dev_full
@pytest.mark.parametrize(
    ("program", "option"),
    [
        *((TAP, option) for option in ([], ["--discover"], ["--about"], ["--version"], ["--help"])),
        *((TARGET, option) for option in (["--about"], ["--version"], ["--help"])),
    ],
)
def test_no_room_for_what_is_printed(box: Sandbox, tmp_path: Path, program: str, option: list[str]) -> None:
    config = config_for(box)
    files = write_files(tmp_path, config=config, catalog=catalog_for(config, "companies"))
    with FULL.open("wb") as full:
        finished, log = run([program, *(files if program == TAP else files[:2]), *option], output=full)
    assert finished.returncode == ROOM, log
    (told,) = faults(log)
    assert "standard output cannot be written: No space left on device" in told


@pytest.mark.parametrize(
    ("program", "option"),
    [
        *((TAP, option) for option in ("--discover", "--about", "--help")),
        *((TARGET, option) for option in ("--about", "--help")),
    ],
)
def test_whoever_reads_what_is_printed_is_gone(box: Sandbox, tmp_path: Path, program: str, option: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    files = write_files(tmp_path, config=config_for(box))
    with os.fdopen(writer, "wb") as closed:
        finished, log = run([program, *files, option], output=closed)
    assert finished.returncode == GONE, log
    (told,) = faults(log)
    assert "The reader of standard output closed its input before everything was written" in told


def test_the_file_that_the_tap_writes_to_has_no_room(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box)
    files = write_files(tmp_path, config=config, catalog=catalog_for(config, "companies", "dimension_data"))
    with (tmp_path / "output").open("wb") as output:
        finished, log = run([TAP, *files], output=output, little_room=True)
    assert finished.returncode == ROOM, log
    (told,) = faults(log)
    assert "standard output cannot be written: File too large" in told


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which none can be made")
def test_batch_files_that_cannot_be_made_are_a_matter_of_the_setting(box: Sandbox, tmp_path: Path) -> None:
    finished, log = run_batches(box, tmp_path, "file:///proc/nope")
    assert finished.returncode == 2
    (told,) = faults(log)
    assert "batch_config: cannot write to file:///proc/nope: No such file or directory" in told


def test_batch_files_that_have_no_room(box: Sandbox, tmp_path: Path) -> None:
    finished, log = run_batches(box, tmp_path, (tmp_path / "batches").as_uri(), little_room=True)
    assert finished.returncode == ROOM
    (told,) = faults(log)
    assert "batch_config: cannot write to" in told
    assert "File too large" in told
    # STATE that speaks of rows in a file that is not whole would lose them.
    assert b'"BATCH"' not in finished.stdout


def run_batches(box: Sandbox, folder: Path, root: str, *, little_room: bool = False) -> Any:
    batches = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": root}}
    config = config_for(box, batch_config=batches)
    files = write_files(folder, config=config, catalog=catalog_for(config, "dimension_data"))
    return run([TAP, *files], output=subprocess.PIPE, little_room=little_room)
