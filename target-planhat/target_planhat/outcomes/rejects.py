"""Writes rejected records to a Singer file that the target can read again."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.outcomes.run_file import RunFile
from target_planhat.record_line import REJECTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from planhat_api.plugin.output import OutputError

__all__ = ["Rejects"]


class Rejects:
    """The rejects of one run: SCHEMA messages, and RECORD messages with the record and the reason."""

    def __init__(self, folder: str | None) -> None:
        """Prepare the file. Without a folder, nothing is written."""
        self._file = RunFile("rejects_dir", folder, "rejects", ".singer") if folder else None
        self._announced: dict[str, bytes] = {}
        self._schemas: dict[str, bytes] = {}

    @property
    def path(self) -> Path | None:
        """The file; None if there are no rejects, or if some of them are missing in the file."""
        return self._file.path if self._file and self._file.used and self._file.fault is None else None

    def announce(self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> None:
        """Keep the current schema of a stream. It is written before the next reject of the stream."""
        message = {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": key_properties}
        self._schemas[stream] = msgspec.json.encode(message)

    def add(  # noqa: PLR0913 -- all of it is written
        self,
        stream: str,
        record: bytes,
        *,
        reason: str,
        uncertain: bool,
        attempt: int,
        copy: str | None = None,
        column: str | None = None,
    ) -> None:
        """Add one record.

        Args:
            stream: Its stream in the input.
            record: The record as it was read, one JSON object.
            reason: Why it was rejected.
            uncertain: Whether it may be stored in Planhat, so that sending it again may store it twice.
            attempt: Number of attempts.
            copy: If stream maps make several streams of its stream, the one in which it was rejected.
            column: If only the point of one column was rejected, this column.
        """
        if self._file is None:
            return
        schema = self._schemas.get(stream)
        if schema is not None and self._announced.get(stream) != schema:
            self._file.write(schema)
            self._announced[stream] = schema
        rejection = {
            "reason": reason,
            "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "attempt": attempt,
            "uncertain": uncertain,
            **({} if copy is None else {"copy": copy}),
            **({} if column is None else {"column": column}),
        }
        message = {"type": "RECORD", "stream": stream, "record": msgspec.Raw(record), REJECTION: rejection}
        self._file.write(msgspec.json.encode(message))

    @property
    def fault(self) -> OutputError | None:
        """Why a reject could not be written; None if there was no error."""
        return self._file.fault if self._file else None

    def sync(self) -> None:
        """Write all rejects to disk, unless there was an error."""
        if self._file:
            self._file.sync()

    def close(self) -> None:
        """Write all rejects to disk, unless there was an error. Close the file."""
        if self._file:
            self._file.close()
