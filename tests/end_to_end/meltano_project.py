"""A copy of the Meltano project for tests: Meltano commands write into the project they run in."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_api.registry import Model
    from planhat_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
MELTANO = ROOT / "demo" / ".venv" / "bin" / "meltano"
COPIED = (
    "demo",
    "examples",
    "output/.gitignore",
    "planhat-api",
    "planhat-sandbox",
    "tap-planhat",
    "target-planhat",
    "meltano.yml",
    "pyproject.toml",
    "uv.lock",
)
LEFT_OUT = shutil.ignore_patterns(".venv", "__pycache__", "*.egg-info", "dist")
OTHER_SETTINGS = ("TAP_", "TARGET_", "MELTANO_", "COVERAGE_", "PYTEST_")


@dataclass(frozen=True)
class MeltanoProject:
    """A copy of the project in a folder of its own."""

    folder: Path

    @classmethod
    def copied_to(cls, folder: Path) -> MeltanoProject:
        assert MELTANO.exists(), "Meltano is set up by `make test`"
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
            else:
                (folder / name).parent.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        return cls(folder)

    def environment(self, **settings: str) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(OTHER_SETTINGS)}
        return {**own, "NO_COLOR": "1", **settings}

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """One Meltano command, its whole output as standard output."""
        return subprocess.run(
            [str(MELTANO), *arguments],
            cwd=self.folder,
            env=self.environment(**settings),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def held_ids(box: Sandbox, model: Model) -> list[str]:
    """Ids of all rows that the stream of a model should bring; a part of another list is not selected."""
    if model.constants:
        return []
    return sorted(row["_id"] for row in box.rows("companies" if model.path == "leancompanies" else model.path))
