"""Keeps a text for the next runs on this machine, for some minutes."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["kept"]

_SECONDS = 600.0


def kept(name: str, make: Callable[[], str]) -> str:
    """The text that was made for this name in the last ten minutes, or else a new one.

    Args:
        name: Tells texts apart.
        make: Makes the text. It is public, and made again whenever it cannot be kept.
    """
    folder = Path(tempfile.gettempdir()) / f"planhat-catalogs-{os.getuid()}"
    file = folder / hashlib.sha256(name.encode()).hexdigest()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat()
        is_own = owner.st_uid == os.getuid() and not stat.S_IMODE(owner.st_mode) & 0o077 and stat.S_ISDIR(owner.st_mode)
        if is_own and 0 <= time.time() - file.stat().st_mtime < _SECONDS:
            return file.read_text("utf-8")
    except FileNotFoundError:
        pass
    except OSError:
        return make()
    text = make()
    if is_own:
        _keep(file, text)
    return text


def _keep(file: Path, text: str) -> None:
    new = file.with_name(f".{os.getpid()}-{os.urandom(6).hex()}")
    try:
        new.write_text(text, "utf-8")
        new.replace(file)
    except OSError:
        new.unlink(missing_ok=True)
