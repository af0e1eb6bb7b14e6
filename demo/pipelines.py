"""The two Meltano pipelines of the demo, aimed at the sandbox."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from demo.processes import run_logged, tool
from demo.sandbox import API_TOKEN, TENANT_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from demo.sandbox import Addresses

__all__ = ["ROOT", "Pipelines"]

ROOT = Path(__file__).parents[1]
OTHER_SETTINGS = ("TAP_", "TARGET_", "MELTANO_")


@dataclass(frozen=True)
class Pipelines:
    """Runs Meltano in its environment ``demo``, settings given the usual way: as environment variables."""

    addresses: Addresses
    output: Path

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.output / "warehouse.duckdb"

    def install(self) -> None:
        """The plugins the demo uses, each into an environment of its own; quick when they are there."""
        self._meltano("install", "tap-planhat", "target-duckdb", "tap-warehouse", "target-planhat")

    def extract(self) -> None:
        """Planhat into DuckDB."""
        self._meltano("run", "tap-planhat", "target-duckdb")

    def send_back(self, receipts: Path) -> None:
        """DuckDB into Planhat.

        Args:
            receipts: Folder for the receipts of this run.
        """
        self._meltano("run", "tap-warehouse", "target-planhat", TARGET_PLANHAT_RECEIPTS_DIR=str(receipts))

    def _meltano(self, *arguments: str, **settings: str) -> None:
        log = self.output / "logs" / f"{len(list(self.output.glob('logs/*'))) + 1}-meltano-{arguments[0]}.log"
        run_logged([tool("meltano"), *arguments], log, {**self._environment(), **settings}, ROOT)

    def _environment(self) -> Mapping[str, str]:
        main, analytics = self.addresses
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(OTHER_SETTINGS)},
            "MELTANO_ENVIRONMENT": "demo",
            "MELTANO_STATE_BACKEND_URI": (self.output / "state").as_uri(),
            "NO_COLOR": "1",
            "TAP_PLANHAT_API_TOKEN": API_TOKEN,
            "TAP_PLANHAT_BASE_URL": main,
            "TARGET_PLANHAT_API_TOKEN": API_TOKEN,
            "TARGET_PLANHAT_TENANT_TOKEN": TENANT_TOKEN,
            "TARGET_PLANHAT_BASE_URL": main,
            "TARGET_PLANHAT_ANALYTICS_URL": analytics,
            # The sandbox processes points at once.
            "TARGET_PLANHAT_LANDING_SECONDS": "1",
        }
