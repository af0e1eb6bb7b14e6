"""Decides when rejects end the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_planhat.errors import RejectsError

if TYPE_CHECKING:
    from target_planhat.settings import AllowedRejects

__all__ = ["RejectPolicy"]

_ENOUGH_TO_JUDGE = 100


@dataclass(frozen=True)
class RejectPolicy:
    """When rejects end the run."""

    allowed: AllowedRejects

    def check(self, rejected: int, settled: int, first: str, *, at_end: bool = False) -> None:
        """Look at the counts after a batch, or at the end.

        Args:
            rejected: Records rejected so far.
            settled: Records whose fate is known.
            first: The first reject, for the message: its key and the reason.
            at_end: Whether a share of few records counts already.

        Raises:
            RejectsError: The run must end.
        """
        if not rejected:
            return
        told = f"{rejected} of {settled} records rejected, the first: {first}"
        rows, percent = self.allowed.rows, self.allowed.percent
        if rows == 0:
            msg = f"{told}. To set such records aside and go on, set max_rejects, such as 100 or 5%, and a rejects_dir"
            raise RejectsError(msg)
        if rows is not None and rejected > rows:
            msg = f"{told}; max_rejects is {rows}"
            raise RejectsError(msg)
        judged = at_end or settled >= _ENOUGH_TO_JUDGE
        if judged and percent is not None and rejected * 100 > percent * settled:
            msg = f"{told}; max_rejects is {percent}%"
            raise RejectsError(msg)
