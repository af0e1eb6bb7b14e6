"""Logs rejects: the first of each reason when it comes, and how many more there were at the end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["RejectLog"]

MOST_REASONS = 50
"""How many reasons are told; with more of them each row has its own, and the file of rejects is the place to look."""
_FEW = 3
_VARIES = re.compile(r"[^\s,;:()]*\d[^\s,;:()]*")
"""Words with digits, such as keys and numbers of lines: reasons that differ in nothing else are one."""


@lru_cache(maxsize=1000)
def _kind_of(reason: str) -> str:
    return _VARIES.sub("#", reason)


@dataclass
class _Group:
    """Rejects of one stream for one reason."""

    stream: str
    reason: str
    labels: list[str]
    more: int = 0


class RejectLog:
    """The rejects of a run, by reason.

    Attributes:
        first: The first of them, for people.
    """

    def __init__(self, logger: logging.Logger) -> None:
        """None so far."""
        self.first = ""
        self._logger = logger
        self._groups: dict[tuple[str, str], _Group] = {}
        self._untold = 0

    def add(self, stream: str, label: Callable[[], str], reason: str) -> None:
        """Take one; log it if it is the first of its kind.

        Args:
            stream: Its stream.
            label: Says what identifies it; asked only if need be.
            reason: Why it is rejected.
        """
        kind = stream, _kind_of(reason)
        group = self._groups.get(kind)
        if group is not None:
            group.more += 1
            if group.more <= _FEW:
                group.labels.append(label())
        elif len(self._groups) < MOST_REASONS:
            self._groups[kind] = _Group(stream, reason, [label()])
            told = f"{stream}, {self._groups[kind].labels[0]}: {reason}"
            self.first = self.first or told
            self._logger.error("Rejected: %s", told)
        else:
            self._untold += 1
            if self._untold == 1:
                self._logger.error(
                    "Rejects for further reasons are counted, and written to rejects_dir, but not logged"
                )

    def tell_counts(self) -> None:
        """Log how many there were of each reason that more than one had."""
        for group in self._groups.values():
            if group.more:
                labels = ", ".join(group.labels)
                others = group.more + 1 - len(group.labels)
                also = f" and {others} more" if others else ""
                self._logger.error(
                    "Rejected: %s records of %s (%s%s), the first: %s",
                    group.more + 1,
                    group.stream,
                    labels,
                    also,
                    group.reason,
                )
        if self._untold:
            self._logger.error("Rejected: %s more records for further reasons", self._untold)
