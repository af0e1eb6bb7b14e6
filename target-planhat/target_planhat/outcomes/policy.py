"""Decides when rejects end the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_planhat.errors import RejectsError

if TYPE_CHECKING:
    from target_planhat.settings import TargetSettings

__all__ = ["RejectPolicy"]

_ENOUGH_TO_JUDGE = 100


@dataclass(frozen=True)
class RejectPolicy:
    """When rejects end the run: at once, or beyond a number or a share."""

    fails: bool
    max_rejects: int | None
    max_percent: int | None

    @classmethod
    def from_settings(cls, settings: TargetSettings) -> RejectPolicy:
        """The policy the settings ask for."""
        return cls(settings.on_reject == "fail", settings.max_rejects, settings.max_reject_percent)

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
        if self.fails:
            msg = f"{told}. To set such records aside and go on, set on_reject: continue and a rejects_dir"
            raise RejectsError(msg)
        if self.max_rejects is not None and rejected > self.max_rejects:
            msg = f"{told}; max_rejects is {self.max_rejects}"
            raise RejectsError(msg)
        judged = at_end or settled >= _ENOUGH_TO_JUDGE
        if judged and self.max_percent is not None and rejected * 100 > self.max_percent * settled:
            msg = f"{told}; max_reject_percent is {self.max_percent}"
            raise RejectsError(msg)
