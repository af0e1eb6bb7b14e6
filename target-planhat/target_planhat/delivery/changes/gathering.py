"""Compares rows before there is a call for them, so that rows that differ can wait until they fill one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.destination.look import Look
    from planhat_api.models.registry import Model
    from target_planhat.delivery.changes.changes import Changes
    from target_planhat.plan.decision import Decision
    from target_planhat.rows.item import Item

__all__ = ["Gathering", "Settled"]


class Settled(NamedTuple):
    """What was decided about rows.

    Attributes:
        look: The look that the decisions rely on.
        waiting: Rows that wait already, and were not compared again.
        decisions: The decisions about the other rows, in order.
    """

    look: Look
    waiting: Sequence[Item]
    decisions: list[Decision]


class Gathering:
    """The records of one model for which rows wait.

    A later row for such a record must not be called equal to it: the row that waits will change the record first.
    """

    def __init__(self, model: Model, changes: Changes) -> None:
        """Start without rows.

        Args:
            model: The model.
            changes: Compares rows.
        """
        self._model = model
        self._changes = changes
        self._look: Look | None = None
        self._places: set[int] = set()

    def settle(self, waiting: Sequence[Item], items: Sequence[Item]) -> Settled | None:
        """Decide about rows by a look that shows all records of the model.

        Args:
            waiting: Rows that wait since earlier calls of this method.
            items: Later rows. None of them shares a key with another row.

        Returns:
            None if there is no such look. If another look was taken since, the waiting rows are compared with it.
        """
        look = self._changes.whole_look(self._model, items)
        if look is None:
            return None
        if look is not self._look or not waiting:
            self._look, self._places = look, set()
            waiting, items = (), [*waiting, *items]
        decisions = self._changes.compared(look, items, self._places)
        self._places.update(one.held.place for one in decisions if one.verdict.is_sent and one.held is not None)
        return Settled(look, waiting, decisions)
