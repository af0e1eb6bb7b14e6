"""Commands of this project in a process that has imported their packages already and forks: starting one costs little.

What runs is the entry point of the command, in a process of its own with pipes and signals of its own. Only what
happens before and during the imports is left out. Tests of that start the installed command.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

__all__ = ["TAP", "TARGET", "WarmCommand", "run_warm"]

TAP = "tap_planhat.start"
TARGET = "target_planhat.start"
_IMPORTED = (
    *("tap_planhat.tap", "target_planhat.target", "tests.landing_oracle", "tests.landing_target"),
    *("unittest.mock", "urllib.request"),
)
_MESSAGE = 1 << 17
_PIPE = subprocess.PIPE


class WarmCommand:
    """One run of a command, with what tests need of ``subprocess.Popen``."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        stdout: IO[bytes] | int = _PIPE,
        stderr: IO[bytes] | int = _PIPE,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start the command.

        Args:
            module: Module whose function ``main`` is run.
            arguments: What follows the name of the command.
            stdout: As in ``subprocess``: a file, its descriptor, or ``PIPE``. Standard input always is a pipe.
            stderr: Likewise.
            env: All its environment variables; None for those of this process.
        """
        self.returncode: int | None = None
        reading, writing = os.pipe()
        self.stdin = os.fdopen(writing, "wb")
        ours: list[IO[bytes] | None] = []
        theirs = [reading]
        for given in (stdout, stderr):
            if given == _PIPE:
                reading, writing = os.pipe()
                ours.append(os.fdopen(reading, "rb"))
                theirs.append(writing)
            else:
                ours.append(None)
                theirs.append(os.dup(given if isinstance(given, int) else given.fileno()))
        self.stdout, self.stderr = ours
        self._told, told = socket.socketpair()
        request = [module, list(arguments), dict(os.environ if env is None else env), str(Path.cwd())]
        socket.send_fds(_forking(), [json.dumps(request).encode()], [*theirs, told.fileno()])
        told.close()
        for descriptor in theirs:
            os.close(descriptor)
        self.pid = self._number()

    def _number(self) -> int:
        # Without an answer, 0 would be a process id that stands for this process' own group, and a good exit code.
        told = self._told.recv(4)
        if len(told) < 4:
            message = "the process that forks has ended"
            raise ConnectionError(message)
        return int.from_bytes(told, "little", signed=True)

    def poll(self) -> int | None:
        """The exit code, negative for a signal, if the command has ended."""
        with suppress(BlockingIOError, TimeoutError):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the command; its exit code.

        Raises:
            TimeoutError: It did not end within so many seconds.
        """
        if self.returncode is None:
            self._told.settimeout(timeout)
            self.returncode = os.waitstatus_to_exitcode(self._number())
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if the command still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, given: bytes = b"", timeout: float | None = None) -> tuple[bytes, bytes]:
        """Send the input and wait for the end; what was written to standard output and standard error."""
        read: list[bytes] = [b"", b""]

        def take(place: int, file: IO[bytes] | None) -> None:
            read[place] = file.read() if file else b""

        takers = [Thread(target=take, args=each, daemon=True) for each in enumerate((self.stdout, self.stderr))]
        for taker in takers:
            taker.start()
        for write in (lambda: self.stdin.write(given), self.stdin.close):
            with suppress(BrokenPipeError):
                write()
        self.wait(timeout)
        for taker in takers:
            taker.join()
        return read[0], read[1]

    def __enter__(self) -> Self:
        """Nothing to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its files and wait for its end."""
        for file in (self.stdin, self.stdout, self.stderr):
            if file:
                with suppress(BrokenPipeError):
                    file.close()
        self.wait()


def run_warm(
    module: str, *arguments: str, given: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    with WarmCommand(module, arguments, env=env) as command:
        try:
            stdout, stderr = command.communicate(given, timeout)
        except BaseException:
            command.kill()
            raise
    return subprocess.CompletedProcess([module, *arguments], command.wait(), stdout, stderr)


@functools.cache
def _forking() -> socket.socket:
    """The line to the process that forks; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        cwd=Path(__file__).parents[1],
        start_new_session=True,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(line: socket.socket) -> str:
    """Fork for each request. Returns only in the process of a command: the module that it is to run."""
    for module in _IMPORTED:
        importlib.import_module(module)
    while True:
        request, descriptors, _, _ = socket.recv_fds(line, _MESSAGE, 4)
        if not request:
            with suppress(ChildProcessError):
                while True:
                    os.wait()
            os._exit(0)
        if not os.fork():
            line.close()
            _keep(descriptors)
            return _prepared(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def _keep(descriptors: Sequence[int]) -> None:
    """Fork once more, tell the process id and then how it ended. Returns only in the process of the command."""
    *streams, told = descriptors
    pid = os.fork()
    if not pid:
        os.close(told)
        return
    for descriptor in streams:
        os.close(descriptor)
    with suppress(BrokenPipeError):
        os.write(told, pid.to_bytes(4, "little"))
        os.write(told, os.waitpid(pid, 0)[1].to_bytes(4, "little"))
    os._exit(0)


def _prepared(request: bytes, descriptors: Sequence[int]) -> str:
    module, arguments, environment, folder = json.loads(request)
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - stays open
    sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = [module.partition(".")[0].replace("_", "-"), *arguments]
    return str(module)


if __name__ == "__main__":
    importlib.import_module(_serve(socket.socket(fileno=int(sys.argv[1])))).main()
