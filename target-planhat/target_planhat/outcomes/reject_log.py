"""Logs rejects: the first one of each reason at once, and the number of all at the end."""

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
"""How many reasons are logged. If there are more, the reasons of all rows are in the rejects file."""
_FEW = 3
_VARIES = re.compile(r"[^\s,;:()]*\d[^\s,;:()]*")
"""Words with digits, such as keys and line numbers. Reasons that differ only in such words are equal."""


@lru_cache(maxsize=1000)
def _kind_of(reason: str) -> str:
    return _VARIES.sub("#", reason)


@dataclass
class _Group:
    """Rejects of one stream with one reason."""

    stream: str
    reason: str
    labels: list[str]
    more: int = 0


class RejectLog:
    """The rejects of a run, by reason.

    Attributes:
        first: The first reject, as in the log.
    """

    def __init__(self, logger: logging.Logger, word: str) -> None:
        """Start without rejects.

        Args:
            logger: Logger of the target.
            word: How a line about a reject begins.
        """
        self.first = ""
        self._word = word
        self._logger = logger
        self._groups: dict[tuple[str, str], _Group] = {}
        self._not_logged = 0

    def add(self, stream: str, label: Callable[[], str], reason: str) -> None:
        """Add a reject. Log it if it is the first with its reason.

        Args:
            stream: Its stream.
            label: Gives its key. It is called only if necessary.
            reason: Why it was rejected.
        """
        kind = stream, _kind_of(reason)
        group = self._groups.get(kind)
        if group is not None:
            group.more += 1
            if group.more <= _FEW:
                group.labels.append(label())
        elif len(self._groups) < MOST_REASONS:
            self._groups[kind] = _Group(stream, reason, [label()])
            text = f"{stream}, {self._groups[kind].labels[0]}: {reason}"
            self.first = self.first or text
            self._logger.error("%s: %s", self._word, text)
        else:
            self._not_logged += 1
            if self._not_logged == 1:
                self._logger.error("Rejects for further reasons are counted and written to rejects_dir, but not logged")

    def log_counts(self) -> None:
        """Log the number of rejects for each reason with more than one."""
        for group in self._groups.values():
            if group.more:
                labels = ", ".join(group.labels)
                others = group.more + 1 - len(group.labels)
                also = f" and {others} more" if others else ""
                self._logger.error(
                    "%s: %s records of %s (%s%s), the first: %s",
                    self._word,
                    group.more + 1,
                    group.stream,
                    labels,
                    also,
                    group.reason,
                )
        if self._not_logged:
            self._logger.error("%s: %s more records for further reasons", self._word, self._not_logged)
