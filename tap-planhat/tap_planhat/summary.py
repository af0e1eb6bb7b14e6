"""Counts what a run read, and tells it at the end."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Summary"]


class Summary:
    """What came of each stream, and what a person should look at.

    Records are counted as they are read; stream maps may leave some of them out.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self._streams: dict[str, Counter[str]] = {}
        self._skipped: list[str] = []
        self._warnings = _Warnings()

    def add(self, stream: str, **counts: int) -> None:
        """Count for a stream: ``records``, ``calls``."""
        self._streams.setdefault(stream, Counter()).update(counts)

    def skip(self, stream: str) -> bool:
        """Note that a stream cannot be read; whether that is news."""
        is_news = stream not in self._skipped
        self._skipped += [stream] if is_news else []
        return is_news

    @contextmanager
    def counting_warnings(self) -> Iterator[None]:
        """Count the warnings that are logged meanwhile."""
        root = logging.getLogger()
        root.addHandler(self._warnings)
        try:
            yield
        finally:
            root.removeHandler(self._warnings)

    def log(self, logger: logging.Logger, *, calls: int, waited: float, complete: bool) -> None:
        """Tell it: a line for people, and one structured line for machines.

        Args:
            logger: Where people read.
            calls: Calls of the run, those of no stream counted.
            waited: Seconds that calls waited for the quota.
            complete: Whether the run came to its end.
        """
        streams: Mapping[str, Mapping[str, int]] = {stream: dict(counts) for stream, counts in self._streams.items()}
        records = sum(counts["records"] for counts in self._streams.values())
        read = len(streams.keys() - set(self._skipped))
        told = [f"{records:,} records of {read} streams in {calls:,} calls"]
        told += [f"{waited:,.0f} s waited for the quota"] if round(waited) else []
        told += [f"skipped: {', '.join(self._skipped)}"] if self._skipped else []
        told += [f"{self._warnings.number} warnings"] if self._warnings.number else []
        logger.info("%s: %s", "Read" if complete else "Ended early, after", "; ".join(told))
        line = {
            "streams": streams,
            "total": {"records": records, "calls": calls},
            "skipped": self._skipped,
            "warnings": self._warnings.number,
            "seconds_waited": round(waited, 1),
            "complete": complete,
        }
        logger.info("SUMMARY %s", msgspec.json.encode(line).decode())


class _Warnings(logging.Handler):
    """Counts what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.number = 0

    def emit(self, record: logging.LogRecord) -> None:
        del record
        self.number += 1
