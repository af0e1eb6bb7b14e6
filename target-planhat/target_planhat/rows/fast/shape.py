"""Generates the classes that read and write the objects of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.values.invalid import InvalidValueError
from target_planhat.rows.fast.schema_types import struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planhat_api.values.field_type import FieldType
    from target_planhat.rows.fast.columns import Column
    from target_planhat.rows.mapping import Field

__all__ = ["Shape"]


@dataclass(frozen=True)
class _Conversion:
    """A column whose values may need to be converted."""

    attribute: str
    read: Callable[[Any], Any]
    keeps: Callable[[Any], object]
    keeps_all: Callable[[list[Any]], bool]
    kind: FieldType
    sends_nulls: bool

    def convert(self, records: Sequence[msgspec.Struct], good: int, changed: set[int]) -> int:
        """Convert values if necessary. Return how many records before the first invalid value are good."""
        values = list(map(self.read, records))
        present = list(filter(None, values))
        if len(present) < len(values):
            present = [value for value in values if value is not None]
        if self.keeps_all(present):
            return good
        keeps = self.keeps
        for place, value in enumerate(values[:good]):
            if value is None or keeps(value):
                continue
            try:
                converted = self.kind.convert(value)
            except InvalidValueError:
                return place
            if converted is None and self.sends_nulls:
                return place
            if converted != value:
                setattr(records[place], self.attribute, converted)
                changed.add(place)
        return good


class Shape:
    """Reads, converts and writes objects with the same columns."""

    def __init__(self, columns: Sequence[Column], constants: Mapping[Field, Any], *, sends_nulls: bool = False) -> None:
        """Generate the classes.

        Args:
            columns: The members of the objects.
            constants: Values that each object gets.
            sends_nulls: Whether nulls are sent. Then an object with a null after conversion needs the general path.
        """
        # Fields without a default come first, as in each class.
        self.columns = sorted(columns, key=lambda column: not column.required)
        self._objects: list[tuple[str, Shape]] = []
        self._conversions: list[_Conversion] = []
        attributes = {column.name: f"f{place}" for place, column in enumerate(self.columns)}
        self._filled = [attrgetter(attributes[column.preferred]) for column in self.columns if column.preferred]
        for place, column in enumerate(self.columns):
            attribute = f"f{place}"
            if column.members is not None:
                members = Shape(column.members, {}, sends_nulls=sends_nulls)
                self._objects.append((attribute, members))
            if column.conversion is not None:
                self._conversions.append(
                    _Conversion(
                        attribute,
                        attrgetter(attribute),
                        column.keeps,
                        column.keeps_all,
                        column.conversion,
                        sends_nulls,
                    )
                )
        self.type = self._read_type(nulls=True)
        self.type_without_nulls = self._read_type(nulls=False)
        self._empty = None if any(column.required for column in self.columns) else self.type_without_nulls()
        self._plan_writing(constants)

    def _read_type(self, *, nulls: bool) -> type[msgspec.Struct]:
        objects = dict(self._objects)
        fields = []
        for place, column in enumerate(self.columns):
            members = objects.get(f"f{place}")
            if members is not None:
                column.kind = members.type if nulls else members.type_without_nulls
            fields.append(column.class_field(f"f{place}", nulls=nulls))
        return struct("Read", fields, {f"f{place}": column.name for place, column in enumerate(self.columns)})

    def _plan_writing(self, constants: Mapping[Field, Any]) -> None:
        placed = [(place, column.field) for place, column in enumerate(self.columns) if column.field is not None]
        self._fields = [place for place, field in placed if not field.custom]
        self._custom = [place for place, field in placed if field.custom]
        self._constants = [value for field, value in constants.items() if not field.custom]
        self._custom_constants = [value for field, value in constants.items() if field.custom]
        fields = [field for _, field in placed] + list(constants)
        names = [field.name for field in fields if not field.custom]
        customs = [field.name for field in fields if field.custom]
        self.renames_nothing = (
            not constants
            and not customs
            and all(column.field is not None and column.field.name == column.name for column in self.columns)
        )
        self._write_custom = _written_type(customs) if customs else None
        self._write = _written_type([*names, "custom"] if customs else names)

    @property
    def keeps_bytes(self) -> bool:
        """Whether the bytes of a record without nulls are the row, if its values need no conversion."""
        return self.renames_nothing and all(members.keeps_bytes for _, members in self._objects)

    def reader(self, name: str) -> Callable[[Any], Any] | None:
        """A function that reads the value of a field; None if the field has no column."""
        for place, column in enumerate(self.columns):
            if column.field is not None and column.field.name == name and not column.field.custom:
                return attrgetter(f"f{place}")
        return None

    def cells_reader(self, columns: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
        """A function that reads the values of some columns together."""
        places = {column.name: place for place, column in enumerate(self.columns)}
        first, *others = (f"f{places[name]}" for name in columns)
        if others:
            return attrgetter(first, *others)
        read = attrgetter(first)
        return lambda record: (read(record),)

    def convert(self, records: Sequence[msgspec.Struct]) -> tuple[int, set[int]]:
        """Convert the values to the types of the fields.

        Returns:
            The number of good records before the first bad one, and the places of the records that were changed.
        """
        good, changed = len(records), set[int]()
        for read in self._filled:
            filled = list(map(read, records))
            if not all(filled):
                good = min(good, next(place for place, value in enumerate(filled) if not value))
        for conversion in self._conversions:
            good = conversion.convert(records, good, changed)
        for attribute, shape in self._objects:
            values = list(map(attrgetter(attribute), records))
            places: Sequence[int] = range(len(values))
            present = list(filter(None, values))
            if len(present) < len(values):
                places = [place for place, value in enumerate(values) if value is not None]
            fine, touched = shape.convert(present)
            if fine < len(present):
                good = min(good, places[fine])
            changed.update(places[place] for place in touched)
        return good, changed

    def holds_empty_objects(self, records: Sequence[Any]) -> bool:
        """Whether any object in these records is empty."""
        return any(
            shape._empty in map(attrgetter(attribute), records)  # noqa: SLF001 # of the same class
            for attribute, shape in self._objects
        )

    def written(self, record: Any) -> Any:  # noqa: ANN401 # of a generated class
        """The object to encode."""
        for attribute, shape in self._objects:
            value = getattr(record, attribute)
            if value is not None:
                setattr(record, attribute, _unless_empty(shape.written(value)))
        if self.renames_nothing:
            return record
        values = msgspec.structs.astuple(record)
        fields = [values[place] for place in self._fields]
        fields += self._constants
        if self._write_custom is not None:
            customs = [values[place] for place in self._custom]
            fields.append(_unless_empty(self._write_custom(*customs, *self._custom_constants)))
        return self._write(*fields)


def _written_type(names: Sequence[str]) -> type[msgspec.Struct]:
    fields = [(f"f{place}", Any, None) for place in range(len(names))]
    return struct("Written", fields, {f"f{place}": name for place, name in enumerate(names)}, strict=False)


def _unless_empty(record: msgspec.Struct) -> msgspec.Struct | None:
    """The record; None if it is empty, because an empty `custom` is never sent (Q8)."""
    for value in msgspec.structs.astuple(record):
        if value is not None:
            return record
    return None
