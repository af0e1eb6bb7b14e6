"""Files for the settings of a command that only this user may read, gone when the run is over."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["environment_without", "loader_argv", "private_folder", "tap_argv"]

_PREFIX = "planhat-run-"
_LOCK = "in-use"


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this user may read and that is removed at the end of the block.

    Folders of runs that were killed are removed as well.
    """
    _remove_abandoned()
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder() -> tuple[Path, int]:
    """A new folder, and its open file by which others see that it is in use."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another process may have removed it before it was locked.
        if (folder / _LOCK).exists():
            return folder, lock
        os.close(lock)


def _remove_abandoned() -> None:
    """Remove the folders that no running process holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Without its file, a folder is just being made or removed. Those of other users cannot be opened.
        with suppress(OSError):
            lock = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def written(folder: Path, name: str, content: object) -> str:
    """The path of a file of this folder with some content as JSON, for this user only."""
    path = folder / name
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
    return str(path)


def tap_argv(
    command: Sequence[str],
    folder: Path,
    settings: Mapping[str, Any],
    catalog: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
) -> list[str]:
    """Program and arguments of a tap. Its settings, catalog and state are in files of this folder."""
    argv = [*command, "--config", written(folder, "tap.json", settings)]
    argv += ["--catalog", written(folder, "catalog.json", catalog)] if catalog else []
    argv += ["--state", written(folder, "state.json", state)] if state else []
    return argv


def loader_argv(command: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> list[str]:
    """Program and arguments of a loader. Its settings are in a file of this folder."""
    return [*command, "--config", written(folder, "loader.json", settings)]


def environment_without(environment: Mapping[str, str], secret: set[str]) -> dict[str, str]:
    """An environment for commands that need none of the secrets in it."""
    return {name: value for name, value in environment.items() if name not in secret}
