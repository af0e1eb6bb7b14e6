"""Counts the calls that it would take to carry out a plan."""

from __future__ import annotations

from collections import Counter
from math import ceil

__all__ = ["PlannedCalls"]


class PlannedCalls:
    """The calls of one plan."""

    def __init__(self, rows_per_call: int, bytes_per_call: int) -> None:
        """Start without calls."""
        self._rows_per_call = rows_per_call
        self._bytes_per_call = bytes_per_call
        self._rows: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._single = 0

    def add_row(self, path: str, size: int, *, alone: bool) -> None:
        """Count a row.

        Args:
            path: Where it is sent. Rows that are sent to the same path share calls.
            size: Bytes of the row.
            alone: Whether it needs a call of its own.
        """
        if alone:
            self._single += 1
            return
        self._rows[path] += 1
        self._bytes[path] += size + 1

    @property
    def total(self) -> int:
        """Number of calls."""
        bulk = (
            max(ceil(rows / self._rows_per_call), ceil(self._bytes[path] / self._bytes_per_call))
            for path, rows in self._rows.items()
        )
        return self._single + sum(bulk)
