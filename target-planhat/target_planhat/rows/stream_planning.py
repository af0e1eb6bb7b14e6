"""Plans how the rows of a stream are built, before its first record."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from target_planhat.errors import SettingsError
from target_planhat.rows.builder import StreamPlan
from target_planhat.rows.column_planning import plan_columns
from target_planhat.rows.item import StreamInfo
from target_planhat.rows.loader_columns import DeletionMarks
from target_planhat.rows.mapping import FieldResolver
from target_planhat.rows.ownership import owned_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_planhat.rows.column_log import ColumnLog
    from target_planhat.rows.declared_stream import DeclaredStream
    from target_planhat.rows.item import Item
    from target_planhat.rows.rules.row_rules import RowRules
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.custom_fields import NamesOfModel

__all__ = ["info_of", "plan_stream"]


def plan_stream(
    declared: DeclaredStream, rules: RowRules, custom: NamesOfModel, settings: StreamSettings, log: ColumnLog
) -> StreamPlan:
    """Decide which columns fill which fields and keys, and which records are marked as deleted.

    Args:
        declared: The stream. All columns of its schema are planned.
        rules: Rules for its rows.
        custom: Custom fields of the model.
        settings: Settings of the stream.
        log: Logs what users may not expect.

    Raises:
        SettingsError: Columns, keys and settings do not fit together.
    """
    model = rules.written_model
    resolver = FieldResolver(model, custom, settings)
    plan = plan_columns(declared.name, declared.schema, model, custom, settings)
    rule = rules.key_rule(declared.name, plan)
    can_delete = rules.can_delete
    if plan.deleted_column is not None and not can_delete:
        msg = f"streams.{declared.name}.deleted_column: rows that go to {rules.model.name} cannot be deleted"
        raise SettingsError(msg)
    marks = DeletionMarks(
        plan.deleted_column,
        uses_deletion_time=can_delete,
        known=settings.columns,
        log=partial(log.mark, can_delete=can_delete),
    )
    return StreamPlan(model, plan, rule, resolver, settings, marks)


def info_of(declared: DeclaredStream, rules: RowRules, stream: StreamPlan, label: Callable[[Item], str]) -> StreamInfo:
    """What the rows of a stream must know about it.

    Args:
        declared: The stream.
        rules: Rules for its rows.
        stream: How they are built.
        label: Gives the key of a row, for logs.
    """
    plan, settings = stream.plan, stream.settings
    return StreamInfo(
        name=declared.name,
        input_stream=declared.input_stream,
        model=rules.model,
        mode=settings.mode,
        keyables=stream.rule.keyables,
        merges_by_key=rules.merges_by_key,
        label=label,
        fields=frozenset("custom" if found.custom else found.name for found in plan.fields),
        ownership=owned_fields(declared.name, plan, stream.resolver, settings),
    )
