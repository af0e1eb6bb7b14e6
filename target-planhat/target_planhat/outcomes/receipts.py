"""Writes what became of each record, one JSON line for each, to be loaded as a table."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from target_planhat.outcomes.run_file import RunFile

if TYPE_CHECKING:
    from planhat_api import Outcome
    from planhat_api.plugin.output import OutputError

__all__ = ["Receipts"]


class _Receipt(msgspec.Struct):
    at: str
    stream: str
    model: str | None
    key: str | None
    key_value: str | None
    outcome: str
    planhat_id: str | None
    reason: str | None
    attempt: int


class Receipts:
    """The receipts of one run. Every line has the same columns."""

    def __init__(self, folder: str | None) -> None:
        """Write nothing yet; without a folder, never."""
        self._file = RunFile("receipts_dir", folder, "receipts", ".jsonl") if folder else None
        self._encode = msgspec.json.Encoder().encode

    def __bool__(self) -> bool:
        """Whether receipts are wanted."""
        return self._file is not None

    def add(
        self, stream: str, model: str | None, match: tuple[str, ...] | None, outcome: Outcome, attempt: int
    ) -> None:
        """Add one receipt."""
        if self._file is None:
            return
        key, value = match[:2] if match else (None, None)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self._file.write(
            self._encode(
                _Receipt(now, stream, model, key, value, outcome.fate.word, outcome.planhat_id, outcome.reason, attempt)
            )
        )

    @property
    def fault(self) -> OutputError | None:
        """Why some of them could not be written."""
        return self._file.fault if self._file else None

    def secure(self) -> None:
        """Have all of them on disk, unless there is a fault."""
        if self._file:
            self._file.secure()

    def close(self) -> None:
        """Have all of them on disk, unless there is a fault, and close the file."""
        if self._file:
            self._file.close()
