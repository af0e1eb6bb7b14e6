"""The rules for the rows of one stream, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_planhat.rows.fast.schema_types import NoTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_api import Row
    from planhat_api.models.registry import Model
    from target_planhat.rows.builder import RowBuilder
    from target_planhat.rows.fast.quick_check import QuickCheck
    from target_planhat.rows.item import Item
    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["RowRules", "each_row_is_checked"]


def _any_plan(stream: str, plan: ColumnPlan) -> None:
    del stream, plan


def _no_quick_check(builder: RowBuilder) -> None:
    del builder


def _match(row: Row, match: tuple[str, ...] | None) -> tuple[str, ...] | None:
    del row
    return match


def _key(item: Item, builder: RowBuilder) -> str:
    del builder
    return item.label


def each_row_is_checked(builder: RowBuilder) -> QuickCheck | None:
    """The quick check where there is none.

    Raises:
        NoTypeError: Always.
    """
    del builder
    message = "each row needs a check of its own"
    raise NoTypeError(message)


@dataclass(frozen=True)
class RowRules:
    """The rules for the rows of one stream.

    Attributes:
        model: The model that the rows go to.
        written_model: The model with the fields that can be written this way.
        key_rule: Which keys the rows carry, by the name of the stream and the plan of its columns. It raises
            SettingsError when the columns of the stream cannot fill them.
        collapses: Whether rows with the same key in one batch become one.
        can_delete: Whether rows that are marked as deleted at the source can be deleted in Planhat.
        check: Looks at a finished row in place of the rules for keys; None keeps those. It raises RefusedRowError.
        check_plan: Raises SettingsError when the columns of a stream cannot work this way.
        quick_check: What `check` looks at, for rows that are built from bytes. It raises NoTypeError when rows of this
            stream cannot be.
        identity: What identifies a row among the rows of a batch, by the row and its key.
        label: What identifies a row, for logs.
    """

    model: Model
    written_model: Model
    key_rule: Callable[[str, ColumnPlan], KeyRule]
    collapses: bool = False
    can_delete: bool = False
    check: Callable[[dict[str, Any]], None] | None = None
    check_plan: Callable[[str, ColumnPlan], None] = _any_plan
    quick_check: Callable[[RowBuilder], QuickCheck | None] = _no_quick_check
    identity: Callable[[Row, tuple[str, ...] | None], tuple[str, ...] | None] = _match
    label: Callable[[Item, RowBuilder], str] = _key
