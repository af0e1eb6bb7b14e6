"""Writes the outcome of each record as a JSON line, which can be loaded as a table."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.outcomes.run_file import RunFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api import Outcome
    from planhat_api.plugin.output import OutputError

__all__ = ["Receipts"]


class _Receipt(msgspec.Struct):
    at: str
    stream: str
    model: str | None
    key: str | None
    key_value: str | None
    column: str | None
    """The column of a point, if the record has several."""
    outcome: str
    planhat_id: str | None
    reason: str | None
    attempt: int


class _ReceiptWithValues(_Receipt):
    changes: list[dict[str, Any]] | None = None
    """The fields that changed, each with its values before and after."""


class _ReceiptWithLanding(_Receipt):
    landing: str | None = None
    """What was found out about a delivered row later."""


class _ReceiptWithBoth(_ReceiptWithValues):
    landing: str | None = None


_FORMS = {
    (False, False): _Receipt,
    (True, False): _ReceiptWithValues,
    (False, True): _ReceiptWithLanding,
    (True, True): _ReceiptWithBoth,
}
"""The columns of a file, by whether values and landing are among them."""


class Receipts:
    """The receipts of one run. All lines have the same columns."""

    def __init__(self, folder: str | None, *, with_values: bool, with_landing: bool) -> None:
        """Prepare the file. Without a folder, nothing is written.

        Args:
            folder: Its folder.
            with_values: Whether each line has a column for the values before and after.
            with_landing: Whether each line has a column for what was found out about a delivered row later.
        """
        self._line = _FORMS[with_values, with_landing]
        self._file = RunFile("receipts_dir", folder, "receipts", ".jsonl") if folder else None
        self._encode = msgspec.json.Encoder().encode

    def __bool__(self) -> bool:
        """Whether receipts are written."""
        return self._file is not None

    def add(  # noqa: PLR0913 -- all of it is written
        self,
        stream: str,
        model: str | None,
        match: tuple[str, ...] | None,
        outcome: Outcome,
        *,
        attempt: int,
        column: str | None = None,
        changed: Mapping[str, Any] | None = None,
        landing: str | None = None,
    ) -> None:
        """Add one receipt.

        Args:
            stream: Stream of the record.
            model: Stream of the model that it goes to; None if it goes to none.
            match: Its key, if known.
            outcome: Its outcome.
            attempt: Number of attempts.
            column: The column of a point, if the record has several.
            changed: The fields that changed, each with its values before and after.
            landing: What was found out about a delivered row later.
        """
        if self._file is None:
            return
        key, value = match[:2] if match else (None, None)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        known = outcome.kind.word, outcome.planhat_id, outcome.reason
        line = self._line(now, stream, model, key, value, column, *known, attempt)
        if isinstance(line, _ReceiptWithValues) and changed and outcome.kind.delivered:
            line.changes = [{"field": name, **values} for name, values in changed.items()]
        if isinstance(line, (_ReceiptWithLanding, _ReceiptWithBoth)):
            line.landing = landing
        self._file.write(self._encode(line))

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
