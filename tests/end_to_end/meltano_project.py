"""A copy of the Meltano project for tests: Meltano commands write into the project they run in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planhat_api.models.registry import Model
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

    @classmethod
    def of_commands(
        cls, folder: Path, taps: Mapping[str, str] | None = None, loaders: Sequence[Mapping[str, Any]] = ()
    ) -> MeltanoProject:
        """A project for which nothing is installed.

        Args:
            folder: Where it is made.
            taps: Name of each tap to its program in Python.
            loaders: Loaders beside target-planhat, which is the command of this environment.
        """
        assert MELTANO.exists(), "Meltano is set up by `make test`"
        definition = yaml.safe_load((ROOT / "target-planhat" / "plugin.yml").read_text("utf-8"))
        target = {
            "name": "target-planhat",
            "namespace": "target_planhat",
            "executable": "./target-planhat",
            "capabilities": definition["capabilities"],
            "settings": definition["settings"],
        }
        (folder / "target-planhat").symlink_to(Path(sys.executable).with_name("target-planhat"))
        extractors = []
        for name, program in (taps or {}).items():
            (folder / name).write_text(f"#!{sys.executable}\n{program}", "utf-8")
            (folder / name).chmod(0o700)
            extractors.append({"name": name, "namespace": name.replace("-", "_"), "executable": f"./{name}"})
        content = {
            "project_id": "commands",
            "default_environment": "dev",
            "send_anonymous_usage_stats": False,
            "environments": [{"name": "dev"}],
            "plugins": {
                "extractors": extractors,
                "loaders": [target, *({**target, **own} if "namespace" in own else dict(own) for own in loaders)],
            },
        }
        (folder / "meltano.yml").write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
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
