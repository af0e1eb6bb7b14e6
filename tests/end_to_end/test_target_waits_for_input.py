"""A tap that goes quiet with rows pending: they go out at the next checkpoint, and STATE follows."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import connection, lines, state, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = str(Path(sys.executable).with_name("target-planhat"))
ROW = [*stream("companies", [{"external_id": "idle", "name": "n"}]), state(1)]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=1, seed=1) as sandbox:
        yield sandbox


def target(box: Sandbox, folder: Path, **settings: Any) -> subprocess.Popen[bytes]:
    config = folder / "config.json"
    config.write_text(json.dumps(connection(box, checkpoint_seconds=1, **settings)))
    command = [COMMAND, "--config", str(config)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_what_is_pending_goes_out_while_the_input_is_quiet(box: Sandbox, tmp_path: Path) -> None:
    with target(box, tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines(ROW))
        process.stdin.flush()
        assert select.select([process.stdout], [], [], 30)[0]
        assert json.loads(process.stdout.readline()) == 1
        assert "idle" in {row.get("externalId") for row in box.rows("companies")}
        process.stdin.write(lines([*stream("companies", [{"external_id": "later", "name": "n"}]), state(2)]))
        process.stdin.close()
        assert json.loads(process.stdout.read()) == 2
        assert process.wait(30) == 0


def test_a_message_that_comes_in_pieces_stays_whole(box: Sandbox, tmp_path: Path) -> None:
    with target(box, tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        data = lines(ROW)
        for place in range(0, len(data), len(data) // 3):
            process.stdin.write(data[place : place + len(data) // 3])
            process.stdin.flush()
            time.sleep(1.2)
        process.stdin.close()
        assert json.loads(process.stdout.read()) == 1
        assert process.wait(30) == 0


def test_rejects_end_the_run_while_the_input_is_quiet(box: Sandbox, tmp_path: Path) -> None:
    with target(box, tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(lines([*stream("companies", [{"external_id": "bad", "name": None}]), state(1)]))
        process.stdin.flush()
        assert process.wait(30) == 4
        process.stdin.close()
