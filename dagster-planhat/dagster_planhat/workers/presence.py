"""Knows which Celery tasks are still in the hands of a worker."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

__all__ = ["Presence"]

_LOOKS_NEEDED = 3


@dataclass(slots=True)
class _Missing:
    since: float
    looks: int = 1
    is_asked_for: bool = True


@dataclass(slots=True)
class Presence:
    """Which tasks are missing: no worker has had them in hand for some time.

    A worker that has much to do may answer late once. So a task is missing only after several looks in a row.

    Args:
        look: Asks all workers for the ids of the tasks that they execute. It may raise an error of the broker.
        missing_seconds: Seconds from the first look without a task until it is missing.
        fresh_seconds: Seconds during which the result of a look is used again.
        clock: Monotonic clock in seconds.
    """

    look: Callable[[], AbstractSet[str]]
    missing_seconds: float
    fresh_seconds: float = 5.0
    clock: Callable[[], float] = time.monotonic
    _in_hand: AbstractSet[str] = frozenset()
    _looked_at: float = float("-inf")
    _missing: dict[str, _Missing] = field(default_factory=dict)

    def is_missing(self, task: str) -> bool:
        """Whether no worker has had the task in hand for ``missing_seconds``, in several looks in a row."""
        now = self.clock()
        if now - self._looked_at >= self.fresh_seconds:
            self._look(now)
        if task in self._in_hand:
            self._missing.pop(task, None)
            return False
        missing = self._missing.setdefault(task, _Missing(now))
        missing.is_asked_for = True
        return missing.looks >= _LOOKS_NEEDED and now - missing.since >= self.missing_seconds

    def _look(self, now: float) -> None:
        self._in_hand, self._looked_at = self.look(), now
        # Nobody asks any more for tasks whose run has ended.
        self._missing = {task: missing for task, missing in self._missing.items() if missing.is_asked_for}
        for missing in self._missing.values():
            missing.looks += 1
            missing.is_asked_for = False
