"""Where each contestant is installed: this project beside the interpreter, each peer in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS = ("floor", "cruds", "airbyte", "plain_sdk", "meltano")
OURS = "ours"
OURS_BATCH = "ours_batch"
_BESIDE = Path(sys.executable).parent


@dataclass(frozen=True)
class Environments:
    """The folder with the commands of each contestant.

    Attributes:
        folders: Contestant to folder; who is absent takes no part.
    """

    folders: dict[str, Path]

    def __contains__(self, contestant: str) -> bool:
        """Whether this contestant takes part."""
        return contestant in self.folders

    def only(self, names: list[str]) -> Environments:
        """Some of the contestants."""
        return Environments({name: folder for name, folder in self.folders.items() if name in names})

    def command(self, contestant: str, name: str) -> str:
        """Path of a command."""
        return str(self.folders[contestant] / name)


def of_their_own(*, install: bool, peers: Sequence[str] = PEERS) -> Environments:
    """The peers, each in an environment made from their locked requirements.

    Args:
        install: Make what is missing and bring the rest up to date; otherwise who is not installed takes no part.
        peers: Only these.

    Raises:
        subprocess.CalledProcessError: An installation failed.
    """
    folders = {OURS: _BESIDE, OURS_BATCH: _BESIDE}
    for peer in peers:
        environment = HERE / ".venvs" / peer
        if install:
            _sync(environment, peer)
        if environment.exists():
            folders[peer] = environment / "bin"
    return Environments(folders)


def of_this_interpreter() -> Environments:
    """The contestants that are installed beside the running interpreter; for trials and tests."""
    # The SDK and what the floor needs are requirements of the tap and the target.
    return Environments(dict.fromkeys((OURS, OURS_BATCH, "floor", "plain_sdk"), _BESIDE))


def _sync(environment: Path, group: str) -> None:
    # make says which uv it found or installed.
    uv = os.environ.get("UV") or shutil.which("uv") or "uv"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    options = ["--quiet", "--frozen", "--compile-bytecode", "--python", python]
    subprocess.run(
        [uv, "sync", *options, "--project", str(HERE), "--only-group", group],
        check=True,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)},
    )
