"""Builds the row Planhat gets from the record a tap sent."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from planhat_api import Row
from planhat_api.values.invalid import InvalidValueError
from target_planhat.rows.invalid import form_of
from target_planhat.rows.loader_columns import HELPER_COLUMNS, is_added_by_loader
from target_planhat.rows.mapping import Slot, Source
from target_planhat.rows.values import ANYTHING, Json, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from planhat_api.models.registry import Model
    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.loader_columns import DeletionMarks
    from target_planhat.rows.mapping import ColumnPlan, Resolver
    from target_planhat.settings import StreamSettings

__all__ = ["RefusedRowError", "RowBuilder", "StreamPlan"]

# Planhat swallows such rows without an error entry, so nothing but this check would notice (tickets, quirks).
_SWALLOWED_WITHOUT = {"tickets": ("email",)}


class RefusedRowError(Exception):
    """A row that must not be sent. The text says why and names no value but the row's key."""


@dataclass(frozen=True)
class StreamPlan:
    """What is known of a stream before its first record.

    Attributes:
        model: Model the rows go to, as it is written.
        plan: Where each column leads.
        rule: Which keys the rows carry.
        resolver: Finds the field of a column that the schema did not declare.
        settings: Settings of the stream.
        marks: Which records are marked as deleted.
    """

    model: Model
    plan: ColumnPlan
    rule: KeyRule
    resolver: Resolver
    settings: StreamSettings
    marks: DeletionMarks


class RowBuilder:
    """Turns the records of one stream into rows, by its column plan."""

    def __init__(
        self,
        stream: StreamPlan,
        notice: Callable[[str, str], None],
        check: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """Prepare the plan for many rows.

        Args:
            stream: What is known of the stream.
            notice: Told of each undeclared column that is left out, with the reason.
            check: Looks at the finished row, may change it, and raises RefusedRowError; in place of the rules for
                rows that are matched on a key.
        """
        self.model = stream.model
        self.plan = stream.plan
        self.rule = stream.rule
        self._resolver = stream.resolver
        self._settings = stream.settings
        self._clears_all = stream.settings.nulls == "clear"
        self._cleared = frozenset(stream.settings.cleared)
        self._notice = notice
        self._sources = {source.column: source for source in self.plan.sources}
        self._late: dict[str, Source | None] = {}
        # Asked for each value of each record; bounded, because a tap may send any number of names.
        self._member = lru_cache(maxsize=10_000)(self._member_source)
        self._nearest_custom = lru_cache(maxsize=1_000)(stream.resolver.custom.nearest)
        self._fields = {slot.name: value for slot, value in self.plan.constants.items() if not slot.custom}
        self._custom = {slot.name: value for slot, value in self.plan.constants.items() if slot.custom}
        self._check = check or self._check_keys
        self.swallowed_without = _SWALLOWED_WITHOUT.get(self.model.path, ())

    def clears(self, slot: Slot) -> bool:
        """Whether a null empties this field."""
        return self._clears_all or (bool(self._cleared) and str(slot) in self._cleared)

    def build(self, record: Mapping[str, Any]) -> tuple[Row, tuple[str, ...] | None]:
        """The row of a record, with what identifies it in its batch.

        Raises:
            RefusedRowError: The record cannot become a row that Planhat keeps.
        """
        body: dict[str, Any] = {}
        custom: dict[str, Any] = {}
        for source in self._in_order(record):
            self._place(source, record[source.column], body, custom)
        body |= self._fields
        custom |= self._custom
        # An empty custom object is never sent: whether it would empty them all is unknown (Q8).
        if custom:
            body["custom"] = custom
        for name in self.rule.left_out:
            body.pop(name, None)
        return self._finished(body)

    def key_of(self, record: Mapping[str, Any]) -> tuple[Row, tuple[str, ...] | None]:
        """The keys of a record alone."""
        body: dict[str, Any] = {}
        wanted = {*self.rule.keyables, self.rule.company}
        for source in self._in_order(record):
            if source.slot.name in wanted and not source.slot.custom:
                self._place(source, record[source.column], body, {})
        return Row(encode(body), self.rule.keys(body)), self.rule.match(body)

    def known(self, record: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
        """Those of these fields that a record fills as it should, to name it by."""
        body: dict[str, Any] = {}
        for source in self._in_order(record):
            if source.slot.name in names and not source.slot.custom:
                with suppress(RefusedRowError):
                    self._place(source, record[source.column], body, {})
        return body | {name: value for name, value in self._fields.items() if name in names}

    def _finished(self, body: dict[str, Any]) -> tuple[Row, tuple[str, ...] | None]:
        self._check(body)
        return Row(encode(body), self.rule.keys(body)), self.rule.match(body)

    def _in_order(self, record: Mapping[str, Any]) -> list[Source]:
        found = [source for source in self.plan.sources if source.column in record]
        if len(found) + len(self.plan.left_out) < len(record):
            for column in record:
                if column not in self._sources and column not in self.plan.left_out:
                    late = self._late_source(column)
                    if late is not None:
                        found.append(late)
        return found

    def _late_source(self, column: str) -> Source | None:
        """A column the schema did not declare: looked up once."""
        if column in self._late:
            return self._late[column]
        found: Source | str | None
        if column in HELPER_COLUMNS:
            found = "metadata"
        elif is_added_by_loader(column):
            found = "added by a loader"
        else:
            found = self._resolver.source(column, column) or self._unknown(column)
        if isinstance(found, str):
            self._notice(column, found)
        self._late[column] = found if isinstance(found, Source) else None
        return self._late[column]

    def _unknown(self, column: str) -> Source | str:
        """No field; the run could not be stopped for it at start, so it is left out and told (B46)."""
        if self._settings.unknown_columns == "send":
            return Source(column, Slot(column), ANYTHING)
        near = self._resolver.nearest(column)
        return "no such field, and the schema does not declare it" + (f"; did you mean {near!r}?" if near else "")

    def _place(self, source: Source, value: Json, body: dict[str, Any], custom: dict[str, Any]) -> None:
        slot = source.slot
        try:
            value = None if value is None else source.kind.convert(value)
        except InvalidValueError as err:
            msg = f"{slot}: {err}{form_of(value)}"
            raise RefusedRowError(msg) from err
        if slot.name == "custom" and not slot.custom:
            self._place_custom(value or {}, custom)
            return
        into = custom if slot.custom else body
        if value is not None:
            if into.get(slot.name) is None:
                into[slot.name] = value
        elif self.clears(slot):
            into.setdefault(slot.name, None)

    def _place_custom(self, values: Mapping[str, Any], custom: dict[str, Any]) -> None:
        for name, given in values.items():
            source = self._member(name)
            if source is None:
                self._place_unknown_custom(name, given, custom)
            elif source.slot.name not in self._resolver.custom.formulas:
                self._place(source, given, custom, custom)

    def _member_source(self, name: str) -> Source | None:
        """Where a member of `custom` leads; None when there is no such custom field."""
        names = self._resolver.custom
        found = names.find(name)
        if found is None:
            return None
        kind = (None if found in names.formulas else names.kind(found)) or ANYTHING
        return Source(f"custom.{name}", Slot(found, custom=True), kind)

    def _place_unknown_custom(self, name: str, value: Json, custom: dict[str, Any]) -> None:
        if self._settings.unknown_columns == "send":
            custom[name] = value
        elif self._settings.unknown_columns == "leave_out":
            self._notice(f"custom.{name}", "no such custom field")
        else:
            near = self._nearest_custom(name)
            raise RefusedRowError(
                f"{self.model.name} has no custom field {name!r}" + (f"; did you mean {near!r}?" if near else "")
            )

    def _check_keys(self, body: Mapping[str, Any]) -> None:
        for name in self.swallowed_without:
            if not body.get(name):
                msg = f"no {name}: Planhat would drop the row without a word"
                raise RefusedRowError(msg)
        if self.rule.match(body):
            return
        if self.rule.needs_key:
            msg = f"no key: none of {', '.join(self.rule.keyables)} holds a value"
            raise RefusedRowError(msg)
        missing = [name for name in self.model.required if body.get(name) is None]
        if missing:
            msg = f"a new {self.model.name} needs {', '.join(missing)}"
            raise RefusedRowError(msg)
        company_lookup = self.model.company_lookup
        placed_by = (*company_lookup.fields, company_lookup.address) if company_lookup else ()
        if placed_by and not any(body.get(name) for name in placed_by):
            msg = f"a new {self.model.name} needs {' or '.join(placed_by)}: Planhat would drop the row without a word"
            raise RefusedRowError(msg)
        groups = self.model.required_any
        if groups and not any(all(body.get(name) is not None for name in group) for group in groups):
            msg = f"a new {self.model.name} needs {' or '.join(' and '.join(group) for group in groups)}"
            raise RefusedRowError(msg)
