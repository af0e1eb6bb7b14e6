"""Runs this project's target with the rows of a warehouse."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.calls.tap import MOST_CALLS_PER_MINUTE
from benchmarks.calls.tenant import TENANT_TOKEN, TOKEN
from benchmarks.environments import OURS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.calls.processes import Processes
    from benchmarks.calls.tenant import Calls, Tenant
    from benchmarks.environments import Environments
    from benchmarks.measure import Usage


@dataclass(frozen=True)
class Target:
    """This project's target against one tenant.

    Attributes:
        environments: Where it is installed.
        processes: What runs it.
        tenant: The tenant.
        folder: Takes settings.
    """

    environments: Environments
    processes: Processes
    tenant: Tenant
    folder: Path

    def run(self, rows: Path, *, write: str) -> tuple[Calls, Usage]:
        """Send the rows of a Singer file.

        Args:
            rows: The file.
            write: The setting of this name.

        Raises:
            RunFailedError: The target ended with a code other than 0.
        """
        quota_store = self.folder / "target-quota"
        quota_store.unlink(missing_ok=True)
        config = self.folder / "target.json"
        settings = {
            "api_token": TOKEN,
            "tenant_token": TENANT_TOKEN,
            "base_url": self.tenant.url,
            "analytics_url": f"{self.tenant.url}/analytics-host",
            "calls_per_minute": MOST_CALLS_PER_MINUTE,
            "quota_store": str(quota_store),
            "write": write,
        }
        config.write_text(json.dumps(settings), "utf-8")
        command = [self.environments.command(OURS, "target-planhat"), "--config", str(config)]
        self.tenant.forget()
        usage = self.processes.run(command, self.folder / "target.state", stdin=rows)
        return self.tenant.calls(), usage
