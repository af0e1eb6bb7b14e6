"""Logs at the end of a run what it read."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planhat_api.http.figures import CallFigures

__all__ = ["Summary"]


class Summary:
    """Counts the records, calls and warnings of a run.

    Records are counted when they are read. Stream maps may leave some of them out later.
    """

    def __init__(self) -> None:
        """Start all counts at zero."""
        self._streams: dict[str, Counter[str]] = {}
        self._skipped: list[str] = []
        self._warnings = _Warnings()

    def add(self, stream: str, **counts: int) -> None:
        """Add to the counts of a stream: ``records``, ``calls``."""
        self._streams.setdefault(stream, Counter()).update(counts)

    def skip(self, stream: str) -> bool:
        """Note that a stream cannot be read. Returns whether this is the first time."""
        is_first = stream not in self._skipped
        self._skipped += [stream] if is_first else []
        return is_first

    @contextmanager
    def counting_warnings(self) -> Iterator[None]:
        """Count the warnings that are logged inside the ``with`` block."""
        root = logging.getLogger()
        root.addHandler(self._warnings)
        try:
            yield
        finally:
            root.removeHandler(self._warnings)

    def log(self, logger: logging.Logger, figures: CallFigures, *, complete: bool) -> None:
        """Log the summary: one line for people and one line of JSON for programs.

        Args:
            logger: Where the summary goes.
            figures: All calls of the run, also those that belong to no stream.
            complete: Whether the run read everything.
        """
        streams: Mapping[str, Mapping[str, int]] = {stream: dict(counts) for stream, counts in self._streams.items()}
        records = sum(counts["records"] for counts in self._streams.values())
        read = len(streams.keys() - set(self._skipped))
        parts = [f"{records:,} records of {read} streams in {figures}"]
        parts += [f"skipped: {', '.join(self._skipped)}"] if self._skipped else []
        parts += [f"{self._warnings.number} warnings"] if self._warnings.number else []
        logger.info("%s: %s", "Read" if complete else "Ended early, after", "; ".join(parts))
        line = {
            "streams": streams,
            "total": {"records": records, "calls": figures.calls},
            "skipped": self._skipped,
            "warnings": self._warnings.number,
            **figures.as_json,
            "complete": complete,
        }
        logger.info("SUMMARY %s", msgspec.json.encode(line).decode())


class _Warnings(logging.Handler):
    """Counts log records with the level WARNING or higher."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.number = 0

    def emit(self, record: logging.LogRecord) -> None:
        del record
        self.number += 1
