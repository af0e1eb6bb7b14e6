"""Generated classes by which an object is read and written, and what is done to its values in between."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.values.invalid import InvalidValueError
from target_planhat.rows.fast.schema_types import struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_planhat.rows.fast.columns import Column
    from target_planhat.rows.mapping import Slot
    from target_planhat.rows.values import Kind

__all__ = ["Shape"]


@dataclass(frozen=True)
class _Conversion:
    """A column whose values may need to be converted."""

    attribute: str
    read: Callable[[Any], Any]
    keeps: Callable[[Any], object]
    keeps_all: Callable[[list[Any]], bool]
    kind: Kind

    def settle(self, records: Sequence[msgspec.Struct], good: int, changed: set[int]) -> int:
        """Convert what needs it; the number of records, from the first, that hold what the field takes."""
        values = list(map(self.read, records))
        held = list(filter(None, values))
        if len(held) < len(values):
            held = [value for value in values if value is not None]
        if self.keeps_all(held):
            return good
        keeps = self.keeps
        for place, value in enumerate(values[:good]):
            if value is None or keeps(value):
                continue
            try:
                converted = self.kind.convert(value)
            except InvalidValueError:
                return place
            if converted != value:
                setattr(records[place], self.attribute, converted)
                changed.add(place)
        return good


class Shape:
    """How an object is read, and how it is written."""

    def __init__(self, columns: Sequence[Column], constants: Mapping[Slot, Any]) -> None:
        """Generate the classes.

        Args:
            columns: The members of the object, as they are read.
            constants: Values that every object gets.
        """
        # Fields without default come first, as in any class.
        self.columns = sorted(columns, key=lambda column: not column.required)
        self._objects: list[tuple[str, Shape]] = []
        self._conversions: list[_Conversion] = []
        attributes = {column.name: f"f{place}" for place, column in enumerate(self.columns)}
        self._filled = [attrgetter(attributes[column.unless]) for column in self.columns if column.unless]
        for place, column in enumerate(self.columns):
            attribute = f"f{place}"
            if column.members is not None:
                members = Shape(column.members, {})
                self._objects.append((attribute, members))
            if column.conversion is not None:
                self._conversions.append(
                    _Conversion(attribute, attrgetter(attribute), column.keeps, column.keeps_all, column.conversion)
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
            fields.append(column.field(f"f{place}", nulls=nulls))
        return struct("Read", fields, {f"f{place}": column.name for place, column in enumerate(self.columns)})

    def _plan_writing(self, constants: Mapping[Slot, Any]) -> None:
        placed = [(place, column.slot) for place, column in enumerate(self.columns) if column.slot is not None]
        self._fields = [place for place, slot in placed if not slot.custom]
        self._custom = [place for place, slot in placed if slot.custom]
        self._constants = [value for slot, value in constants.items() if not slot.custom]
        self._custom_constants = [value for slot, value in constants.items() if slot.custom]
        slots = [slot for _, slot in placed] + list(constants)
        names = [slot.name for slot in slots if not slot.custom]
        customs = [slot.name for slot in slots if slot.custom]
        self.renames_nothing = (
            not constants
            and not customs
            and all(column.slot is not None and column.slot.name == column.name for column in self.columns)
        )
        self._write_custom = _written_type(customs) if customs else None
        self._write = _written_type([*names, "custom"] if customs else names)

    @property
    def keeps_bytes(self) -> bool:
        """Whether a record without nulls, whose values need no conversion, is the row as it stands."""
        return self.renames_nothing and all(members.keeps_bytes for _, members in self._objects)

    def reader(self, name: str) -> Callable[[Any], Any] | None:
        """Reads the value of a field out of a record; None when it has no column."""
        for place, column in enumerate(self.columns):
            if column.slot is not None and column.slot.name == name and not column.slot.custom:
                return attrgetter(f"f{place}")
        return None

    def settle(self, records: Sequence[msgspec.Struct]) -> tuple[int, set[int]]:
        """Make the values what the fields hold.

        Returns:
            The number of records, from the first, that can be sent, and the places of those that were changed.
        """
        good, changed = len(records), set[int]()
        for read in self._filled:
            filled = list(map(read, records))
            if not all(filled):
                good = min(good, next(place for place, value in enumerate(filled) if not value))
        for conversion in self._conversions:
            good = conversion.settle(records, good, changed)
        for attribute, shape in self._objects:
            values = list(map(attrgetter(attribute), records))
            places: Sequence[int] = range(len(values))
            held = list(filter(None, values))
            if len(held) < len(values):
                places = [place for place, value in enumerate(values) if value is not None]
            fine, touched = shape.settle(held)
            if fine < len(held):
                good = min(good, places[fine])
            changed.update(places[place] for place in touched)
        return good, changed

    def holds_empty_objects(self, records: Sequence[Any]) -> bool:
        """Whether any object in these records has no members."""
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
    """An empty `custom` is never sent (Q8)."""
    for value in msgspec.structs.astuple(record):
        if value is not None:
            return record
    return None
