"""Keeps rejected records in a Singer file that the target can read again."""

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
    """The rejects of one run: SCHEMA messages, and RECORD messages with the reason beside the record."""

    def __init__(self, folder: str | None) -> None:
        """Write nothing yet; without a folder, never."""
        self._file = RunFile("rejects_dir", folder, "rejects", ".singer") if folder else None
        self._announced: dict[str, bytes] = {}
        self._schemas: dict[str, bytes] = {}

    @property
    def path(self) -> Path | None:
        """The file, when there are rejects in it; none when some of them are missing."""
        return self._file.path if self._file and self._file.used and self._file.fault is None else None

    def announce(self, stream: str, schema: Mapping[str, Any], key_properties: Sequence[str]) -> None:
        """Note the schema a stream has from now on; it is written before the stream's next reject."""
        message = {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": key_properties}
        self._schemas[stream] = msgspec.json.encode(message)

    def add(  # noqa: PLR0913 -- all of it stands in the file
        self, stream: str, record: bytes, *, reason: str, uncertain: bool, attempt: int, copy: str | None = None
    ) -> None:
        """Add one record.

        Args:
            stream: Stream it came in.
            record: The record as it came in, one JSON object.
            reason: Why it was rejected.
            uncertain: Whether it may be in Planhat all the same; sending it again may double it.
            attempt: How often it was tried.
            copy: The one stream it is for, of several that stream maps make of the one it came in.
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
        }
        message = {"type": "RECORD", "stream": stream, "record": msgspec.Raw(record), REJECTION: rejection}
        self._file.write(msgspec.json.encode(message))

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
