"""What a way into Planhat asks of the rows that go it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_api import Row
    from planhat_api.models.registry import Model
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.rows.fast.quick_check import QuickCheck
    from target_planhat.rows.item import Item
    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["RowRules"]


class RowRules(Protocol):
    """The rules for the rows of one stream. The ways of delivery have them."""

    @property
    def model(self) -> Model:
        """The model that the rows go to."""

    @property
    def written_model(self) -> Model:
        """The model with the fields that can be written this way."""

    @property
    def collapses(self) -> bool:
        """Whether rows with the same key in one batch become one."""

    @property
    def can_delete(self) -> bool:
        """Whether rows that are marked as deleted at the source can be deleted in Planhat."""

    @property
    def check(self) -> Callable[[dict[str, Any]], None] | None:
        """Looks at a finished row in place of the rules for keys; None keeps those. It raises RefusedRowError."""

    def key_rule(self, stream: str, plan: ColumnPlan) -> KeyRule:
        """Which keys the rows carry.

        Raises:
            SettingsError: The columns of the stream cannot fill them.
        """

    def check_plan(self, stream: str, plan: ColumnPlan) -> None:
        """Check that the columns of a stream can work this way.

        Raises:
            SettingsError: They cannot.
        """

    def quick_check(self, builder: RowBuilder) -> QuickCheck | None:
        """What `check` looks at, for rows that are built from bytes.

        Raises:
            NoTypeError: Rows of this stream cannot be.
        """

    def identity(self, row: Row, match: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """What identifies a row among the rows of a batch.

        Args:
            row: The row.
            match: Its key.
        """

    def label(self, item: Item, builder: RowBuilder) -> str:
        """What identifies a row, for logs."""
