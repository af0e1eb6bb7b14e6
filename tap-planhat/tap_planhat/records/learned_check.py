"""Checks whole records, with all their texts, against a type learned from earlier records."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_planhat.records.record_types import DAY, EPOCH_DAY, MOMENT, record_type

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Schema = Mapping[str, Any]
    Names = dict[str, None]

__all__ = ["LearnedCheck", "kind_of"]

_KEY = "_id"
_TIMES_TO_LEARN = 40
_FAULTS = (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError)
_TYPES: Mapping[str, Any] = {"string": str, "number": float, "boolean": bool, "object": dict[str, Any]}


class LearnedCheck:
    """Checks records with a type that has exactly the fields of the records so far, in their order.

    Decoding is fastest with such a type, and it reads every text of a record. Many threads may check records while one
    of them calls ``learn``.

    Args:
        properties: The declared fields. A field that is not declared may have any value.
        refused: Fields that no record may have.
    """

    def __init__(self, properties: Mapping[str, Schema], refused: Collection[str] = ()) -> None:
        """Accept no record until ``learn`` was called."""
        self._properties = properties
        self._refused = frozenset(refused)
        self._seen: Names = {}
        self._seen_in: dict[str, Names] = {
            name: {} for name, schema in properties.items() if kind_of(schema) == "object"
        }
        self._maps: set[str] = set()  # objects whose fields differ from record to record
        self._left = _TIMES_TO_LEARN
        self._id_of_whole: tuple[Callable[[Any], str], Callable[[msgspec.Raw], Any]] | None = None

    def ids(self, records: Sequence[msgspec.Raw]) -> list[str] | None:
        """``_id`` of each record if all are UTF-8 and have the declared types; None if that is not certain."""
        if self._id_of_whole is None:
            return None
        id_of, decode = self._id_of_whole
        try:
            # One by one: each reuses the memory of the one before, which is much faster than keeping all of them.
            return list(map(id_of, map(decode, records)))
        except _FAULTS:
            return None

    def learn(self, records: Sequence[msgspec.Raw]) -> None:
        """Learn the fields of records that have the declared types and were not accepted."""
        self._left -= 1
        if self._left < 0:
            self._id_of_whole = None
            return
        known = {name: len(names) for name, names in self._seen_in.items() if not self._declared_in(name)}
        try:
            for record in records:
                self._look(msgspec.json.decode(record))
        except _FAULTS:
            return
        if self._id_of_whole is not None:
            self._maps.update(name for name, number in known.items() if number < len(self._seen_in[name]))
        if not self._refused.isdisjoint(self._seen) or _KEY not in self._seen:
            return
        types = {
            name: _closed({inner: _type(self._declared_in(name).get(inner)) for inner in names}) | None
            for name, names in self._seen_in.items()
            if name not in self._maps
        }
        fields = {name: types.get(name) or _type(self._properties.get(name)) for name in self._seen}
        whole = record_type({**fields, _KEY: str}, closed=True, required=_KEY)
        key = next(field for field in msgspec.structs.fields(whole) if field.encode_name == _KEY)
        self._id_of_whole = attrgetter(key.name), msgspec.json.Decoder(whole).decode

    def _look(self, record: dict[str, Any]) -> None:
        self._seen.update(dict.fromkeys(record))
        for name, names in self._seen_in.items():
            names.update(dict.fromkeys(record.get(name) or ()))

    def _declared_in(self, name: str) -> Mapping[str, Schema]:
        return self._properties[name].get("properties") or {}


def kind_of(schema: Schema) -> str:
    """The one type besides null; empty if there is none or more than one."""
    declared = schema.get("type", [])
    kinds = [declared] if isinstance(declared, str) else [kind for kind in declared if kind != "null"]
    return kinds[0] if len(kinds) == 1 else ""


def _closed(fields: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a type made here
    return record_type(fields, closed=True)


def _type(schema: Schema | None) -> Any:  # noqa: ANN401 - a type made here
    kind = kind_of(schema or {})
    if schema and kind == "string" and schema.get("format") == "date-time":
        return MOMENT | None
    if schema and kind == "number" and schema.get("format") == EPOCH_DAY:
        return DAY | None
    if schema and kind == "object" and schema.get("properties"):
        return _closed({name: _type(field) for name, field in schema["properties"].items()}) | None
    if schema and kind == "array":
        items = schema.get("items")
        return list[_type(items) if items else Any] | None  # type: ignore[misc]  # made at run time
    return _TYPES[kind] | None if kind in _TYPES else Any
