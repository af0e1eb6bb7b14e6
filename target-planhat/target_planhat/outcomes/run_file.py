"""Writes a file that belongs to one run, line by line."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime, timezone
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from planhat_api.plugin.output import OutputError, reason_of
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    from io import BufferedWriter

__all__ = ["RunFile"]


class RunFile:
    """A file of one run, created when the first line is written. It never overwrites a file of another run.

    Attributes:
        fault: Why no more lines can be written; None if there was no error. It is not raised in `write`, because all
            outcomes of a batch must be added first.
    """

    def __init__(self, setting: str, folder: str, name: str, suffix: str) -> None:
        """Check the folder. Create it if necessary.

        Args:
            setting: The setting that names the folder.
            folder: Folder of the file.
            name: Beginning of the name of the file.
            suffix: End of the name of the file.

        Raises:
            SettingsError: The folder, or a file in it, cannot be created.
        """
        started = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.path = Path(folder) / f"{name}-{started}-{os.getpid()}{suffix}"
        self.fault: OutputError | None = None
        self._setting = setting
        self._file: BufferedWriter | None = None
        self._dirty = False
        self._check_folder()

    def _check_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            msg = f"{self._setting}: cannot create folder {folder}: {reason_of(err)}"
            raise SettingsError(msg) from err
        try:
            # In some folders with write permission, no file can be created.
            TemporaryFile(dir=folder).close()
        except OSError as err:
            msg = f"{self._setting}: cannot write to folder {folder}: {reason_of(err)}"
            raise SettingsError(msg) from err

    @property
    def used(self) -> bool:
        """Whether anything was written."""
        return self._file is not None

    def write(self, line: bytes) -> None:
        """Write one line. After an error, do nothing."""
        if self.fault is not None:
            return
        try:
            if self._file is None:
                self._file = self._new_file()
            self._file.write(line + b"\n")
        except OSError as err:
            self._fail(err)
        self._dirty = True

    def _new_file(self) -> BufferedWriter:
        number = 1
        stem, suffix = self.path.stem, self.path.suffix
        while True:
            try:
                # The rows contain personal data, so no other user of the machine may read them.
                descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:  # noqa: PERF203 # one turn, unless the name exists
                number += 1
                self.path = self.path.with_name(f"{stem}-{number}{suffix}")
            else:
                return os.fdopen(descriptor, "wb")

    def _fail(self, err: OSError) -> None:
        self.fault = OutputError(f"{self._setting}: cannot write {self.path}: {reason_of(err)}")
        if self._file is not None:
            # The rest of its buffer cannot be written either.
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                _end_with_a_whole_line(self.path)

    def sync(self) -> None:
        """Write all lines to disk, unless there was an error."""
        if self._file is not None and self._dirty and self.fault is None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as err:
                self._fail(err)
            self._dirty = False

    def close(self) -> None:
        """Write all lines to disk, unless there was an error. Close the file."""
        self.sync()
        if self._file is not None:
            self._file.close()


def _end_with_a_whole_line(path: Path) -> None:
    """Remove an incomplete last line, so that the file can be read."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return
        with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            end = content.rfind(b"\n") + 1
    os.truncate(path, end)
