"""What the tests with Dagster start: a sandbox as a process. And what still runs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CONNECTORS = ROOT / ".venv" / "bin"
LOADERS = ROOT / "dagster-planhat" / ".venv" / "bin"

_READY = re.compile(r"planhat-sandbox ready: (\S+) \(analytics: (\S+)\)")


@dataclass(frozen=True)
class Box:
    """A sandbox that runs as a process."""

    url: str
    token: str

    def ask(self, path: str, body: Any = None) -> Any:
        """A control call."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_sandbox/{path}", data, method="PUT" if data else "GET")
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def ids(self, model: str) -> list[str]:
        """Ids of all rows of a model."""
        return sorted(row["_id"] for row in self.ask(f"rows/{model}"))

    @property
    def calls(self) -> list[Any]:
        """The calls so far."""
        found: list[Any] = self.ask("calls")
        return found


@contextmanager
def sandbox(token: str, *options: str) -> Iterator[Box]:
    """A sandbox for as long as the block runs."""
    command = [str(CONNECTORS / "planhat-sandbox"), "serve", "--api-token", token, "--calls-per-minute", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = _READY.search(process.stdout.readline())
        assert found, "the sandbox did not start"
        yield Box(found[1], token)
        process.send_signal(signal.SIGTERM)


def lives(pid: int) -> bool:
    """Whether a process runs."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def commands_of(text: str) -> list[int]:
    """Processes whose command line has this text."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if text in line.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(line.parent.name))
    return found
