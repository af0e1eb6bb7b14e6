"""Counts the records of each stream and what became of them, and tells it at the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api import Fate

if TYPE_CHECKING:
    import logging
    from pathlib import Path

__all__ = ["UNSENT", "Summary"]

_WORDS = tuple(dict.fromkeys(fate.word for fate in Fate))
_REJECTS = tuple(dict.fromkeys(fate.word for fate in Fate if fate.is_reject))

UNSENT = "unsent"
"""Records that were read and have no outcome when the run ends."""


class Summary:
    """Counters per stream. The SDK's own are wrong once rows are merged.

    Attributes:
        is_whole: Whether the input was read to its end, and all records in it are counted.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.is_whole = False
        self._read: Counter[str] = Counter()
        self._streams: dict[str, Counter[str]] = {}

    def take(self, stream: str, number: int = 1) -> None:
        """Count records of a stream that came in. Those that get no outcome are unsent."""
        self._read[stream] += number

    def count(self, stream: str, fate: Fate, number: int = 1) -> None:
        """Count records of a stream."""
        self._streams.setdefault(stream, Counter())[fate.word] += number

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams with records."""
        return tuple({**self._streams, **self._read})

    def of(self, stream: str) -> dict[str, int]:
        """The counts of one stream by the name of the outcome, then those without one; zeros left out."""
        counts = self._streams.get(stream, Counter())
        told = {word: counts[word] for word in _WORDS if counts[word]}
        unsent = self._read[stream] - sum(counts.values())
        return {**told, UNSENT: unsent} if unsent else told

    @property
    def unsent(self) -> int:
        """Records that came in and have no outcome."""
        return sum(self._read.values()) - self.settled

    @property
    def settled(self) -> int:
        """Records whose fate is known."""
        return sum(sum(counts.values()) for counts in self._streams.values())

    @property
    def rejected(self) -> int:
        """Records that were rejected, or may not be there."""
        return sum(counts[word] for counts in self._streams.values() for word in _REJECTS)

    @property
    def unknown(self) -> int:
        """Records that may be there or not."""
        return sum(counts[Fate.UNKNOWN.word] for counts in self._streams.values())

    def tell(self, logger: logging.Logger) -> None:
        """Tell it to people, a line per stream."""
        for stream in self.streams:
            counts = self.of(stream)
            told = ", ".join(f"{number} {word}" for word, number in counts.items())
            logger.info("%s: %s records: %s", stream, sum(counts.values()), told)

    def tell_machines(self, logger: logging.Logger, rejects: Path | None) -> None:
        """Tell it in one line of JSON."""
        streams: dict[str, Any] = {stream: self.of(stream) for stream in self.streams}
        totals: Counter[str] = Counter()
        for counts in streams.values():
            totals.update(counts)
        file = str(rejects) if rejects else None
        line = {"streams": streams, "total": dict(totals), "whole_input": self.is_whole, "rejects_file": file}
        logger.info("SUMMARY %s", msgspec.json.encode(line).decode())
