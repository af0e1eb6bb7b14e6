"""Counts what became of the records of each stream, and tells it at the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.fates import Verdicts

if TYPE_CHECKING:
    import logging
    from pathlib import Path

__all__ = ["Summary"]


class Summary:
    """Counters per stream. The SDK's own are wrong once rows are merged."""

    def __init__(self) -> None:
        """Start at zero."""
        self._streams: dict[str, Counter[Verdicts]] = {}

    def count(self, stream: str, verdict: Verdicts, number: int = 1) -> None:
        """Count records of a stream."""
        self._streams.setdefault(stream, Counter())[verdict] += number

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams with records."""
        return tuple(self._streams)

    def of(self, stream: str) -> dict[str, int]:
        """The counts of one stream by the name of the verdict; zeros left out."""
        counts = self._streams.get(stream, Counter())
        return {verdict.value: counts[verdict] for verdict in Verdicts if counts[verdict]}

    @property
    def settled(self) -> int:
        """Records whose fate is known."""
        return sum(sum(counts.values()) for counts in self._streams.values())

    @property
    def rejected(self) -> int:
        """Records that were rejected, or may not be there."""
        return sum(counts[verdict] for counts in self._streams.values() for verdict in Verdicts if verdict.is_reject)

    def log(self, logger: logging.Logger, rejects: Path | None) -> None:
        """Tell it: a line per stream for people, and one structured line for machines."""
        streams: dict[str, Any] = {stream: self.of(stream) for stream in self._streams}
        for stream, counts in streams.items():
            told = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
            logger.info("%s: %s records: %s", stream, sum(counts.values()), told)
        if rejects:
            logger.warning("Rejected records are in %s; send them again with: target-planhat < %s", rejects, rejects)
        totals: Counter[str] = Counter()
        for counts in streams.values():
            totals.update(counts)
        line = {"streams": streams, "total": dict(totals), "rejects_file": str(rejects) if rejects else None}
        logger.info("SUMMARY %s", msgspec.json.encode(line).decode())
