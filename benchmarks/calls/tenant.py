"""A sandbox in a process of its own: what it is told, and what it says about its calls and rows."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.request
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.environments import OURS
from benchmarks.measure import RunFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.environments import Environments

TOKEN = "benchmark"
TENANT_TOKEN = "5a4db0c5-0000-4000-8000-000000000001"
DAYS = 60
"""Days of metric points, as many as ``planhat-sandbox serve`` makes if it is not told."""

_READY = re.compile(r"ready: (\S+)")
_EVERY_ROW = 100_000_000
_TOO_MANY = 429


@dataclass(frozen=True)
class Call:
    """One call that the sandbox answered: method, path, parameters, status, rows in the answer or in the body."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    rows: int


@dataclass(frozen=True)
class Calls:
    """The calls of one run, as the sandbox logged them."""

    all: tuple[Call, ...]

    def __len__(self) -> int:
        """Their number, with those that were refused."""
        return len(self.all)

    @property
    def refused(self) -> int:
        """Calls beyond the quota."""
        return sum(call.status == _TOO_MANY for call in self.all)

    @property
    def by_path(self) -> dict[str, int]:
        """Number of calls by method and path."""
        return dict(Counter(f"{call.method} {call.path}" for call in self.all))

    @property
    def kinds(self) -> dict[str, int]:
        """Number of calls that read, that sent rows in bulk, and others."""
        return dict(Counter(_kind(call) for call in self.all))

    def with_parameters(self, path: str, parameters: Mapping[str, str]) -> int:
        """Number of calls of a list with these parameters."""
        return sum(call.path == path and parameters.items() <= call.query.items() for call in self.all)


def _kind(call: Call) -> str:
    if call.method == "GET":
        return "reads"
    return "bulk" if call.method == "PUT" and "/" not in call.path else "other"


class Tenant:
    """Speaks to one sandbox. What it asks is not in the calls that it reports."""

    def __init__(self, url: str, companies: int) -> None:
        """Speak to the sandbox at ``url``."""
        self.url = url
        self.companies = companies

    def control(self, method: str, what: str, content: Any = None) -> Any:  # noqa: ANN401 - whatever JSON can say
        """One call below ``/_sandbox``, which is neither counted nor limited."""
        return json.loads(self._ask(method, f"_sandbox/{what}", content))

    def ask(self, method: str, path: str, content: Any = None) -> Any:  # noqa: ANN401 - whatever JSON can say
        """One call of the API."""
        return json.loads(self._ask(method, path, content))

    def _ask(self, method: str, path: str, content: Any) -> bytes:  # noqa: ANN401 - whatever JSON can say
        body = None if content is None else json.dumps(content).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Connection": "close"}
        request = urllib.request.Request(f"{self.url}/{path}", data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return bytes(answer.read())

    @contextmanager
    def whole_lists(self) -> Iterator[None]:
        """The sandbox honours a limit of any size inside the ``with`` block."""
        self.control("PUT", "switches", {"limit_above_max": "honour"})
        try:
            yield
        finally:
            self.control("PUT", "switches", {"limit_above_max": "cap"})
            self.forget()

    def whole_list(self, path: str, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - whatever JSON can say
        """Every row of a list in one call, inside ``whole_lists``."""
        return self.ask("GET", f"{path}?{urlencode({**parameters, 'limit': _EVERY_ROW})}")

    def forget(self) -> None:
        """Forget the calls so far."""
        self.control("DELETE", "calls")

    def calls(self) -> Calls:
        """The calls since ``forget``."""
        found = self.control("GET", "calls")
        names = ("method", "path", "query", "status", "rows")
        return Calls(tuple(Call(**{name: each[name] for name in names}) for each in found))


@contextmanager
def serving(
    environments: Environments, companies: int, *, port: int = 0, quota: int = 0, latency: float = 0.0
) -> Iterator[Tenant]:
    """A seeded tenant. Equal numbers of companies make equal tenants.

    Args:
        environments: Where the command is.
        companies: Number of companies, on which the number of all other rows depends.
        port: Where it listens; 0 for any port.
        quota: Calls a minute; 0 for no limit.
        latency: Seconds that each call waits.

    Raises:
        RunFailedError: The sandbox did not start.
    """
    options = {
        "port": port,
        "companies": companies,
        "days": DAYS,
        "api-token": TOKEN,
        "tenant-token": TENANT_TOKEN,
        "calls-per-minute": quota,
        "latency-ms": latency * 1000,
    }
    command = [environments.command(OURS, "planhat-sandbox"), "serve"]
    command += [f"--{name}={value}" for name, value in options.items()]
    if not quota:
        # The limit of a second is far from what a quota of 200 a minute lets through.
        command += ["--switch", "calls_per_second=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = process.stdout.readline()  # type: ignore[union-attr]
            found = _READY.search(ready)
            if found is None:
                message = f"the sandbox did not start: {ready!r}"
                raise RunFailedError(message)
            yield Tenant(found[1], companies)
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
