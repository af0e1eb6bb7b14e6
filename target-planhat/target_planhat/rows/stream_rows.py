"""Builds the rows of one stream."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from target_planhat.errors import InputError, SettingsError
from target_planhat.rows.builder import RefusedRowError, RowBuilder, StreamPlan
from target_planhat.rows.column_log import ColumnLog
from target_planhat.rows.column_planning import plan_columns
from target_planhat.rows.fast.fast_rows import FastRows
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.item import Item, StreamInfo
from target_planhat.rows.keys import key_in
from target_planhat.rows.loader_columns import DeletionMarks
from target_planhat.rows.mapping import FieldResolver
from target_planhat.rows.ownership import owned_fields
from target_planhat.rows.record_schema import RecordSchema, SchemaFaultError

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from target_planhat.record_line import Expectation
    from target_planhat.rows.mapping import ColumnPlan
    from target_planhat.rows.rules.row_rules import RowRules
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.custom_fields import NamesOfModel

__all__ = ["DeclaredStream", "StreamRows"]


@dataclass(frozen=True)
class DeclaredStream:
    """A stream as its SCHEMA declares it, after stream maps.

    Attributes:
        name: Its name.
        input_stream: The stream of its records in the input.
        schema: Its schema.
        keys: Its key columns.
        record_schema: The compiled schema.
    """

    name: str
    input_stream: str
    schema: Mapping[str, Any]
    keys: tuple[str, ...]
    record_schema: RecordSchema

    @classmethod
    def of(cls, name: str, input_stream: str, schema: Mapping[str, Any], keys: tuple[str, ...]) -> DeclaredStream:
        """The stream that a SCHEMA declares.

        Raises:
            InputError: The schema is not JSON Schema.
        """
        try:
            return cls(name, input_stream, schema, keys, RecordSchema(schema))
        except SchemaFaultError as err:
            msg = f"stream {name!r}: {err}"
            raise InputError(msg) from err


class StreamRows:
    """Builds the rows of one stream, from single records or from many messages that are still bytes.

    Attributes:
        stream_info: What its rows must know about the stream.
    """

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        declared: DeclaredStream,
        rules: RowRules,
        custom: NamesOfModel,
        settings: StreamSettings,
        logger: logging.Logger,
        *,
        validates: bool,
        most_at_once: int,
    ) -> None:
        """Plan the fields of the columns.

        Args:
            declared: The stream.
            rules: Rules for rows that are sent in this way.
            custom: Custom fields of the model.
            settings: Settings of the stream.
            logger: Logger of the stream.
            validates: Whether records are checked against the schema.
            most_at_once: The most rows that are made at once.

        Raises:
            SettingsError: Columns, keys and settings do not fit together.
        """
        self._declared = declared
        self._rules = rules
        self._validates = validates
        self._column_log = ColumnLog(declared.name, logger)
        model = rules.written_model
        resolver = FieldResolver(model, custom, settings)
        plan = plan_columns(declared.name, declared.schema, model, custom, settings)
        rule = rules.key_rule(declared.name, plan)
        self._marks = self._deletion_marks(plan, settings)
        stream = StreamPlan(model, plan, rule, resolver, settings, self._marks)
        self._builder = RowBuilder(stream, self._column_log.undeclared, rules.check)
        rules.check_plan(declared.name, plan)
        self._column_log.prefix(settings.custom_prefix, declared.schema.get("properties", {}))
        self._fast = self._fast_rows(stream, logger, most_at_once)
        self._column_log.left_out(plan)
        self.stream_info = StreamInfo(
            name=declared.name,
            input_stream=declared.input_stream,
            model=rules.model,
            mode=settings.mode,
            keyables=rule.keyables,
            merges_by_key=rules.merges_by_key,
            label=lambda item: rules.label(item, self._builder),
            fields=frozenset("custom" if found.custom else found.name for found in plan.fields),
            ownership=owned_fields(declared.name, plan, resolver, settings),
        )

    def _deletion_marks(self, plan: ColumnPlan, settings: StreamSettings) -> DeletionMarks:
        can_delete = self._rules.can_delete
        if plan.deleted_column is not None and not can_delete:
            stream, model = self._declared.name, self._rules.model.name
            msg = f"streams.{stream}.deleted_column: rows that go to {model} cannot be deleted"
            raise SettingsError(msg)
        log = partial(self._column_log.mark, can_delete=can_delete)
        return DeletionMarks(plan.deleted_column, uses_deletion_time=can_delete, known=settings.columns, log=log)

    def _fast_rows(self, stream: StreamPlan, logger: logging.Logger, most_at_once: int) -> FastRows | None:
        declared, validates = self._declared, self._validates
        try:
            check = self._rules.quick_check(self._builder)
            schema, keys = declared.schema, declared.keys
            name = declared.input_stream
            return FastRows(stream, schema, name, keys, check, validates=validates, most_at_once=most_at_once)
        except NoTypeError as err:
            logger.info("Records of %s are processed one by one, which is slower: %s", declared.name, err)
            return None

    @property
    def accepts_messages(self) -> bool:
        """Whether rows can be built from messages that are still bytes."""
        return self._fast is not None

    def of_record(
        self, record: Mapping[str, Any], raw: bytes, attempt: int, expected: Expectation | None = None
    ) -> Item:
        """The row of a record. If the record is marked as deleted, the row has only its key.

        Args:
            record: The record, after stream maps.
            raw: The record as it was read, one JSON object.
            attempt: Number of attempts, including this one.
            expected: What a row of a plan expects to find. Such rows cannot be built from records.

        Raises:
            RefusedRowError: No row can be built from the record.
            InputError: The record is a row of a plan.
        """
        if expected is not None:
            stream = self._declared.name
            msg = f"stream {stream!r} has rows of a plan, but the input does not begin with its header. Make a new plan"
            raise InputError(msg)
        self._check_schema(record)
        if self._marks.is_deleted(record, raw):
            row, match = self._builder.key_of(record)
            return Item(row.body, row.keys, match, raw, attempt=attempt, delete=True, stream=self.stream_info)
        row, match = self._builder.build(record)
        match = self._rules.identity(row, match)
        return Item(row.body, row.keys, match, raw, attempt=attempt, stream=self.stream_info)

    def of_messages(self, lines: Sequence[bytes], start: int) -> list[Item]:
        """The rows of RECORD messages that are still bytes, from a place on.

        They may be fewer than the messages: one may need the general path, or the limit for one call is reached.
        """
        if self._fast is None:
            return []
        items = self._fast.build(lines, start)
        for item in items:
            item.stream = self.stream_info
        return items

    def key_of(self, record: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key of a record without a row, for messages."""
        try:
            match = self._builder.key_of(record)[1]
        except RefusedRowError:
            match = None
        return match or key_in(record, self._declared.keys)

    def _check_schema(self, record: Mapping[str, Any]) -> None:
        """Check a record against the schema of the stream.

        Raises:
            RefusedRowError: It does not fit, or lacks a key column.
        """
        missing = [name for name in self._declared.keys if name not in record]
        if missing:
            msg = f"the record lacks its key {', '.join(missing)}"
            raise RefusedRowError(msg)
        if self._validates:
            reason = self._declared.record_schema.violation(record)
            if reason is not None:
                raise RefusedRowError(reason)
