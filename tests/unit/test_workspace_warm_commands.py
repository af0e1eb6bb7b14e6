"""Commands that fork from a warm process are told apart from a process that has gone."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.warm_commands import TARGET, WarmCommand


def test_a_command_of_which_nothing_is_known_has_no_exit_code(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"api_token": "t"}')
    command = WarmCommand(TARGET, ["--config", str(tmp_path / "config.json")])
    try:
        # The process that waits for the end of the command.
        keeper = int(Path(f"/proc/{command.pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(keeper, signal.SIGKILL)
        with pytest.raises(ConnectionError):
            command.wait(10)
        assert command.returncode is None
    finally:
        with suppress(ProcessLookupError):
            os.kill(command.pid, signal.SIGKILL)
        for file in (command.stdin, command.stdout, command.stderr):
            if file:
                file.close()
        command._told.close()
