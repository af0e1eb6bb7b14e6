"""Tenants: sandboxes, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["METRICS", "BoxedTenant", "boxed_tenant"]

METRICS = ("logins", "active_users", "api-calls", "sessions")
"""Metrics that every sandbox has: three of all companies, one of a few endusers."""

_BIN = Path(__file__).parents[3] / ".venv" / "bin"
_TOKEN = "token-of-{name}"


@dataclass(frozen=True)
class BoxedTenant:
    """A sandbox that plays one tenant."""

    name: str
    url: str

    @property
    def token(self) -> str:
        """Its API token."""
        return _TOKEN.format(name=self.name)

    @property
    def token_variable(self) -> str:
        """The variable of the environment that holds the token."""
        return f"PLANHAT_API_TOKEN_{self.name.upper()}"

    def calls(self) -> list[dict[str, Any]]:
        """All calls that arrived, with the moment of each (``at``, seconds of the sandbox's clock)."""
        return self._control("calls")

    def points(self) -> list[dict[str, Any]]:
        """All points that it holds."""
        return self._control("rows/dimensiondata")

    def _control(self, path: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/_sandbox/{path}", timeout=60) as answer:
            rows: list[dict[str, Any]] = json.load(answer)
            return rows


@contextmanager
def boxed_tenant(name: str, folder: Path, **options: int) -> Iterator[BoxedTenant]:
    """Start a sandbox with a quota of its own.

    Args:
        name: Name of the tenant.
        folder: Where its log goes.
        options: Options of ``planhat-sandbox serve``.
    """
    command = [str(_BIN / "planhat-sandbox"), "serve", "--port", "0", "--api-token", _TOKEN.format(name=name)]
    command += [text for option, value in options.items() for text in (f"--{option.replace('_', '-')}", str(value))]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=os.environ, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split("ready: ")[1].split()[0]
        yield BoxedTenant(name, url)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
