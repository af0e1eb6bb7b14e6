"""Builds rows from messages that are still bytes: one decode by a generated type, one encode.

The generated type takes a message only if every column is known and of its declared type. Anything else, and any row
that must be refused, is handed back for the general path, which gives the same row or the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from planhat_api import Row
from target_planhat.keys import UNIQUE_IN_COMPANY
from target_planhat.mapping import DELETED_AT, Slot, declared_types
from target_planhat.rejects import REJECTION
from target_planhat.schema_types import NoTypeError, column_type, is_plain, struct, union
from target_planhat.values import NUMBER, OBJECT, UnfitValueError, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from target_planhat.mapping import Source
    from target_planhat.row import StreamPlan
    from target_planhat.schema_types import JsonType
    from target_planhat.values import Kind

__all__ = ["FastRows", "QuickCheck"]

_TOP_LEVEL = {"properties", "additionalProperties", "required", "$schema"}


@dataclass
class _Column:
    """A column of a generated type.

    Attributes:
        name: Name in the record.
        kind: What it may hold, null aside.
        nullable: Whether it may be null.
        required: Whether it must be there.
        slot: Where it goes; None when it is left out.
        convert: Makes the value what the field holds.
        members: The shape of an object that is converted member by member.
    """

    name: str
    kind: JsonType
    nullable: bool
    required: bool = False
    slot: Slot | None = None
    convert: Callable[[Any], Any] | None = None
    members: _Shape | None = None

    def field(self, name: str) -> tuple[Any, ...]:
        """The field of a generated class; a null that is left out is its default, which is not encoded."""
        kind = union([self.kind, None]) if self.nullable and self.kind is not Any else self.kind
        return (name, kind) if self.required else (name, kind, None)


class _Shape:
    """How an object is read, and how it is written."""

    def __init__(self, columns: Iterable[_Column], constants: Mapping[Slot, Any]) -> None:
        # Fields without default come first, as in any class.
        self.columns = sorted(columns, key=lambda column: not column.required)
        names = {f"f{place}": column.name for place, column in enumerate(self.columns)}
        self.read = struct("Read", [column.field(f"f{place}") for place, column in enumerate(self.columns)], names)
        self._converts = [
            (f"f{place}", column.convert) for place, column in enumerate(self.columns) if column.convert is not None
        ]
        self._objects = [
            (f"f{place}", column.members) for place, column in enumerate(self.columns) if column.members is not None
        ]
        self._fields = [
            (place, column.slot.name)
            for place, column in enumerate(self.columns)
            if column.slot is not None and not column.slot.custom
        ]
        self._custom = [
            (place, column.slot.name)
            for place, column in enumerate(self.columns)
            if column.slot is not None and column.slot.custom
        ]
        self._constants = [value for slot, value in constants.items() if not slot.custom]
        self._custom_constants = [value for slot, value in constants.items() if slot.custom]
        same = all(
            column.slot is not None
            and column.slot.name == column.name
            and not column.slot.custom
            and not (column.required and column.nullable)
            for column in self.columns
        )
        self.same = same and not constants
        self._writes(constants)

    def _writes(self, constants: Mapping[Slot, Any]) -> None:
        names = [name for _, name in self._fields] + [slot.name for slot in constants if not slot.custom]
        customs = [name for _, name in self._custom] + [slot.name for slot in constants if slot.custom]
        self._write_custom = _written(customs) if customs else None
        self._write = _written([*names, "custom"] if customs else names)

    def attribute(self, name: str) -> str | None:
        """Where a record holds the value of a field."""
        return next((f"f{place}" for place, found in self._fields if found == name), None)

    def written(self, record: msgspec.Struct) -> msgspec.Struct:
        """The object to encode.

        Raises:
            UnfitValueError: A value cannot become what its field holds.
        """
        for attribute, convert in self._converts:
            value = getattr(record, attribute)
            if value is not None:
                setattr(record, attribute, convert(value))
        for attribute, members in self._objects:
            value = getattr(record, attribute)
            if value is not None:
                setattr(record, attribute, _unless_empty(members.written(value)))
        if self.same:
            return record
        values = msgspec.structs.astuple(record)
        fields = [values[place] for place, _ in self._fields]
        if self._constants:
            fields += self._constants
        if self._write_custom is not None:
            customs = [values[place] for place, _ in self._custom]
            fields.append(_unless_empty(self._write_custom(*customs, *self._custom_constants)))
        return self._write(*fields)


def _written(names: Sequence[str]) -> type[msgspec.Struct]:
    fields = [(f"f{place}", Any, None) for place in range(len(names))]
    return struct("Written", fields, {f"f{place}": name for place, name in enumerate(names)}, strict=False)


def _unless_empty(record: msgspec.Struct) -> msgspec.Struct | None:
    """An empty `custom` is never sent (Q8)."""
    for value in msgspec.structs.astuple(record):
        if value is not None:
            return record
    return None


@dataclass(frozen=True)
class QuickCheck:
    """A check of some fields of a row; when it fails the row takes the general path, which knows the reason."""

    fields: tuple[str, ...]
    passes: Callable[..., bool]

    def on(self, shape: _Shape) -> Callable[[msgspec.Struct], bool]:
        """The check of a record.

        Raises:
            NoTypeError: A field has no column.
        """
        attributes = [shape.attribute(name) for name in self.fields]
        if None in attributes or not attributes:
            raise NoTypeError
        read = attrgetter(*(str(attribute) for attribute in attributes))
        passes = self.passes
        if len(attributes) == 1:
            return lambda record: passes(read(record))
        return lambda record: passes(*read(record))


def _message(name: str, record: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """A RECORD message of one stream; one out of a rejects file is not taken, its attempts must be counted."""
    fields = [("type", Literal["RECORD"]), ("stream", Literal[name]), ("record", record), ("rejection", None, None)]
    return struct("Message", fields, {"rejection": REJECTION}, strict=False)


def _columns(stream: StreamPlan, schema: Mapping[str, Any], keys: Sequence[str]) -> Iterator[_Column]:
    """The columns of a stream as a generated type takes them.

    Raises:
        NoTypeError: A column, or what becomes of it, needs the general path.
    """
    properties = schema["properties"]
    required = {*schema.get("required", ()), *keys}
    sources = {source.column: source for source in stream.plan.sources}
    slots = {source.slot for source in sources.values()}
    if not is_plain(schema, _TOP_LEVEL) or not required <= set(properties) or len(slots) < len(sources):
        raise NoTypeError
    if stream.settings.nulls == "clear" or stream.settings.clear:
        raise NoTypeError
    for name, column in properties.items():
        source = sources.get(name)
        made = _column(name, column, source, stream)
        made.required = name in required
        if source is not None and source.slot.name not in stream.rule.left_out:
            made.slot = source.slot
        yield made


def _column(name: str, schema: Mapping[str, Any], source: Source | None, stream: StreamPlan) -> _Column:
    if name == DELETED_AT:
        # A row that is gone at the source is no upsert.
        return _Column(name, None, nullable=True)
    kind = column_type(schema)
    nullable = kind is Any or "null" in _type_names(schema)
    if source is None:
        return _Column(name, kind, nullable)
    if source.slot == Slot("custom"):
        members = _custom_members(schema, stream)
        return _Column(name, members.read, nullable, members=members)
    return _placed(_Column(name, kind, nullable), schema, source.kind)


def _placed(column: _Column, schema: Mapping[str, Any], kind: Kind) -> _Column:
    """Narrow a column to what its field takes, or have it converted."""
    names = declared_types(schema)
    if not kind.json:
        return column
    if not names or kind.json in names or (kind.json == "number" and "integer" in names):
        if kind is OBJECT and column.kind is not Any and not is_plain(schema, {"additionalProperties"}):
            raise NoTypeError
        if kind.json == "array" and not _allows_items(schema, kind):
            raise NoTypeError
        column.kind = kind.passes if kind.quick is None else kind.quick
        column.convert = None if kind.quick is None else kind.convert
        if kind is NUMBER and names and "number" not in names:
            column.kind = int
    elif names & {"object", "array"}:
        # What is inside stays bytes, which nothing can convert.
        raise NoTypeError
    else:
        column.convert = kind.convert
    return column


def _allows_items(schema: Mapping[str, Any], kind: Kind) -> bool:
    """Whether the items that pass are items the schema allows."""
    items = schema.get("items", {})
    names = declared_types(items) if isinstance(items, dict) else frozenset()
    wanted = "object" if kind.item_json == "" else kind.item_json
    return not names or (wanted in names and is_plain(items, {"additionalProperties"}))


def _type_names(schema: Mapping[str, Any]) -> set[str]:
    names = schema.get("type", ())
    found = {names} if isinstance(names, str) else set(names)
    return found.union(*(_type_names(branch) for branch in schema.get("anyOf", ())))


def _custom_members(schema: Mapping[str, Any], stream: StreamPlan) -> _Shape:
    """The members of `custom`: those the schema names, else those the tenant has.

    Raises:
        NoTypeError: The tenant does not tell its fields.
    """
    names = stream.resolver.custom
    if names.kinds is None or not is_plain(schema, {"properties", "additionalProperties"}):
        raise NoTypeError
    declared = schema.get("properties") or {name: {} for name in (*names.kinds, *names.formulas)}
    columns = []
    for name, member in declared.items():
        found = names.find(name)
        if found is None:
            # Not taken, so that a record which holds it goes the general way.
            continue
        kind = column_type(member)
        column = _Column(name, kind, kind is Any or "null" in _type_names(member))
        if found not in names.formulas:
            column = _placed(column, member, names.kind(found))
            column.slot = Slot(found)
        columns.append(column)
    return _Shape(columns, {})


class FastRows:
    """Rows of one stream from messages as bytes."""

    def __init__(
        self,
        stream: StreamPlan,
        schema: Mapping[str, Any],
        name: str,
        keys: Sequence[str],
        check: QuickCheck | None = None,
    ) -> None:
        """Generate the type.

        Args:
            stream: What is known of the stream.
            schema: The schema the tap announced.
            name: Name of the stream in its messages.
            keys: Columns every record must have.
            check: A further check.

        Raises:
            NoTypeError: The stream needs the general path.
        """
        shape = _Shape(list(_columns(stream, schema, keys)), stream.plan.constants)
        self._written = shape.written
        self._decode = msgspec.json.Decoder(_message(name, shape.read)).decode
        rule = stream.rule
        self._keyables = tuple(
            (key, attribute) for key in rule.keyables if (attribute := shape.attribute(key)) is not None
        )
        self._company = shape.attribute(rule.company) if rule.company else None
        self._rule = rule
        self._needs_match = rule.needs_key or bool(stream.model.required or stream.model.required_any)
        self._passes: Callable[[msgspec.Struct], bool] | None = None
        if check:
            self._passes = check.on(shape)

    def build(self, line: bytes) -> tuple[Row, tuple[str, ...] | None] | None:
        """The row of a message, with what identifies it in its batch; None when it takes the general path."""
        try:
            record = self._decode(line).record  # type: ignore[attr-defined] # a generated class
            written = self._written(record)
        except (msgspec.MsgspecError, UnfitValueError):
            return None
        if self._passes is not None and not self._passes(record):
            return None
        keys = {}
        for key, attribute in self._keyables:
            value = getattr(record, attribute)
            if value:
                keys[key] = value
        match = None
        if keys:
            name, value = next(iter(keys.items()))
            company = getattr(record, self._company) if self._company and name in UNIQUE_IN_COMPANY else None
            match = (name, value, company) if isinstance(company, str) else (name, value)
        elif self._needs_match:
            return None
        return Row(encode(written), keys), match
