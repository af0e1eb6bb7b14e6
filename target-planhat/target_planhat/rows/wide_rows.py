"""Builds the points of a stream whose rows have one column for each metric.

Each such column has a row builder of its own. To it, the column is the value of a point, its metric is a constant, and
the other metrics of the row are left out. So a point is built exactly as it would be from a row of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planhat_api import Outcome
from target_planhat.errors import SettingsError
from target_planhat.rows.builder import RefusedRowError, RowBuilder
from target_planhat.rows.column_log import ColumnLog
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.fast.wide_points import WidePoints
from target_planhat.rows.item import Item
from target_planhat.rows.keys import key_in
from target_planhat.rows.made_rows import MadeRows
from target_planhat.rows.mapping import Field, Source
from target_planhat.rows.point_columns import point_columns
from target_planhat.rows.stream_planning import info_of, plan_stream
from target_planhat.rows.values import NUMBER

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from target_planhat.record_line import Expectation
    from target_planhat.rows.builder import StreamPlan
    from target_planhat.rows.declared_stream import DeclaredStream
    from target_planhat.rows.mapping import ColumnPlan
    from target_planhat.rows.rules.row_rules import RowRules
    from target_planhat.rows.value_form import Json
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.custom_fields import NamesOfModel

__all__ = ["WideRows"]

_DIMENSION, _VALUE = Field("dimensionId"), Field("value")
_NO_POINT = Outcome.skipped("none of its metrics has a value")


class WideRows:
    """Builds the points of one stream, from single records or from many messages that are still bytes.

    Attributes:
        stream_info: What its points must know about the stream.
        gives_one_row_each: Always False: a record gives several points.
    """

    gives_one_row_each = False

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
        """Plan the metrics of the columns, and the fields that all points of a row share.

        Args:
            declared: The stream.
            rules: Rules for points.
            custom: Custom fields of the model of points, which has none.
            settings: Settings of the stream.
            logger: Logger of the stream.
            validates: Whether records are checked against the schema.
            most_at_once: The most points that are made at once.

        Raises:
            SettingsError: Columns and settings do not fit together.
        """
        self._declared = declared
        self._rules = rules
        self._validates = validates
        log = ColumnLog(declared.name, logger)
        points = point_columns(declared, rules.written_model, custom, settings)
        shared = plan_stream(_without(declared, points), rules, custom, settings, log)
        _check_shared(declared.name, shared.plan)
        log.prefix(settings.custom_prefix, declared.schema["properties"])
        log.left_out(shared.plan)
        logger.info("Metrics of %s: %s", declared.name, ", ".join(points.values()))
        # To the builder of one metric, the columns of the others are left out.
        left_out = {**shared.plan.left_out, **dict.fromkeys(points, "a metric")}
        self._stream = replace(shared, plan=replace(shared.plan, left_out=left_out))
        self._marks = shared.marks
        self._shared = RowBuilder(self._stream, log.undeclared)
        self._points = {
            column: RowBuilder(_with_point(self._stream, column, dimension), log.undeclared, rules.check)
            for column, dimension in points.items()
        }
        any_point = _with_any_point(self._stream, next(iter(points.values())))
        self._any_point = RowBuilder(any_point, log.undeclared, rules.check)
        rules.check_plan(declared.name, any_point.plan)
        self.stream_info = info_of(declared, rules, any_point, self._label)
        self._fast = self._fast_points(points, logger, most_at_once)

    def _label(self, item: Item) -> str:
        """The metric, the record and the day of a point; the record and the day of a row."""
        builder = None if item.column is None else self._points.get(item.column)
        return self._rules.label(item, builder or self._shared)

    def _fast_points(self, points: Mapping[str, str], logger: logging.Logger, most_at_once: int) -> WidePoints | None:
        declared, validates = self._declared, self._validates
        try:
            check = self._rules.quick_check(self._any_point)
            return WidePoints(self._stream, points, declared, check, validates=validates, most_at_once=most_at_once)
        except NoTypeError as err:
            logger.info("Records of %s are processed one by one, which is slower: %s", declared.name, err)
            return None

    def of_record(
        self,
        record: Mapping[str, Any],
        raw: bytes,
        attempt: int,
        expected: Expectation | None = None,
        column: str | None = None,
    ) -> MadeRows:
        """The points of a record. A cell without a value gives none.

        Args:
            record: The record, after stream maps.
            raw: The record as it was read, one JSON object.
            attempt: Number of attempts, including this one.
            expected: What a row of a plan expects to find. Points are not in plans.
            column: The only column whose point is wanted, if another run sent the points of the other columns.

        Returns:
            The points. A point that cannot be sent is rejected without the others. A row without a value is skipped.

        Raises:
            RefusedRowError: What its points share is wrong, so that none can be sent.
            InputError: The record is a row of a plan.
        """
        self._declared.refuse_expectation(expected)
        if column is not None and column not in self._points:
            setting = f"streams.{self._declared.name}.points"
            msg = f"it stands for the point of column {column}, which {setting} does not name"
            raise RefusedRowError(msg)
        self._declared.check_keys(record)
        faults = self._declared.record_schema.violations(record) if self._validates else {}
        of_row = next((fault for place, fault in faults.items() if place not in self._points), None)
        if of_row is not None:
            raise RefusedRowError(of_row)
        self._marks.is_deleted(record, raw)
        _, match = self._any_point.build(record)
        items: list[Item] = []
        refused: list[tuple[Item, Outcome]] = []
        for name in self._points if column is None else (column,):
            reason = faults.get(name)
            if reason is None and _is_empty(record.get(name)):
                continue
            item = Item(b"{}", {}, match, raw, column=name, attempt=attempt, stream=self.stream_info)
            try:
                row, _ = self._points[name].build(record)
            except RefusedRowError as err:
                reason = reason or str(err)
            if reason is None:
                item.body, item.keys = row.body, row.keys
                items.append(item)
            else:
                refused.append((item, Outcome.rejected(reason)))
        if not items and not refused:
            empty = Item(b"{}", {}, match, raw, column=column, attempt=attempt, stream=self.stream_info)
            return MadeRows([], 1, [(empty, _NO_POINT)])
        return MadeRows(items, 1, refused)

    def of_messages(self, lines: Sequence[bytes], start: int) -> MadeRows:
        """The points of RECORD messages that are still bytes, from a place on.

        They may be of fewer messages: one may need the general path, or the limit for one call is reached.
        """
        if self._fast is None:
            return MadeRows([], 0)
        items, empty, records = self._fast.build(lines, start)
        for item in (*items, *empty):
            item.stream = self.stream_info
        return MadeRows(items, records, [(item, _NO_POINT) for item in empty])

    def key_of(self, record: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key of a record without a point, for messages."""
        try:
            match = self._shared.key_of(record)[1]
        except RefusedRowError:
            match = None
        return match or key_in(record, self._declared.keys)


def _is_empty(value: Json) -> bool:
    """Whether a cell has no value. A blank text counts as null in a number."""
    return value is None or (isinstance(value, str) and not value.strip())


def _without(declared: DeclaredStream, points: Mapping[str, str]) -> DeclaredStream:
    """The stream as if it had only the columns that are not metrics."""
    columns = {name: column for name, column in declared.schema["properties"].items() if name not in points}
    return replace(declared, schema={**declared.schema, "properties": columns})


def _with_point(stream: StreamPlan, column: str, dimension: str) -> StreamPlan:
    """The plan for the points of one column."""
    plan = stream.plan
    sources = (Source(column, _VALUE, NUMBER), *plan.sources)
    return replace(stream, plan=replace(plan, sources=sources, constants={_DIMENSION: dimension, **plan.constants}))


def _with_any_point(stream: StreamPlan, dimension: str) -> StreamPlan:
    """The plan for a point that is valid whenever what the points of a row share is valid."""
    constants = {_DIMENSION: dimension, _VALUE: 0, **stream.plan.constants}
    return replace(stream, plan=replace(stream.plan, constants=constants))


def _check_shared(stream: str, plan: ColumnPlan) -> None:
    """Check that metrics and values come from the setting alone.

    Raises:
        SettingsError: A column or a constant gives them as well.
    """
    for field in (_DIMENSION, _VALUE):
        column = next((source.column for source in plan.sources if source.field == field), None)
        if column is not None:
            msg = (
                f"streams.{stream}.points: column {column!r} leads to {field}, which each column in points gives. "
                f"Leave it out: streams.{stream}.ignore: [{column!r}], or name it in points as a metric"
            )
            raise SettingsError(msg)
        if field in plan.constants:
            msg = f"streams.{stream}.points: constants give {field}, which each column in points gives. Take it out"
            raise SettingsError(msg)
