"""A machine: a home, a temporary folder and a clock of its own, and a process that may be killed like a machine."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Machine"]

_ROOT = Path(__file__).parents[3]
_BIN = Path(sys.executable).parent


@dataclass
class Machine:
    """A machine, which shares with others only what its environment names.

    Args:
        folder: Its own folder, which holds its home and its temporary files.
        environment: Variables that it has beside its own.
        ahead: Seconds that its clock is ahead of this one's.
    """

    folder: Path
    environment: Mapping[str, str]
    ahead: float = 0.0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, program: str, arguments: Sequence[str]) -> None:
        """Run a program of the environment on this machine, with its log in ``log`` in the folder."""
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(_BIN / program), *arguments],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What its process wrote so far."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def has_running(self, program: str) -> bool:
        """Whether one of its processes is a program, by the name of its file."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                if any(Path(part).name == program for part in process.cmdline()):
                    return True
        return False

    def kill(self) -> None:
        """End all its processes at once, as if the machine was lost."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._wait(10)

    def stop(self, seconds: float = 15) -> None:
        """Ask its process to end, and end whatever is left after some seconds."""
        if self.process is None:
            return
        everything = self._processes()
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        self._wait(seconds)
        for process in everything:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._wait(5)

    def cpu_seconds(self) -> float:
        """CPU seconds of its processes that run now."""
        return sum(sum(process.cpu_times()[:4]) for process in self._processes())

    def _wait(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            if self.process is not None:
                self.process.wait(seconds)

    def _processes(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            if self.process is not None:
                main = psutil.Process(self.process.pid)
                return [main, *main.children(recursive=True)]
        return []

    def _environment(self) -> dict[str, str]:
        home, temporary = self.folder / "home", self.folder / "tmp"
        kept = {name: os.environ[name] for name in ("LANG", "SSL_CERT_FILE") if name in os.environ}
        own = {
            "PATH": os.pathsep.join([str(_BIN), str(_ROOT / ".venv" / "bin"), "/usr/bin", "/bin"]),
            "PYTHONPATH": str(_ROOT),
            "HOME": str(home),
            "TMPDIR": str(temporary),
        }
        return {**kept, **own, **self.environment, **(_clock(self.ahead) if self.ahead else {})}


def _clock(ahead: float) -> dict[str, str]:
    """The variables that set the clock of all programs ahead, but not the clocks that only measure spans."""
    found = importlib.util.find_spec("libfaketime")
    assert found is not None
    assert found.origin is not None
    library = Path(found.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"+{ahead}",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
        "NO_FAKE_STAT": "1",
    }
