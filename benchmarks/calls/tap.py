"""Runs this project's tap as a user would: a catalog made by discovery, and the STATE of the run before."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from benchmarks import measure
from benchmarks.calls import lines
from benchmarks.calls.books import POINTS
from benchmarks.calls.tenant import TOKEN
from benchmarks.environments import OURS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from benchmarks.calls.lines import Written
    from benchmarks.calls.processes import Processes
    from benchmarks.calls.tenant import Calls, Tenant
    from benchmarks.environments import Environments
    from benchmarks.measure import Usage

MOST_CALLS_PER_MINUTE = 9_000


@dataclass(frozen=True)
class TapRun:
    """One run of a tap: its calls, what it took, what it wrote."""

    calls: Calls
    usage: Usage
    written: Written


@dataclass(frozen=True)
class Tap:
    """This project's tap against one tenant.

    Attributes:
        environments: Where it is installed.
        processes: What runs it.
        tenant: The tenant.
        folder: Takes settings, catalogs, states and output.
        quota: Calls a minute in its settings.
        at_once: Calls at once in its settings; None leaves it as it comes.
    """

    environments: Environments
    processes: Processes
    tenant: Tenant
    folder: Path
    quota: int = MOST_CALLS_PER_MINUTE
    at_once: int | None = None

    def run(self, streams: Collection[str], *, incremental: bool = False, state: bytes | None = None) -> TapRun:
        """Sync some streams.

        Args:
            streams: Names of streams.
            incremental: Whether every model that offers it is INCREMENTAL; otherwise all are FULL_TABLE. Metric points
                are as discovered, which is by day.
            state: The STATE of the run before.

        Raises:
            RunFailedError: The tap ended with a code other than 0.
        """
        options = ["--config", str(self._config), "--catalog", str(self._catalog(streams, incremental=incremental))]
        if state is not None:
            options += ["--state", str(self._write("state.json", state))]
        # The quota file remembers calls of the run before; an hour later they do not count any more.
        self._quota_store.unlink(missing_ok=True)
        output = self.folder / "tap.singer"
        self.tenant.forget()
        usage = self.processes.run([self.environments.command(OURS, "tap-planhat"), *options], output)
        calls = self.tenant.calls()
        written = lines.of_singer(output)
        output.unlink()
        return TapRun(calls, usage, written)

    def _catalog(self, streams: Collection[str], *, incremental: bool) -> Path:
        entries = [dict(entry) for entry in self._discovered["streams"]]
        for entry in entries:
            metadata = [{**part, "metadata": dict(part["metadata"])} for part in entry["metadata"]]
            root = next(part["metadata"] for part in metadata if not part["breadcrumb"])
            root["selected"] = entry["tap_stream_id"] in streams
            entry["metadata"] = metadata
            if root.get("valid-replication-keys") and entry["tap_stream_id"] != POINTS:
                entry["replication_method"] = "INCREMENTAL" if incremental else "FULL_TABLE"
        return self._write("catalog.json", json.dumps({"streams": entries}).encode())

    @cached_property
    def _discovered(self) -> dict[str, Any]:
        found = subprocess.run(
            [self.environments.command(OURS, "tap-planhat"), "--config", str(self._config), "--discover"],
            check=False,
            capture_output=True,
            text=True,
            env=measure.environment(),
        )
        if found.returncode:
            message = f"discovery failed: {found.stderr[-2000:]}"
            raise measure.RunFailedError(message)
        discovered: dict[str, Any] = json.loads(found.stdout)
        return discovered

    @cached_property
    def _config(self) -> Path:
        settings: dict[str, Any] = {
            "api_token": TOKEN,
            "base_url": self.tenant.url,
            "calls_per_minute": self.quota,
            "quota_store": str(self._quota_store),
        }
        if self.at_once is not None:
            settings["parallel_calls"] = self.at_once
        return self._write("tap.json", json.dumps(settings).encode())

    @property
    def _quota_store(self) -> Path:
        return self.folder / "tap-quota"

    def _write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path
