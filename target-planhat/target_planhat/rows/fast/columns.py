"""The generated types that decide which records of a stream need no look at each value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from target_planhat.record_line import REJECTION
from target_planhat.rows.fast.schema_types import (
    NoTypeError,
    bounded,
    column_type,
    is_any_of,
    is_plain,
    struct,
    union,
    without_null,
)
from target_planhat.rows.mapping import Slot, declared_types
from target_planhat.rows.values import NUMBER, OBJECT, never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import msgspec

    from target_planhat.rows.builder import StreamPlan
    from target_planhat.rows.fast.schema_types import JsonType
    from target_planhat.rows.mapping import Source
    from target_planhat.rows.values import Kind

__all__ = ["Column", "bare_message_type", "columns_of", "message_type"]


@dataclass
class Column:
    """A column of a generated type.

    Attributes:
        name: Name in the record.
        kind: What it may hold, null aside.
        nullable: Whether it may be null.
        required: Whether it must be there.
        slot: Where it goes; None when it is left out.
        conversion: The kind of field whose `convert` the values need, unless its `keeps` says that one can stay.
        members: The columns of an object that is looked at member by member.
        unless: The column that fills the same field first. A record in which that one is empty is not taken.
        exact: Whether the type takes no value that the schema forbids.
    """

    name: str
    kind: JsonType
    nullable: bool
    required: bool = False
    slot: Slot | None = None
    conversion: Kind | None = None
    keeps: Callable[[Any], object] = never
    keeps_all: Callable[[list[Any]], bool] = never
    members: list[Column] | None = None
    unless: str | None = None
    exact: bool = True

    def field(self, name: str, *, nulls: bool) -> tuple[Any, ...]:
        """The field of a generated class; a null that is left out is its default, which is not encoded.

        Args:
            name: Name of the field.
            nulls: Whether nulls are taken at all. Those of a column that is left out always are.
        """
        kind = without_null(bounded(self.kind))
        if self.required:
            # A null here would be encoded, so it is not taken.
            return (name, kind)
        takes_null = self.nullable and (nulls or self.slot is None)
        return (name, union([kind, None]) if takes_null else kind, None)


def message_type(name: str, record: JsonType) -> type[msgspec.Struct]:
    """A RECORD message of one stream; one out of a rejects file is not taken, its attempts must be counted."""
    fields = [("type", Literal["RECORD"]), ("stream", Literal[name]), ("record", record), ("rejection", None, None)]
    return struct("Message", fields, {"rejection": REJECTION}, strict=False)


def bare_message_type(name: str, record: JsonType) -> type[msgspec.Struct]:
    """A RECORD message with nothing else in it but the time of extraction."""
    fields = [("type", Literal["RECORD"]), ("stream", Literal[name]), ("record", record)]
    return struct("BareMessage", [*fields, ("time_extracted", str, "")], {})


def columns_of(stream: StreamPlan, schema: Mapping[str, Any], keys: Sequence[str]) -> Iterator[Column]:
    """The columns of a stream as a generated type takes them.

    Raises:
        NoTypeError: A column, or what becomes of it, needs the general path.
    """
    properties = schema["properties"]
    required = {*schema.get("required", ()), *keys}
    sources = {source.column: source for source in stream.plan.sources}
    first: dict[Slot, str] = {}
    for placed in stream.plan.sources:
        first.setdefault(placed.slot, placed.column)
    if not required <= set(properties):
        message = "its schema requires columns that it does not declare"
        raise NoTypeError(message)
    for name, column in properties.items():
        source = sources.get(name)
        try:
            if source is not None and first[source.slot] != name:
                made = _second_column(name, column, first[source.slot])
            else:
                made = _column(name, column, source, stream)
        except NoTypeError as err:
            message = f"column {name!r}: {err}"
            raise NoTypeError(message) from None
        made.required = name in required
        if source is not None and made.unless is None and source.slot.name not in stream.rule.left_out:
            made.slot = source.slot
        yield made


def _second_column(name: str, schema: Mapping[str, Any], first: str) -> Column:
    """A column whose value counts only where another one is empty."""
    kind, exact = column_type(schema)
    # A value that the field could not take would have the record refused: those are left to the general path.
    plain = kind if kind is not Any else str | int | float
    return Column(name, plain, _takes_null(schema), unless=first, exact=exact)


def _column(name: str, schema: Mapping[str, Any], source: Source | None, stream: StreamPlan) -> Column:
    kind, exact = column_type(schema)
    column = Column(name, kind, _takes_null(schema), exact=exact)
    mark = stream.marks.kind(name)
    if mark is not None:
        return _marked(column, mark, source)
    if source is None:
        return column
    if source.slot == Slot("custom"):
        return _with_members(column, schema, stream)
    return _placed(column, schema, source.kind)


def _marked(column: Column, mark: Kind, source: Source | None) -> Column:
    """A row that is gone at the source is no upsert: it is left to the general path."""
    if source is not None:
        message = "it marks rows as deleted and fills a field as well"
        raise NoTypeError(message)
    column.conversion, column.keeps, column.keeps_all = mark, mark.keeps, mark.keeps_all
    return column


def _placed(column: Column, schema: Mapping[str, Any], kind: Kind) -> Column:
    """Narrow a column to what its field takes, or have it converted."""
    names = declared_types(schema)
    if not kind.json:
        return column
    if not names or kind.json in names or (kind.json == "number" and "integer" in names):
        if not _allows_all(column, schema, kind):
            column.exact = False
        column.kind = kind.passes if kind.quick is None else kind.quick
        if kind.quick is not None:
            column.conversion, column.keeps, column.keeps_all = kind, kind.keeps, kind.keeps_all
        if kind is NUMBER and names and "number" not in names:
            column.kind = int
    elif names & {"object", "array"}:
        # What is inside stays bytes, which nothing can convert.
        message = f"it holds objects or arrays, and its field holds a {kind.name}"
        raise NoTypeError(message)
    else:
        column.conversion = kind
    return column


def _allows_all(column: Column, schema: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a schema allows all that passes for a field, as far as its type does not say so."""
    if column.kind is Any:
        return True
    if not declared_types(schema):
        # It takes null alone.
        return False
    if kind is OBJECT:
        return is_plain(schema, {"additionalProperties"})
    return kind.json != "array" or (is_plain(schema, {"items"}) and _allows_items(schema, kind))


def _allows_items(schema: Mapping[str, Any], kind: Kind) -> bool:
    """Whether the items that pass are items the schema allows."""
    items = schema.get("items", {})
    names = declared_types(items) if isinstance(items, dict) else frozenset()
    wanted = "object" if kind.item_json == "" else kind.item_json
    return not names or (wanted in names and is_plain(items, {"additionalProperties"}))


def _named_types(schema: Mapping[str, Any]) -> Sequence[str]:
    """The types that a schema names itself, not in a choice between others."""
    names = schema.get("type", ())
    return [names] if isinstance(names, str) else names


def _takes_null(schema: object) -> bool:
    """Whether the type that `column_type` gives for a schema takes null."""
    if not isinstance(schema, dict):
        return True
    if "type" in schema:
        return "null" in _named_types(schema)
    return not is_any_of(schema) or any(map(_takes_null, schema["anyOf"]))


def _with_members(column: Column, schema: Mapping[str, Any], stream: StreamPlan) -> Column:
    """The column of all custom fields, with the members its schema names, else those the tenant has.

    Raises:
        NoTypeError: The tenant does not tell its fields.
    """
    names = stream.resolver.custom
    if names.kinds is None:
        message = "the custom fields of the tenant are not known"
        raise NoTypeError(message)
    column.members = []
    column.exact = column.exact and (column.kind is Any or "object" in _named_types(schema))
    named = schema.get("properties") if isinstance(schema, dict) else None
    for member, declared in (named or {one: {} for one in (*names.kinds, *names.formulas)}).items():
        found = names.find(member)
        if found is None:
            # Not taken, so that a record which holds it goes the general way.
            continue
        kind, exact = column_type(declared)
        made = Column(member, kind, _takes_null(declared), exact=exact)
        if found not in names.formulas:
            made = _placed(made, declared, names.kinds[found])
            made.slot = Slot(found)
        column.exact = column.exact and made.exact
        column.members.append(made)
    return column
