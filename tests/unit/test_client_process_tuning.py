"""What a command sets up before rows pass through it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = (
    "import gc; from planhat_api.plugin.process_tuning import tune_for_many_rows; "
    "tune_for_many_rows(1); print(gc.get_threshold())"
)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets the size of a pipe be set")
def test_both_ends_of_a_pipe_get_a_large_one() -> None:
    import fcntl  # noqa: PLC0415 - not there on Windows

    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE) as process:
        assert process.stdout
        said = process.stdout.read()
        size = fcntl.fcntl(process.stdout, fcntl.F_GETPIPE_SZ)

    assert process.returncode == 0
    assert said.startswith(b"(100000,")
    assert size >= 1 << 20


def test_rows_may_go_to_a_file(tmp_path: Path) -> None:
    with (tmp_path / "rows").open("wb") as file:
        subprocess.run([sys.executable, "-c", _PROGRAM], stdout=file, check=True)
