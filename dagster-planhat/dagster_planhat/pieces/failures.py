"""How a run failed, and whether another try can do better."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dagster_planhat.pieces.pipe import Ended

__all__ = ["HOPELESS", "PipeError", "failure_of"]

HOPELESS = frozenset({2, 3, 4, 6, 10})
"""Exit codes of tap-planhat and target-planhat that another try would end with too; see docs/exit-codes.md."""

_NOT_FOUND = 127
_FAULT = 1
_SHOWN = 500
_NOT_STARTED = re.compile(r"\S+ cannot be started: [A-Za-z ]+")
"""What ``bound.py`` writes."""
_SERIOUS = re.compile(r"\| (?:ERROR|CRITICAL) *\| [^|]*\| (.*)")


class PipeError(Exception):
    """A command of a run failed.

    Attributes:
        may_retry: Whether another try can do better.
    """

    def __init__(self, message: str, *, may_retry: bool) -> None:
        """Keep the message, which has no secret."""
        super().__init__(message)
        self.may_retry = may_retry


def failure_of(ended: Sequence[Ended], *, are_planhat: Collection[str]) -> PipeError | None:
    """The failure of a run; None if all its commands did their work.

    Args:
        ended: How its commands ended, in the order of the pipe.
        are_planhat: Names of the stages that are tap-planhat or target-planhat. What other programs log may hold rows,
            so it is not repeated in the message.
    """
    failed = [each for each in ended if each.code]
    if not failed:
        return None
    # A command whose reader has ended fails too, with 1 or by a signal. The reader tells the reason.
    cause = failed[-1] if failed[0].was_stopped or failed[0].code in {_FAULT, -13} else failed[0]
    texts = [
        _text(each, is_planhat=each.name in are_planhat)
        for each in (cause, *failed)
        if each is cause or not each.was_stopped
    ]
    hopeless = cause.code == _NOT_FOUND or (cause.name in are_planhat and cause.code in HOPELESS)
    return PipeError("; ".join(dict.fromkeys(texts)), may_retry=not hopeless)


def _text(ended: Ended, *, is_planhat: bool) -> str:
    how = f"signal {-ended.code} ended {ended.name}" if ended.code < 0 else f"{ended.name} ended with {ended.code}"
    if ended.code == _NOT_FOUND:
        why = [line for line in ended.last_lines if _NOT_STARTED.fullmatch(line)]
        return f"{how}: {why[-1] if why else 'its command cannot be started'}"
    if not is_planhat:
        return f"{how}, see its log in the standard error of the step"
    said = [found[1] for line in ended.last_lines if (found := _SERIOUS.search(line))]
    return f"{how}: {said[-1][:_SHOWN]}" if said else how
