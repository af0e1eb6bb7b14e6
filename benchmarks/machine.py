"""What a run ran on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from benchmarks.environments import HERE, ROOT

_SHOWN = ("singer-sdk", "airbyte-cdk", "cruds", "meltano", "requests", "msgspec")


def describe() -> dict[str, str]:
    """Machine, system, Python, versions of the contestants, commit."""
    return {
        "machine": f"{os.cpu_count()} CPUs ({_cpu()}), {_memory()} memory",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "commit": _commit(),
        "versions": ", ".join(f"{name} {_locked(name)}" for name in _SHOWN),
    }


def joined(earlier: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """What works measured at different times ran on."""
    differing = {name for name in now if now[name] not in earlier.get(name, now[name])}
    later = {name: f"{earlier[name]} and later {now[name]}" for name in differing}
    return {**earlier, **later, "when": now["when"]}


def _cpu() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    return found[1] if found else platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"


def _locked(name: str) -> str:
    found = re.search(rf'^name = "{name}"\nversion = "(.+)"', (HERE / "uv.lock").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "unknown"
