"""Meltano's own relay of lines between a tap and a target: the ceiling of any pipe it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks import measure
from benchmarks.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def project(folder: Path, tap: dict[str, Any], target: dict[str, Any]) -> None:
    """Write a Meltano project of one tap and one target."""
    content = {
        "project_id": "benchmarks",
        "default_environment": "dev",
        "environments": [{"name": "dev"}],
        "send_anonymous_usage_stats": False,
        "plugins": {"extractors": [tap], "loaders": [target]},
    }
    folder.mkdir(exist_ok=True)
    # JSON is YAML.
    (folder / "meltano.yml").write_text(json.dumps(content), "utf-8")


def command(meltano: str, folder: Path, *plugins: str) -> list[str]:
    """Run the project's pipe from nothing."""
    return [meltano, "--cwd", str(folder), "run", "--full-refresh", *plugins]


def ceiling(meltano: str, folder: Path, feed: Path, rows: int) -> float:
    """Rows a second through ``meltano run`` of a tap that copies a file and a target that counts lines.

    Raises:
        RunFailedError: Lines got lost.
    """
    # The first run makes Meltano's database and does not count.
    _, idle, busy = [_seconds(meltano, folder, source) for source in (None, None, feed)]
    counted = int((folder / "counted").read_text("utf-8"))
    if counted < rows:
        message = f"{counted} of {rows} lines came through meltano"
        raise measure.RunFailedError(message)
    return rows / (busy - idle)


def _seconds(meltano: str, folder: Path, feed: Path | None) -> float:
    folder.mkdir(exist_ok=True)
    tap = _script(folder / "tap-copy", f"exec cat '{feed}'" if feed else "exec true")
    target = _script(folder / "target-count", f"exec wc -l > '{folder / 'counted'}'")
    project(folder, tap, target)
    run: Sequence[str] = command(meltano, folder, tap["name"], target["name"])
    usage, _ = measure.run([run], environment=measure.environment(), cwd=folder, stdin=None, reading=Reader)
    return usage.wall


def _script(path: Path, line: str) -> dict[str, Any]:
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(0o755)
    name = path.name
    return {"name": name, "namespace": name.replace("-", "_"), "executable": str(path)}
