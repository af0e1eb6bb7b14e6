"""Sends rows until the fate of each is known, and again only those for which that is safe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from planhat_api import Fate, Outcome, PayloadError, PlanhatError, UnavailableError
from planhat_api.outcome import NOT_SENT, WITHOUT_ANSWER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api import BulkResult, PushResult, Row

    Send = Callable[[Sequence[Row]], BulkResult | PushResult]

__all__ = ["Delivery", "Repeats", "deliver"]

_IN_DOUBT = "an earlier call may have brought the row"


@dataclass(frozen=True)
class Repeats:
    """Which rows may be sent again when it is not known whether they arrived.

    Attributes:
        allowed: How often.
        safe: Whether a row may.
        notice: Told how many are sent again, and why; where it matters.
    """

    allowed: int
    safe: Callable[[Row], bool]
    notice: Callable[[int, PlanhatError], None] | None = None


@dataclass
class Delivery:
    """What became of rows.

    Attributes:
        rows: The rows.
        repeats: Which of those that may have arrived are sent again.
        outcomes: One per row, in their order; `NOT_SENT` only with an error.
        notes: What did not add up in Planhat's answers.
        error: Why the rest was not sent.
    """

    rows: Sequence[Row]
    repeats: Repeats
    outcomes: list[Outcome] = field(init=False)
    notes: list[str] = field(default_factory=list)
    error: PlanhatError | None = None

    def __post_init__(self) -> None:
        """None was sent yet."""
        self.outcomes = [NOT_SENT] * len(self.rows)

    def place(self, indices: Sequence[int], known: Sequence[Outcome]) -> None:
        """Note what is known of some of the rows."""
        for index, outcome in zip(indices, known, strict=True):
            self.outcomes[index] = outcome

    def place_failed(self, indices: Sequence[int], known: Sequence[Outcome], repeated: Sequence[int]) -> None:
        """Note what is known of rows after a call failed.

        Args:
            indices: The rows.
            known: What the error tells.
            repeated: Those of them that an earlier call may have brought, so that they are not rejected for this one.
        """
        before = {index: self.outcomes[index] for index in repeated}
        self.place(indices, known)
        for index, earlier in before.items():
            outcome = self.outcomes[index]
            if outcome == NOT_SENT:
                self.outcomes[index] = earlier
            elif outcome.fate is Fate.REJECTED:
                self.outcomes[index] = Outcome(Fate.UNKNOWN, outcome.planhat_id, f"{outcome.reason}; {_IN_DOUBT}")

    def settled(self) -> list[int]:
        """Indices of the rows that need not, or must not, be sent again."""
        return [
            index
            for index, outcome in enumerate(self.outcomes)
            if outcome != NOT_SENT and not (isinstance(outcome, _Lost) and self.repeats.safe(self.rows[index]))
        ]


def deliver(rows: Sequence[Row], send: Send, repeats: Repeats) -> Delivery:
    """Send rows.

    A refusal, or an answer that was lost, is about the rows of one call: those never sent go out all the same. Any
    other error ends it.

    Args:
        rows: The rows.
        send: Sends some of them; its errors tell what is known of each.
        repeats: Which of those that may have arrived are sent again.
    """
    delivery = Delivery(rows, repeats)
    tries = [0] * len(rows)
    waiting = list(range(len(rows)))
    while waiting:
        try:
            result = send([rows[index] for index in waiting])
        except PlanhatError as err:  # noqa: PERF203 # a call in each turn
            known = _known(len(waiting), err)
            delivery.place_failed(waiting, known, [index for index in waiting if tries[index]])
            if not _is_about_one_call(err):
                delivery.error = err
                break
            unsent = [index for index, outcome in zip(waiting, known, strict=True) if outcome == NOT_SENT]
            lost = [index for index, outcome in zip(waiting, known, strict=True) if isinstance(outcome, _Lost)]
            for index in lost:
                tries[index] += 1
            again = [index for index in lost if tries[index] <= repeats.allowed and repeats.safe(rows[index])]
            if again and repeats.notice:
                repeats.notice(len(again), err)
            waiting = sorted([*unsent, *again])
        else:
            delivery.place(waiting, result.outcomes)
            again = [index for index in waiting if tries[index]]
            delivery.place(again, [_first(delivery.outcomes[index]) for index in again])
            delivery.notes += result.notes
            break
    return delivery


class _Lost(Outcome, frozen=True):
    """The outcome of a row whose call brought no answer."""


def _first(outcome: Outcome) -> Outcome:
    """The outcome of a row sent again: what is unchanged now may have been created or changed by the lost call."""
    return Outcome(Fate.ACCEPTED, outcome.planhat_id) if outcome.fate is Fate.UNCHANGED else outcome


def _is_about_one_call(err: PlanhatError) -> bool:
    return isinstance(err, PayloadError) or (isinstance(err, UnavailableError) and err.may_have_arrived)


def _known(number: int, err: PlanhatError) -> list[Outcome]:
    """What an error tells of the rows; one that tells nothing, or of no row that was sent, means them all."""
    lost = _Lost(Fate.UNKNOWN, None, f"may have arrived all the same: {err}")
    if err.outcomes and any(outcome != NOT_SENT for outcome in err.outcomes):
        return [lost if outcome == WITHOUT_ANSWER else outcome for outcome in err.outcomes]
    if isinstance(err, PayloadError):
        return [Outcome(Fate.REJECTED, None, str(err))] * number
    return [lost if _is_about_one_call(err) else NOT_SENT] * number
