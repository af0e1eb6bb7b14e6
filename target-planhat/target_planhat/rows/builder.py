"""Builds the row for Planhat from a record of the tap."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from planhat_api import Row
from planhat_api.values.invalid import InvalidValueError
from target_planhat.rows.loader_columns import HELPER_COLUMNS, is_added_by_loader
from target_planhat.rows.mapping import Field, Source
from target_planhat.rows.value_form import form_of
from target_planhat.rows.values import ANYTHING, Json, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from planhat_api.models.registry import Model
    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.loader_columns import DeletionMarks
    from target_planhat.rows.mapping import ColumnPlan, FieldResolver
    from target_planhat.settings import StreamSettings

__all__ = ["RefusedRowError", "RowBuilder", "StreamPlan"]


class RefusedRowError(Exception):
    """A row must not be sent. The text gives the reason and contains no value except the key of the row."""


@dataclass(frozen=True)
class StreamPlan:
    """What is known about a stream before its first record.

    Attributes:
        model: Model of the rows, with the fields that can be written.
        plan: The field of each column.
        rule: The keys of the rows.
        resolver: Finds the field of a column that the schema does not declare.
        settings: Settings of the stream.
        marks: Which records are marked as deleted.
    """

    model: Model
    plan: ColumnPlan
    rule: KeyRule
    resolver: FieldResolver
    settings: StreamSettings
    marks: DeletionMarks


class RowBuilder:
    """Builds the rows of one stream by its column plan."""

    def __init__(
        self,
        stream: StreamPlan,
        log_left_out: Callable[[str, str], None],
        check: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Prepare the plan for many rows.

        Args:
            stream: What is known about the stream.
            log_left_out: Logs an undeclared column that is left out, with the reason.
            check: Checks the finished row, which it may change. It may raise RefusedRowError. It replaces the rules for
                rows that are matched on a key.
        """
        self.model = stream.model
        self.plan = stream.plan
        self.rule = stream.rule
        self._resolver = stream.resolver
        self._settings = stream.settings
        self._clears_all = stream.settings.nulls == "clear"
        self._cleared = frozenset(stream.settings.cleared)
        self._log_left_out = log_left_out
        self._sources = {source.column: source for source in self.plan.sources}
        self._undeclared: dict[str, Source | None] = {}
        # These are needed for each value of each record. They are limited, because a tap may send any number of names.
        self._member = lru_cache(maxsize=10_000)(self._member_source)
        self._nearest_custom = lru_cache(maxsize=1_000)(stream.resolver.custom.nearest)
        self._fields = {field.name: value for field, value in self.plan.constants.items() if not field.custom}
        self._custom = {field.name: value for field, value in self.plan.constants.items() if field.custom}
        self._check = check or self._check_keys
        self.dropped_without = self.model.dropped_without

    def clears(self, field: Field) -> bool:
        """Whether a null clears this field."""
        return self._clears_all or (bool(self._cleared) and str(field) in self._cleared)

    def build(self, record: Mapping[str, Any]) -> tuple[Row, tuple[str, ...] | None]:
        """The row of a record, and the key that identifies it in a batch.

        Raises:
            RefusedRowError: Planhat would not store the row of this record.
        """
        body: dict[str, Any] = {}
        custom: dict[str, Any] = {}
        for source in self._in_order(record):
            self._place(source, record[source.column], body, custom)
        body |= self._fields
        custom |= self._custom
        # An empty custom object is never sent: it is not known whether it would clear all custom fields (Q8).
        if custom:
            body["custom"] = custom
        for name in self.rule.left_out:
            body.pop(name, None)
        return self._finished(body)

    def key_of(self, record: Mapping[str, Any]) -> tuple[Row, tuple[str, ...] | None]:
        """The row of a record with only its keys."""
        body: dict[str, Any] = {}
        wanted = {*self.rule.keyables, self.rule.company}
        for source in self._in_order(record):
            if source.field.name in wanted and not source.field.custom:
                self._place(source, record[source.column], body, {})
        return Row(encode(body), self.rule.keys(body)), self.rule.match(body)

    def known(self, record: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
        """The valid values of these fields in a record, for messages."""
        body: dict[str, Any] = {}
        for source in self._in_order(record):
            if source.field.name in names and not source.field.custom:
                with suppress(RefusedRowError):
                    self._place(source, record[source.column], body, {})
        return body | {name: value for name, value in self._fields.items() if name in names}

    def _finished(self, body: dict[str, Any]) -> tuple[Row, tuple[str, ...] | None]:
        self._check(body)
        return Row(encode(body), self.rule.keys(body)), self.rule.match(body)

    def _in_order(self, record: Mapping[str, Any]) -> list[Source]:
        found = [source for source in self.plan.sources if source.column in record]
        if len(found) < len(record):
            for column in record:
                if column not in self._sources and column not in self.plan.left_out:
                    undeclared = self._undeclared_source(column)
                    if undeclared is not None:
                        found.append(undeclared)
        return found

    def _undeclared_source(self, column: str) -> Source | None:
        """The field of a column that the schema does not declare. It is searched once."""
        if column in self._undeclared:
            return self._undeclared[column]
        found: Source | str | None
        if column in HELPER_COLUMNS:
            found = "metadata"
        elif is_added_by_loader(column):
            found = "added by a loader"
        else:
            found = self._resolver.source(column, column) or self._unknown(column)
        if isinstance(found, str):
            self._log_left_out(column, found)
        self._undeclared[column] = found if isinstance(found, Source) else None
        return self._undeclared[column]

    def _unknown(self, column: str) -> Source | str:
        """An undeclared column without a field. The run could not be stopped at the start, so it is left out (B46)."""
        if self._settings.unknown_columns == "send":
            return Source(column, Field(column), ANYTHING)
        near = self._resolver.nearest(column)
        return "no such field, and the schema does not declare it" + (f"; did you mean {near!r}?" if near else "")

    def _place(self, source: Source, value: Json, body: dict[str, Any], custom: dict[str, Any]) -> None:
        field = source.field
        try:
            value = None if value is None else source.field_type.convert(value)
        except InvalidValueError as err:
            msg = f"{field}: {err}{form_of(value)}"
            raise RefusedRowError(msg) from err
        if field.name == "custom" and not field.custom:
            self._place_custom(value or {}, custom)
            return
        into = custom if field.custom else body
        if value is not None:
            if into.get(field.name) is None:
                into[field.name] = value
        elif self.clears(field):
            into.setdefault(field.name, None)

    def _place_custom(self, values: Mapping[str, Any], custom: dict[str, Any]) -> None:
        for name, given in values.items():
            source = self._member(name)
            if source is None:
                self._place_unknown_custom(name, given, custom)
            elif source.field.name not in self._resolver.custom.formulas:
                self._place(source, given, custom, custom)

    def _member_source(self, name: str) -> Source | None:
        """The custom field of a member of `custom`; None if there is no such field."""
        names = self._resolver.custom
        found = names.find(name)
        if found is None:
            return None
        field_type = (None if found in names.formulas else names.type_of(found)) or ANYTHING
        return Source(f"custom.{name}", Field(found, custom=True), field_type)

    def _place_unknown_custom(self, name: str, value: Json, custom: dict[str, Any]) -> None:
        if self._settings.unknown_columns == "send":
            custom[name] = value
        elif self._settings.unknown_columns == "leave_out":
            self._log_left_out(f"custom.{name}", "no such custom field")
        else:
            near = self._nearest_custom(name)
            raise RefusedRowError(
                f"{self.model.name} has no custom field {name!r}" + (f"; did you mean {near!r}?" if near else "")
            )

    def _check_keys(self, body: Mapping[str, Any]) -> None:
        for name in self.dropped_without:
            if not body.get(name):
                msg = f"no {name}: Planhat would drop the row without an error"
                raise RefusedRowError(msg)
        if self.rule.match(body):
            return
        if self.rule.needs_key:
            msg = f"no key: none of {', '.join(self.rule.keyables)} has a value"
            raise RefusedRowError(msg)
        missing = [name for name in self.model.required if body.get(name) is None]
        if missing:
            msg = f"a new {self.model.name} needs {', '.join(missing)}"
            raise RefusedRowError(msg)
        company_lookup = self.model.company_lookup
        placed_by = (*company_lookup.fields, company_lookup.address) if company_lookup else ()
        if placed_by and not any(body.get(name) for name in placed_by):
            msg = f"a new {self.model.name} needs {' or '.join(placed_by)}: Planhat would drop the row without an error"
            raise RefusedRowError(msg)
        groups = self.model.required_any
        if groups and not any(all(body.get(name) is not None for name in group) for group in groups):
            msg = f"a new {self.model.name} needs {' or '.join(' and '.join(group) for group in groups)}"
            raise RefusedRowError(msg)
