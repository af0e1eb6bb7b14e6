"""Counts the records of each stream by outcome."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api import OutcomeKind

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from pathlib import Path

    from planhat_api.http.figures import CallFigures

__all__ = ["UNSENT", "Summary"]

_WORDS = tuple(dict.fromkeys(kind.word for kind in OutcomeKind))
_REJECTS = tuple(dict.fromkeys(kind.word for kind in OutcomeKind if kind.is_reject))

UNSENT = "unsent"
"""Records that were read and have no outcome when the run ends."""


class Summary:
    """Counters for each stream. The SDK's own counters are wrong if rows are merged.

    Attributes:
        is_whole: Whether the input was read to its end and all its records are counted.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.is_whole = False
        self._read: Counter[str] = Counter()
        self._streams: dict[str, Counter[str]] = {}

    def count_read(self, stream: str, number: int = 1) -> None:
        """Count records of a stream that were read. Records without an outcome are unsent."""
        self._read[stream] += number

    def count_outcome(self, stream: str, kind: OutcomeKind, number: int = 1) -> None:
        """Count records of a stream with an outcome."""
        self._streams.setdefault(stream, Counter())[kind.word] += number

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams with records."""
        return tuple({**self._streams, **self._read})

    def of(self, stream: str) -> dict[str, int]:
        """The counts of one stream by outcome, and the number of unsent records. Zeros are left out."""
        counts = self._streams.get(stream, Counter())
        text = {word: counts[word] for word in _WORDS if counts[word]}
        unsent = self._read[stream] - sum(counts.values())
        return {**text, UNSENT: unsent} if unsent else text

    @property
    def unsent(self) -> int:
        """Records that were read and have no outcome."""
        return sum(self._read.values()) - self.with_outcome

    @property
    def with_outcome(self) -> int:
        """Records that have an outcome."""
        return sum(sum(counts.values()) for counts in self._streams.values())

    @property
    def rejected(self) -> int:
        """Records that were rejected or are unknown."""
        return sum(counts[word] for counts in self._streams.values() for word in _REJECTS)

    @property
    def unknown(self) -> int:
        """Records that may or may not be stored."""
        return sum(counts[OutcomeKind.UNKNOWN.word] for counts in self._streams.values())

    @property
    def drifted(self) -> int:
        """Records that changed in Planhat since they were planned."""
        return sum(counts[OutcomeKind.DRIFTED.word] for counts in self._streams.values())

    def log(self, logger: logging.Logger, figures: CallFigures) -> None:
        """Log one line for each stream, and one about the calls of the run if there are any."""
        for stream in self.streams:
            counts = self.of(stream)
            text = ", ".join(f"{number} {word}" for word, number in counts.items())
            logger.info("%s: %s records: %s", stream, sum(counts.values()), text)
        if figures.calls:
            logger.info("Made %s", figures)

    def log_json(
        self,
        logger: logging.Logger,
        figures: CallFigures,
        rejects: Path | None,
        landing: Mapping[str, Mapping[str, int]],
    ) -> None:
        """Log all counts in one line of JSON.

        Args:
            logger: Logger of the target.
            figures: All calls of the run.
            rejects: The rejects file, if there is one.
            landing: For each model, delivered rows by what was found out about them later; empty if nobody looked.
        """
        streams: dict[str, Any] = {stream: self.of(stream) for stream in self.streams}
        totals: Counter[str] = Counter()
        for counts in streams.values():
            totals.update(counts)
        file = str(rejects) if rejects else None
        line = {
            "streams": streams,
            "total": dict(totals),
            "whole_input": self.is_whole,
            "rejects_file": file,
            "calls": figures.calls,
            **figures.as_json,
        }
        if landing:
            line["landing"] = {name: dict(counts) for name, counts in landing.items()}
        logger.info("SUMMARY %s", msgspec.json.encode(line).decode())
