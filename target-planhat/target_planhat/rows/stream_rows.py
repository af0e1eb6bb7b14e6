"""Builds the rows of one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_planhat.rows.builder import RefusedRowError, RowBuilder
from target_planhat.rows.column_log import ColumnLog
from target_planhat.rows.fast.fast_rows import FastRows
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.item import Item
from target_planhat.rows.keys import key_in
from target_planhat.rows.made_rows import MadeRows
from target_planhat.rows.stream_planning import info_of, plan_stream

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from target_planhat.record_line import Expectation
    from target_planhat.rows.builder import StreamPlan
    from target_planhat.rows.declared_stream import DeclaredStream
    from target_planhat.rows.rules.row_rules import RowRules
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.custom_fields import NamesOfModel

__all__ = ["StreamRows"]


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
        log = ColumnLog(declared.name, logger)
        stream = plan_stream(declared, rules, custom, settings, log)
        self._marks = stream.marks
        self._builder = RowBuilder(stream, log.undeclared, rules.check)
        rules.check_plan(declared.name, stream.plan)
        log.prefix(settings.custom_prefix, declared.schema.get("properties", {}))
        self._fast = self._fast_rows(stream, logger, most_at_once)
        log.left_out(stream.plan)
        self.stream_info = info_of(declared, rules, stream, lambda item: rules.label(item, self._builder))

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
    def gives_one_row_each(self) -> bool:
        """Whether messages that are still bytes can be built, and each gives one row."""
        return self._fast is not None

    def of_record(
        self,
        record: Mapping[str, Any],
        raw: bytes,
        attempt: int,
        expected: Expectation | None = None,
        column: str | None = None,
    ) -> MadeRows:
        """The row of a record. If the record is marked as deleted, the row has only its key.

        Args:
            record: The record, after stream maps.
            raw: The record as it was read, one JSON object.
            attempt: Number of attempts, including this one.
            expected: What a row of a plan expects to find. Such rows cannot be built from records.
            column: The only column whose point is wanted, if another run sent the points of the other columns.

        Raises:
            RefusedRowError: No row can be built from the record.
            InputError: The record is a row of a plan.
        """
        self._declared.refuse_expectation(expected)
        if column is not None:
            msg = f"it stands for the point of column {column}, and streams.{self._declared.name}.points is not set"
            raise RefusedRowError(msg)
        self._declared.check_keys(record)
        reason = self._declared.record_schema.violation(record) if self._validates else None
        if reason is not None:
            raise RefusedRowError(reason)
        deleted = self._marks.is_deleted(record, raw)
        if deleted:
            row, match = self._builder.key_of(record)
        else:
            row, match = self._builder.build(record)
            match = self._rules.identity(row, match)
        stream = self.stream_info
        return MadeRows([Item(row.body, row.keys, match, raw, attempt=attempt, delete=deleted, stream=stream)])

    def of_messages(self, lines: Sequence[bytes], start: int) -> MadeRows:
        """The rows of RECORD messages that are still bytes, from a place on.

        They may be fewer than the messages: one may need the general path, or the limit for one call is reached.
        """
        items = [] if self._fast is None else self._fast.build(lines, start)
        for item in items:
            item.stream = self.stream_info
        return MadeRows(items, len(items))

    def key_of(self, record: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key of a record without a row, for messages."""
        try:
            match = self._builder.key_of(record)[1]
        except RefusedRowError:
            match = None
        return match or key_in(record, self._declared.keys)
