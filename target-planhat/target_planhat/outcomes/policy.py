"""Ends the run if too many records are rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_planhat.errors import RejectsError

if TYPE_CHECKING:
    from target_planhat.settings import AllowedRejects

__all__ = ["RejectPolicy"]

_ENOUGH_FOR_A_SHARE = 100


@dataclass(frozen=True)
class RejectPolicy:
    """The policy on rejects, from max_rejects."""

    allowed: AllowedRejects

    def check(self, rejected: int, with_outcome: int, first: str, *, at_end: bool = False) -> None:
        """Check the counts after a batch, or at the end.

        Args:
            rejected: Number of rejected records.
            with_outcome: Number of records that have an outcome.
            first: The first reject, for the message: its key and the reason.
            at_end: Whether to check a percentage even if there are few records.

        Raises:
            RejectsError: The run must end.
        """
        if not rejected:
            return
        text = f"{rejected} of {with_outcome} records rejected, the first: {first}"
        rows, percent = self.allowed.rows, self.allowed.percent
        if rows == 0:
            msg = (
                f"{text}. To keep such records in a file and go on, set max_rejects, such as 100 or 5%, and rejects_dir"
            )
            raise RejectsError(msg)
        if rows is not None and rejected > rows:
            msg = f"{text}; max_rejects is {rows}"
            raise RejectsError(msg)
        applies = at_end or with_outcome >= _ENOUGH_FOR_A_SHARE
        if applies and percent is not None and rejected * 100 > percent * with_outcome:
            msg = f"{text}; max_rejects is {percent}%"
            raise RejectsError(msg)
