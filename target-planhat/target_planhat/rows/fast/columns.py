"""Generates the msgspec types that read the records of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from planhat_api.values.field_type import never
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
from target_planhat.rows.mapping import Field, declared_types
from target_planhat.rows.values import NUMBER, OBJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import msgspec

    from planhat_api.values.field_type import FieldType
    from target_planhat.rows.builder import StreamPlan
    from target_planhat.rows.fast.schema_types import JsonType
    from target_planhat.rows.mapping import Source

__all__ = ["Column", "bare_message_type", "columns_of", "message_type", "number_column"]


@dataclass
class Column:
    """A column of a generated type.

    Attributes:
        name: Name in the record.
        kind: msgspec type of its values, without null.
        nullable: Whether it may be null.
        required: Whether each record must have it.
        field: Its field; None if it is left out.
        conversion: The type whose `convert` the values need, except values for which `keeps` is true.
        members: The members of an object that are converted one by one.
        preferred: The column with the same field and a higher priority. A record in which it is empty needs the general
            path.
        exact: Whether the type accepts only values that the schema allows.
    """

    name: str
    kind: JsonType
    nullable: bool
    required: bool = False
    field: Field | None = None
    conversion: FieldType | None = None
    keeps: Callable[[Any], object] = never
    keeps_all: Callable[[list[Any]], bool] = never
    members: list[Column] | None = None
    preferred: str | None = None
    exact: bool = True

    def class_field(self, name: str, *, nulls: bool) -> tuple[Any, ...]:
        """The field of a generated class. Null is its default, which is not encoded.

        Args:
            name: Name of the field.
            nulls: Whether nulls are accepted. In a column that is left out, they always are.
        """
        kind = without_null(bounded(self.kind))
        if self.required:
            # A null would be encoded here, so it is not accepted.
            return (name, kind)
        takes_null = self.nullable and (nulls or self.field is None)
        return (name, union([kind, None]) if takes_null else kind, None)


def message_type(name: str, record: JsonType) -> type[msgspec.Struct]:
    """A RECORD message of one stream, but not from a rejects file, because its attempts must be counted."""
    fields = [("type", Literal["RECORD"]), ("stream", Literal[name]), ("record", record), ("rejection", None, None)]
    return struct("Message", fields, {"rejection": REJECTION}, strict=False)


def bare_message_type(name: str, record: JsonType) -> type[msgspec.Struct]:
    """A RECORD message with no other members than the time of extraction."""
    fields = [("type", Literal["RECORD"]), ("stream", Literal[name]), ("record", record)]
    return struct("BareMessage", [*fields, ("time_extracted", str, "")], {})


def columns_of(stream: StreamPlan, schema: Mapping[str, Any], keys: Sequence[str]) -> Iterator[Column]:
    """The columns of a stream for a generated type.

    Raises:
        NoTypeError: A column or its field needs the general path.
    """
    properties = schema["properties"]
    required = {*schema.get("required", ()), *keys}
    sources = {source.column: source for source in stream.plan.sources}
    first: dict[Field, str] = {}
    for placed in stream.plan.sources:
        first.setdefault(placed.field, placed.column)
    if not required <= set(properties):
        message = "its schema requires columns that it does not declare"
        raise NoTypeError(message)
    for name, column in properties.items():
        source = sources.get(name)
        try:
            if source is not None and first[source.field] != name:
                made = _second_column(name, column, first[source.field], source.field_type)
            else:
                made = _column(name, column, source, stream)
        except NoTypeError as err:
            message = f"column {name!r}: {err}"
            raise NoTypeError(message) from None
        made.required = name in required
        if source is not None and made.preferred is None and source.field.name not in stream.rule.left_out:
            made.field = source.field
        yield made


def number_column(
    name: str, schema: Mapping[str, Any], source: Source, stream: StreamPlan, *, required: bool
) -> Column:
    """A column of numbers that is not written with the other fields.

    Raises:
        NoTypeError: It needs the general path.
    """
    try:
        made = _column(name, schema, source, stream)
    except NoTypeError as err:
        message = f"column {name!r}: {err}"
        raise NoTypeError(message) from None
    made.required = required
    return made


def _second_column(name: str, schema: Mapping[str, Any], first: str, field_type: FieldType) -> Column:
    """A column whose value is used only if another column is empty."""
    kind, exact = column_type(schema)
    # The record would be rejected for a value that the field does not accept. Such values need the general path. So
    # the value is converted, although the result is not used.
    plain = kind if kind is not Any else str | int | float
    return Column(name, plain, _takes_null(schema), conversion=field_type, preferred=first, exact=exact)


def _column(name: str, schema: Mapping[str, Any], source: Source | None, stream: StreamPlan) -> Column:
    kind, exact = column_type(schema)
    column = Column(name, kind, _takes_null(schema), exact=exact)
    mark = stream.marks.field_type(name)
    if mark is not None:
        return _marked(column, mark, source)
    if source is None:
        return column
    if source.field == Field("custom"):
        return _with_members(column, schema, stream)
    return _placed(column, schema, source.field_type)


def _marked(column: Column, mark: FieldType, source: Source | None) -> Column:
    """The column of a mark. A record that is marked as deleted needs the general path."""
    if source is not None:
        message = "it marks rows as deleted and fills a field as well"
        raise NoTypeError(message)
    column.conversion, column.keeps, column.keeps_all = mark, mark.keeps, mark.keeps_all
    return column


def _placed(column: Column, schema: Mapping[str, Any], field_type: FieldType) -> Column:
    """Limit a column to the values that its field accepts, or note that they need conversion."""
    names = declared_types(schema)
    if not field_type.json:
        return column
    if not names or field_type.json in names or (field_type.json == "number" and "integer" in names):
        if not _allows_all(column, schema, field_type):
            column.exact = False
        column.kind = field_type.passes if field_type.quick is None else field_type.quick
        if field_type.quick is not None:
            column.conversion, column.keeps, column.keeps_all = field_type, field_type.keeps, field_type.keeps_all
        if field_type is NUMBER and names and "number" not in names:
            column.kind = int
    elif names & {"object", "array"}:
        # Objects and arrays cannot be converted here.
        message = f"it contains objects or arrays, and its field has the type {field_type.name}"
        raise NoTypeError(message)
    else:
        column.conversion = field_type
    return column


def _allows_all(column: Column, schema: Mapping[str, Any], field_type: FieldType) -> bool:
    """Whether the schema allows all values that the type of the field accepts."""
    if column.kind is Any:
        return True
    if not declared_types(schema):
        # It allows only null.
        return False
    if field_type is OBJECT:
        return is_plain(schema, {"additionalProperties"})
    return field_type.json != "array" or (is_plain(schema, {"items"}) and _allows_items(schema, field_type))


def _allows_items(schema: Mapping[str, Any], field_type: FieldType) -> bool:
    """Whether the schema allows all items that the type accepts."""
    items = schema.get("items", {})
    names = declared_types(items) if isinstance(items, dict) else frozenset()
    wanted = "object" if field_type.item_json == "" else field_type.item_json
    return not names or (wanted in names and is_plain(items, {"additionalProperties"}))


def _named_types(schema: Mapping[str, Any]) -> Sequence[str]:
    """The types under the keyword `type` of a schema."""
    names = schema.get("type", ())
    return [names] if isinstance(names, str) else names


def _takes_null(schema: object) -> bool:
    """Whether the type that `column_type` gives for a schema accepts null."""
    if not isinstance(schema, dict):
        return True
    if "type" in schema:
        return "null" in _named_types(schema)
    return not is_any_of(schema) or any(map(_takes_null, schema["anyOf"]))


def _with_members(column: Column, schema: Mapping[str, Any], stream: StreamPlan) -> Column:
    """The column `custom`, with the members in its schema, or else with all custom fields of the tenant.

    Raises:
        NoTypeError: The custom fields of the tenant are not known.
    """
    names = stream.resolver.custom
    if names.types is None:
        message = "the custom fields of the tenant are not known"
        raise NoTypeError(message)
    column.members = []
    column.exact = column.exact and (column.kind is Any or "object" in _named_types(schema))
    named = schema.get("properties") if isinstance(schema, dict) else None
    for member, declared in (named or {one: {} for one in (*names.types, *names.formulas)}).items():
        found = names.find(member)
        if found is None:
            # Without a field here, a record with this member needs the general path.
            continue
        kind, exact = column_type(declared)
        made = Column(member, kind, _takes_null(declared), exact=exact)
        if found not in names.formulas:
            made = _placed(made, declared, names.types[found])
            made.field = Field(found)
        column.exact = column.exact and made.exact
        column.members.append(made)
    return column
