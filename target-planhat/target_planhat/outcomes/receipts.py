"""Writes the outcome of each record as a JSON line, which can be loaded as a table."""

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
    """The receipts of one run. All lines have the same columns."""

    def __init__(self, folder: str | None) -> None:
        """Prepare the file. Without a folder, nothing is written."""
        self._file = RunFile("receipts_dir", folder, "receipts", ".jsonl") if folder else None
        self._encode = msgspec.json.Encoder().encode

    def __bool__(self) -> bool:
        """Whether receipts are written."""
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
                _Receipt(now, stream, model, key, value, outcome.kind.word, outcome.planhat_id, outcome.reason, attempt)
            )
        )

    @property
    def fault(self) -> OutputError | None:
        """Why a receipt could not be written; None if there was no error."""
        return self._file.fault if self._file else None

    def sync(self) -> None:
        """Write all receipts to disk, unless there was an error."""
        if self._file:
            self._file.sync()

    def close(self) -> None:
        """Write all receipts to disk, unless there was an error. Close the file."""
        if self._file:
            self._file.close()
