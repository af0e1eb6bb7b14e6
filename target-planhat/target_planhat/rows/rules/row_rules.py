"""Defines the rules for the rows of one stream."""

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
    """The quick check of rules that have none.

    Raises:
        NoTypeError: Always.
    """
    del builder
    message = "each row must be checked alone"
    raise NoTypeError(message)


@dataclass(frozen=True)
class RowRules:
    """The rules for the rows of one stream.

    Attributes:
        model: The model of the rows.
        written_model: The model with the fields that can be written in this way.
        key_rule: Gives the keys of the rows from the name of the stream and its column plan. It raises SettingsError
            if no columns lead to the keys.
        merges_by_key: Whether rows with the same key in one batch are merged.
        can_delete: Whether rows that are marked as deleted at the source can be deleted in Planhat.
        check: Checks a finished row instead of the rules for keys; None for these rules. It may raise RefusedRowError.
        check_plan: Checks the column plan of a stream. It may raise SettingsError.
        quick_check: Gives the same check as `check` for rows that are built from bytes. It raises NoTypeError if rows
            of this stream cannot be built from bytes.
        identity: Gives what identifies a row in a batch, from the row and its key.
        label: Gives what identifies a row in logs.
    """

    model: Model
    written_model: Model
    key_rule: Callable[[str, ColumnPlan], KeyRule]
    merges_by_key: bool = False
    can_delete: bool = False
    check: Callable[[dict[str, Any]], None] | None = None
    check_plan: Callable[[str, ColumnPlan], None] = _any_plan
    quick_check: Callable[[RowBuilder], QuickCheck | None] = _no_quick_check
    identity: Callable[[Row, tuple[str, ...] | None], tuple[str, ...] | None] = _match
    label: Callable[[Item, RowBuilder], str] = _key
