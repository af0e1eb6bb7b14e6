"""Converts records to the types in the schema of their stream.

Loaders with typed columns need this, because Planhat answers ids as text or as objects, dates as ISO text or as
milliseconds, and numbers as text (B36, B41-B44). The column ``_planhat_original`` keeps what was converted.
"""

from __future__ import annotations

import codecs
import json
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_planhat.records.learned_check import LearnedCheck, kind_of
from tap_planhat.records.record_types import DAY, EPOCH_DAY, MOMENT, record_type
from tap_planhat.records.schemas import ORIGINAL
from tap_planhat.records.values import (
    to_array_of,
    to_boolean,
    to_epoch_day,
    to_moment,
    to_number,
    to_object,
    to_referring_object,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Converter = Callable[[Any], Any]

Record = dict[str, Any]
Schema = dict[str, Any]

_SIMPLE: Mapping[str, Converter] = {"string": to_text, "number": to_number, "boolean": to_boolean, "object": to_object}
_CUSTOM = "custom"
_BARE_OFFSET_LENGTH = len("+0000")
_QUOTE = ord('"')
_LONGEST_INTEGER = 300  # digits; Python refuses integers with several thousand digits, or needs very long for them
_LINE_ENDS = (b"\n", b"\r")


class _AnyObject(msgspec.Struct, gc=False):
    """Matches any JSON object without building it."""


_CHECKED: Mapping[str, Any] = {"string": str, "number": float, "boolean": bool, "object": _AnyObject}


class RecordConverter:
    """Converts the records of one stream.

    Args:
        schema: The stream's JSON Schema in the catalog.
        epoch_days: Fields that count days since 1970-01-01.
        custom_days: Custom fields that count days since 1970-01-01.
        secret: Fields that are removed from every record.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        epoch_days: Collection[str] = (),
        custom_days: Collection[str] = (),
        secret: Collection[str] = (),
    ) -> None:
        """Prepare the converters and the type checks."""
        properties = {name: field for name, field in schema.get("properties", {}).items() if name != ORIGINAL}
        properties = _with_days(properties, epoch_days)
        if custom := (properties.get(_CUSTOM) or {}).get("properties"):
            properties[_CUSTOM] = {**properties[_CUSTOM], "properties": _with_days(custom, custom_days)}
        self._secret = frozenset(secret)
        self._fields = {name: _converter(field) for name, field in properties.items()}
        self._nested = {
            name: {inner: _converter(inner_field) for inner, inner_field in field["properties"].items()}
            for name, field in properties.items()
            if field.get("properties")
        }
        self._learned = LearnedCheck(properties, self._secret)
        self._check = msgspec.json.Decoder(_record_type(properties, self._secret)).decode

    def conforming_ids(self, body: bytes, records: Sequence[msgspec.Raw]) -> Sequence[str] | None:
        """``_id`` of each record of an answer if all records can pass unchanged; None if that is not certain."""
        ids = self._learned.ids(records)
        return ids if ids is not None and is_plain(body) else None

    def all_conform(self, records: Sequence[msgspec.Raw]) -> bool:
        """Whether every record already has the types of the schema and is UTF-8; see also ``is_plain``."""
        if self._learned.ids(records) is not None:
            return True
        if not self.fields_conform(records) or not all(map(is_utf8, records)):
            return False
        self._learned.learn(records)
        return True

    def fields_conform(self, records: Sequence[msgspec.Raw]) -> bool:
        """Whether the declared fields of every record already have their types; see also ``is_plain``."""
        try:
            # One by one: each reuses the memory of the one before, which is much faster than keeping all of them.
            deque(map(self._check, records), maxlen=0)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
            return False
        return True

    def convert(self, record: Record) -> Record:
        """The record with the types of the schema; the same object if nothing had to be converted."""
        originals: Record = {}
        changed: Record = {}
        for name, value in record.items():
            if name not in self._fields:
                continue
            converted, original = self._converted(name, value)
            if converted is not value:
                changed[name] = converted
                originals[name] = original
        if not self._secret.isdisjoint(record):
            record = {name: value for name, value in record.items() if name not in self._secret}
        if not changed:
            return record
        return {**record, **changed, ORIGINAL: {**(record.get(ORIGINAL) or {}), **originals}}

    def _converted(self, name: str, value: object) -> tuple[Any, Any]:
        """The converted value, and the part of the value to keep as the original."""
        if value is None:
            return None, None
        converted = self._fields[name](value)
        if converted is None or name not in self._nested:
            return converted, value
        converters = self._nested[name]
        changed = {}
        for inner, inner_value in converted.items():
            if inner_value is None or inner not in converters:
                continue
            inner_converted = converters[inner](inner_value)
            if inner_converted is not inner_value:
                changed[inner] = inner_converted
        if not changed:
            return converted, value
        return {**converted, **changed}, {inner: converted[inner] for inner in changed}


def decode_record(body: bytes) -> Record:
    """Decode one record, also if a strict decoder refuses it: huge numbers, bytes that are not UTF-8."""
    try:
        record: Record = msgspec.json.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        record = json.loads(body.decode(errors="replace"), parse_float=_exact_when_huge, parse_int=_integer)
    return record


def is_utf8(text: bytes | msgspec.Raw) -> bool:
    """Whether bytes are valid UTF-8; the type check does not look at fields that are not declared."""
    try:
        codecs.utf_8_decode(text, "strict", True)  # noqa: FBT003 - takes no keywords
    except UnicodeDecodeError:
        return False
    return True


def is_plain(body: bytes) -> bool:
    """Whether JSON text is free of two faults that the type checks do not find.

    Line ends between tokens would break the lines of the output. An offset without a colon, as in ``+0000``, passes the
    type check for dates; only ``+`` is searched for, because Planhat's dates are in UTC (B40).
    """
    return not any(end in body for end in _LINE_ENDS) and not _has_bare_offset(body)


def _has_bare_offset(body: bytes) -> bool:
    at = body.find(b"+")
    last = len(body) - _BARE_OFFSET_LENGTH - 1
    while 0 <= at <= last:
        end = at + _BARE_OFFSET_LENGTH
        if body[end] == _QUOTE and body[at + 1 : end].isdigit():
            return True
        at = body.find(b"+", at + 1)
    return False


def _with_days(properties: Mapping[str, Schema], days: Collection[str]) -> dict[str, Schema]:
    """Add the format of days to the fields that count days. Catalogs lack it because no loader knows this format."""
    return {name: {**field, "format": EPOCH_DAY} if name in days else field for name, field in properties.items()}


def _converter(schema: Schema) -> Converter:
    kind = kind_of(schema)
    if schema.get("format") == EPOCH_DAY:
        return to_epoch_day
    if kind == "string":
        return to_moment if schema.get("format") == "date-time" else to_text
    if kind == "array":
        items = schema.get("items")
        if not items:
            return to_array_of(None)
        return to_array_of(to_referring_object if kind_of(items) == "object" else _converter(items))
    return _SIMPLE.get(kind, _unchanged)


def _unchanged(value: object) -> object:
    return value


def _record_type(properties: Mapping[str, Schema], refused: Collection[str] = ()) -> type[msgspec.Struct]:
    """A type that decodes only records whose declared fields have the declared types or are null."""
    fields = {field: _checked(schema) for field, schema in properties.items()}
    fields |= {field: msgspec.UnsetType for field in refused if field not in properties}
    return record_type(fields, closed=False)


def _checked(schema: Schema) -> object:
    kind = kind_of(schema)
    if kind == "string" and schema.get("format") == "date-time":
        return MOMENT | None
    if kind == "number" and schema.get("format") == EPOCH_DAY:
        return DAY | None
    if kind == "object" and schema.get("properties"):
        return _record_type(schema["properties"]) | None
    if kind == "array":
        items = schema.get("items")
        return (list[_checked(items)] if items else list[msgspec.Raw]) | None  # type: ignore[misc]
    return _CHECKED[kind] | None if kind in _CHECKED else msgspec.Raw


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INTEGER else Decimal(text)


def _exact_when_huge(text: str) -> float | Decimal:
    number = float(text)
    return number if number - number == 0 else Decimal(text)
