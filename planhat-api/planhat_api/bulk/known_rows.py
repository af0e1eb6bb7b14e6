"""Keeps what is known of the rows of one bulk upsert while they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.outcome import Fate, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from planhat_api.row import Row

__all__ = ["KnownRows"]

_IN_DOUBT = "an earlier call may have stored the row"


class KnownRows:
    """The rows of one bulk upsert, with the outcomes that are known so far.

    Attributes:
        rows: All rows.
        outcomes: What is known so far, by index of the row.
        in_flight: Indices of the rows that were sent and have no outcome yet.
        perhaps_stored: Indices of rows that may be among those which an answer counts as stored.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        """Know nothing yet."""
        self.rows = rows
        self.outcomes: dict[int, Outcome] = {}
        self.in_flight: set[int] = set()
        self.perhaps_stored: set[int] = set()

    def at(self, indices: Iterable[int]) -> list[Row]:
        """The rows with these indices."""
        return [self.rows[index] for index in indices]

    def picked(self, pick: Callable[[Sequence[Row]], list[int]], indices: list[int]) -> list[int]:
        """Those of the rows that are picked, by a function that gives places among the rows it is given."""
        return [indices[place] for place in pick(self.at(indices))]

    def grouped(self, group: Callable[[Sequence[Row]], list[list[int]]], indices: Sequence[int]) -> list[list[int]]:
        """The rows in groups, by a function that gives places among the rows it is given."""
        return [[indices[place] for place in places] for places in group(self.at(indices))]

    def known(self, indices: Iterable[int]) -> dict[int, Outcome]:
        """The outcomes of those of the rows that have one."""
        return {index: self.outcomes[index] for index in indices if index in self.outcomes}

    def unsettled(self, indices: Iterable[int]) -> list[int]:
        """Those of the rows that have no outcome yet."""
        return [index for index in indices if index not in self.outcomes]

    def is_delivered(self, index: int) -> bool:
        """Whether a row that has an outcome is delivered."""
        return self.outcomes[index].fate.delivered

    def settle(self, outcomes: Mapping[int, Outcome]) -> None:
        """Note the outcomes of rows, by their indices."""
        self.outcomes.update(outcomes)
        self.in_flight.difference_update(outcomes)

    def settle_as(self, fate: Fate, indices: Iterable[int], reason: str | None = None) -> None:
        """Note one fate for several rows."""
        self.settle({index: Outcome(fate, self.rows[index].keys.get("_id"), reason) for index in indices})

    def refuse(self, indices: Iterable[int], reason: str) -> None:
        """Reject the rows of a call that was refused as a whole: what was stored before is still there."""
        self.settle_as(Fate.REJECTED, indices, reason)
        self.doubt_rejects(indices)

    def doubt_rejects(self, indices: Iterable[int]) -> None:
        """Call rows unknown that are rejected now, and that an earlier call may have stored."""
        for index in self.perhaps_stored.intersection(indices):
            outcome = self.outcomes.get(index)
            if outcome is not None and outcome.fate is Fate.REJECTED:
                self.settle_as(Fate.UNKNOWN, [index], f"{outcome.reason}; {_IN_DOUBT}")
