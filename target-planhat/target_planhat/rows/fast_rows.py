"""Builds rows from messages that are still bytes, many at a time.

A generated type takes a message only if every column is known and of its declared type. A record that nothing changes
is sent as the bytes that came in; one with nulls, renamed or converted columns is encoded anew. Anything else, and any
row that must be refused, is handed back for the general path, which gives the same row or the reason.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from planhat_api.bulk.held_keys import UNIQUE_IN_COMPANY
from target_planhat.record_line import UNREADABLE
from target_planhat.rows.item import Item
from target_planhat.rows.row_types import bare_message_type, columns_of, message_type
from target_planhat.rows.schema_types import NoTypeError, struct
from target_planhat.rows.values import UnfitValueError, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_planhat.rows.keys import KeyRule
    from target_planhat.rows.mapping import Slot
    from target_planhat.rows.row import StreamPlan
    from target_planhat.rows.row_types import Column
    from target_planhat.rows.values import Kind

__all__ = ["FastRows", "QuickCheck", "leading"]

MOST_AT_ONCE = 1_000
"""Messages looked at together; what they hold in memory is given back before the next."""
_FEWEST_AT_ONCE = 8

_LONG_RUN = 200

_Decode: TypeAlias = "Callable[[bytes | msgspec.Raw], Any]"


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
            except UnfitValueError:
                return place
            if converted != value:
                setattr(records[place], self.attribute, converted)
                changed.add(place)
        return good


class _Shape:
    """How an object is read, and how it is written."""

    def __init__(self, columns: Sequence[Column], constants: Mapping[Slot, Any]) -> None:
        # Fields without default come first, as in any class.
        self.columns = sorted(columns, key=lambda column: not column.required)
        self._objects: list[tuple[str, _Shape]] = []
        self._conversions: list[_Conversion] = []
        attributes = {column.name: f"f{place}" for place, column in enumerate(self.columns)}
        self._filled = [attrgetter(attributes[column.unless]) for column in self.columns if column.unless]
        for place, column in enumerate(self.columns):
            attribute = f"f{place}"
            if column.members is not None:
                members = _Shape(column.members, {})
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


@dataclass(frozen=True)
class QuickCheck:
    """A check of some fields of many rows.

    Attributes:
        fields: Fields it looks at.
        good: Given the values of each field, tells how many rows from the first pass.
    """

    fields: tuple[str, ...]
    good: Callable[..., int]


def leading(values: Sequence[object]) -> int:
    """How many values from the first are not empty."""
    return next((place for place, value in enumerate(values) if not value), len(values))


def _dicts(names: Sequence[str], columns: Sequence[list[str]]) -> list[dict[str, str]]:
    """A dict for each row; for up to three keys written out, which takes half the time."""
    if len(names) == 1:
        (first,) = names
        return [{first: value} for value in columns[0]]
    if len(names) == 2:  # noqa: PLR2004 # as many as below
        first, second = names
        return [{first: one, second: two} for one, two in zip(*columns, strict=True)]
    if len(names) == 3:  # noqa: PLR2004 # as many as below
        first, second, third = names
        return [{first: one, second: two, third: three} for one, two, three in zip(*columns, strict=True)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


@dataclass(frozen=True)
class _Keys:
    """Reads the keys of rows."""

    names: tuple[str, ...]
    readers: tuple[Callable[[Any], Any], ...]
    company: Callable[[Any], Any] | None

    @classmethod
    def of(cls, rule: KeyRule, shape: _Shape) -> _Keys:
        """The keys of a rule that have a column."""
        held = [(name, reader) for name in rule.keyables if (reader := shape.reader(name)) is not None]
        company = shape.reader(rule.company) if rule.company else None
        return cls(tuple(name for name, _ in held), tuple(reader for _, reader in held), company)

    def read(self, records: Sequence[Any]) -> list[dict[str, str]]:
        """The keys each row carries."""
        if not self.names:
            return [{} for _ in records]
        columns = [list(map(reader, records)) for reader in self.readers]
        names = self.names
        if all(map(all, columns)):
            return _dicts(names, columns)
        return [
            {name: value for name, value in zip(names, values, strict=True) if value}
            for values in zip(*columns, strict=True)
        ]

    def matches(self, records: Sequence[Any]) -> list[tuple[str, ...] | None]:
        """What identifies each row among the rows of a batch."""
        if not self.names:
            return [None] * len(records)
        first = list(map(self.readers[0], records))
        if all(first) and not (self.company and self.names[0] in UNIQUE_IN_COMPANY):
            name = self.names[0]
            return [(name, value) for value in first]
        return list(map(self._match, records))

    def _match(self, record: Any) -> tuple[str, ...] | None:  # noqa: ANN401 # of a generated class
        for name, reader in zip(self.names, self.readers, strict=True):
            value = reader(record)
            if value:
                company = self.company(record) if self.company is not None and name in UNIQUE_IN_COMPANY else None
                return (name, value, company) if isinstance(company, str) else (name, value)
        return None


_NO_KEYS: dict[str, str] = {}


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
        """Generate the types.

        Args:
            stream: What is known of the stream.
            schema: The schema the tap announced.
            name: Name of the stream in its messages.
            keys: Columns every record must have.
            check: A further check.

        Raises:
            NoTypeError: The stream needs the general path.
        """
        self._shape = _Shape(list(columns_of(stream, schema, keys)), stream.plan.constants)
        self._decode: _Decode = msgspec.json.Decoder(message_type(name, self._shape.type)).decode
        self._whole = _WholeRecords(name, self._shape) if self._shape.keeps_bytes else None
        self._keys = _Keys.of(stream.rule, self._shape)
        self._is_upsert = bool(stream.model.keyables)
        self._needs_key = stream.rule.needs_key or bool(stream.model.required or stream.model.required_any)
        self._at_once = MOST_AT_ONCE
        self._check: Callable[..., int] | None = None
        if check:
            readers = [self._shape.reader(field) for field in check.fields]
            if None in readers:
                raise NoTypeError
            self._check_readers = [reader for reader in readers if reader is not None]
            self._check = check.good

    def build(self, lines: Sequence[bytes], start: int = 0) -> list[Item]:
        """The rows of messages, from a place on; fewer than there are when one needs the general path."""
        if self._whole is not None:
            records, sources, bodies = self._whole.read(lines, start, self._at_once)
            # Records with nulls between others would make many small runs; those go through `_read` together.
            rest = start + len(records)
            if records and (len(records) >= _LONG_RUN or rest == len(lines) or not self._whole.may_take(lines[rest])):
                return self._items(records, sources, bodies)
        return self._items(*self._read(lines, start), None)

    def _read(self, lines: Sequence[bytes], start: int) -> tuple[list[Any], Sequence[bytes]]:
        records: list[Any] = []
        decode = self._decode
        # An error leaves what came before it: that message goes the general way.
        with suppress(*UNREADABLE):
            records.extend(decode(line).record for line in lines[start : start + self._at_once])
        return records, lines[start : start + len(records)]

    def _items(self, records: list[Any], sources: Sequence[bytes], bodies: list[bytes] | None) -> list[Item]:
        """The items of records that came out of these messages.

        Args:
            records: Records, of a generated class.
            sources: Their messages.
            bodies: The same records as bytes, which are the rows if nothing has to be changed.
        """
        good, changed = self._shape.settle(records)
        if self._check is not None:
            good = min(good, self._check(*(list(map(reader, records)) for reader in self._check_readers)))
        if bodies is not None and self._shape.holds_empty_objects(records):
            bodies = None
        matches = self._keys.matches(records)
        if self._needs_key and None in matches:
            good = min(good, matches.index(None))
        # What is read beyond a row that needs the general path is read again, and such a row is seldom the only one.
        self._at_once = min(MOST_AT_ONCE, 2 * self._at_once)
        if good < len(records):
            self._at_once = min(self._at_once, max(_FEWEST_AT_ONCE, 2 * good))
            records, sources, matches = records[:good], sources[:good], matches[:good]
        keys = self._keys.read(records) if self._is_upsert else [_NO_KEYS] * len(records)
        written = self._shape.written
        if bodies is None:
            bodies = [encode(written(record)) for record in records]
        else:
            for place in changed:
                bodies[place] = encode(written(records[place])) if place < good else b""
        return [
            Item(body, found, match, source, True)  # noqa: FBT003 # by place: quick to make
            for body, found, match, source in zip(bodies, keys, matches, sources, strict=False)
        ]


class _WholeRecords:
    """Cuts records out of messages of the usual form, for streams whose records can be rows as they stand."""

    def __init__(self, name: str, shape: _Shape) -> None:
        self._decode: _Decode = msgspec.json.Decoder(bare_message_type(name, shape.type_without_nulls)).decode
        quoted = encode(name).decode()
        self._forms = (
            (f'{{"type":"RECORD","stream":{quoted},"record":'.encode(), ',"time_extracted":"'),
            (f'{{"type": "RECORD", "stream": {quoted}, "record": '.encode(), ', "time_extracted": "'),
        )

    def may_take(self, line: bytes) -> bool:
        """Whether a message begins as those do whose records can be cut out."""
        return any(line.startswith(head) for head, _ in self._forms)

    def read(self, lines: Sequence[bytes], start: int, most: int) -> tuple[list[Any], Sequence[bytes], list[bytes]]:
        """So many messages from a place on, up to one that is not of the usual form or holds a null.

        The type takes no member of a message but these; none but `record` could stand in what is cut out, and no
        program writes that twice.

        Returns:
            Records of the generated class, their messages, and their bytes.
        """
        form = next((form for form in self._forms if lines[start].startswith(form[0])), None)
        if form is None:
            return [], (), []
        lines = lines[start : start + most]
        messages: list[Any] = []
        # An error leaves what came before it: that message goes another way.
        with suppress(*UNREADABLE):
            messages.extend(map(self._decode, lines))
        head, stamp = form
        bodies: list[bytes] = []
        cut, time, tail = len(head), None, b""
        for line, message in zip(lines, messages, strict=False):
            if message.time_extracted != time:
                time = message.time_extracted
                tail = f'{stamp}{time}"}}\n'.encode() if time else b"}\n"
            if not (line.startswith(head) and line.endswith(tail)):
                break
            bodies.append(line[cut : -len(tail)])
        return [message.record for message in messages[: len(bodies)]], lines[: len(bodies)], bodies
