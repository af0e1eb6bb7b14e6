"""Files that belong to one run: written line by line, safe on disk when asked."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    from io import BufferedWriter

__all__ = ["RunFile"]


class RunFile:
    """A file of one run, made when the first line is written. It never overwrites a file of another run."""

    def __init__(self, folder: str, name: str, suffix: str) -> None:
        """Check the folder, make it if need be.

        Args:
            folder: Where the file will be.
            name: What the name of the file starts with.
            suffix: What it ends with.

        Raises:
            SettingsError: The folder cannot be made or written to.
        """
        started = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.path = Path(folder) / f"{name}-{started}-{os.getpid()}{suffix}"
        self._file: BufferedWriter | None = None
        self._dirty = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            msg = f"cannot make folder {folder}: {err.strerror}"
            raise SettingsError(msg) from err
        if not os.access(self.path.parent, os.W_OK):
            msg = f"cannot write to folder {folder}"
            raise SettingsError(msg)

    @property
    def used(self) -> bool:
        """Whether anything was written."""
        return self._file is not None

    def write(self, line: bytes) -> None:
        """Write one line."""
        if self._file is None:
            self._file = self._new_file()
        self._file.write(line + b"\n")
        self._dirty = True

    def _new_file(self) -> BufferedWriter:
        number = 1
        stem, suffix = self.path.stem, self.path.suffix
        while True:
            try:
                # The rows hold personal data: nobody else on the machine shall read them.
                descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:  # noqa: PERF203 # one turn, but for a clash of names
                number += 1
                self.path = self.path.with_name(f"{stem}-{number}{suffix}")
            else:
                return os.fdopen(descriptor, "wb")

    def secure(self) -> None:
        """Have all lines on disk before going on."""
        if self._file is not None and self._dirty:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._dirty = False

    def close(self) -> None:
        """Have all lines on disk and close the file."""
        self.secure()
        if self._file is not None:
            self._file.close()
