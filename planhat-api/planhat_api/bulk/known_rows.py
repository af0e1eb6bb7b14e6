"""Keeps the outcomes of the rows of one bulk upsert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.outcome import Outcome, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from planhat_api.row import Row

__all__ = ["KnownRows"]

_IN_DOUBT = "an earlier call may have stored the row"


class KnownRows:
    """The rows of one bulk upsert, with their outcomes so far.

    Attributes:
        rows: All rows.
        outcomes: The known outcomes, by index of the row.
        in_flight: Indices of the rows that were sent and have no outcome yet.
        possibly_stored: Indices of rows that may be among those which an answer counts as stored.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        """Start without outcomes."""
        self.rows = rows
        self.outcomes: dict[int, Outcome] = {}
        self.in_flight: set[int] = set()
        self.possibly_stored: set[int] = set()

    def at(self, indices: Iterable[int]) -> list[Row]:
        """The rows with these indices."""
        return [self.rows[index] for index in indices]

    def picked(self, pick: Callable[[Sequence[Row]], list[int]], indices: list[int]) -> list[int]:
        """The indices that a function picks. The function gets the rows and returns places in them."""
        return [indices[place] for place in pick(self.at(indices))]

    def grouped(self, group: Callable[[Sequence[Row]], list[list[int]]], indices: Sequence[int]) -> list[list[int]]:
        """The indices in groups by a function. The function gets the rows and returns groups of places in them."""
        return [[indices[place] for place in places] for places in group(self.at(indices))]

    def known(self, indices: Iterable[int]) -> dict[int, Outcome]:
        """The outcomes of the rows that have one."""
        return {index: self.outcomes[index] for index in indices if index in self.outcomes}

    def without_outcome(self, indices: Iterable[int]) -> list[int]:
        """The rows that have no outcome yet."""
        return [index for index in indices if index not in self.outcomes]

    def is_delivered(self, index: int) -> bool:
        """Whether a row that has an outcome is delivered."""
        return self.outcomes[index].kind.delivered

    def set_outcomes(self, outcomes: Mapping[int, Outcome]) -> None:
        """Set the outcomes of rows, by their indices."""
        self.outcomes.update(outcomes)
        self.in_flight.difference_update(outcomes)

    def set_same_outcome(self, kind: OutcomeKind, indices: Iterable[int], reason: str | None = None) -> None:
        """Set the same outcome for several rows."""
        self.set_outcomes({index: Outcome(kind, self.rows[index].keys.get("_id"), reason) for index in indices})

    def reject(self, indices: Iterable[int], reason: str) -> None:
        """Reject all rows of a call. Rows that an earlier call may have stored become unknown."""
        self.set_same_outcome(OutcomeKind.REJECTED, indices, reason)
        self.make_rejects_unknown(indices)

    def make_rejects_unknown(self, indices: Iterable[int]) -> None:
        """Make rejected rows unknown if an earlier call may have stored them."""
        for index in self.possibly_stored.intersection(indices):
            outcome = self.outcomes.get(index)
            if outcome is not None and outcome.kind is OutcomeKind.REJECTED:
                self.set_same_outcome(OutcomeKind.UNKNOWN, [index], f"{outcome.reason}; {_IN_DOUBT}")
