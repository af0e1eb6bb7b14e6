"""Checks records whole, every text in them included: faster than a check of some fields and one of all bytes."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Schema = Mapping[str, Any]
    Names = dict[str, None]

__all__ = ["WholeCheck", "kind_of"]

_TIMES_TO_LEARN = 8
_FAULTS = (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError)
_TYPES: Mapping[str, Any] = {"string": str, "number": float, "boolean": bool, "object": dict[str, Any]}


class WholeCheck:
    """A type that has exactly the fields that records were seen to hold, in their order.

    Decoding is fastest with such a type, and leaves no text of a record unread. Records that hold a field that is not
    declared are never taken.

    Args:
        properties: The declared fields.
    """

    def __init__(self, properties: Mapping[str, Schema]) -> None:
        """Takes nothing until it has learned."""
        self._properties = properties
        self._seen: Names = {}
        self._seen_in: dict[str, Names] = {
            name: {} for name, schema in properties.items() if kind_of(schema) == "object" and schema.get("properties")
        }
        self._left = _TIMES_TO_LEARN
        self._decode: Callable[[msgspec.Raw], object] | None = None

    def fit(self, records: Sequence[msgspec.Raw]) -> bool:
        """Whether every record is known to be UTF-8 and to have the declared shape."""
        if self._decode is None:
            return False
        try:
            # One by one: the memory of each goes to the next, which is much faster than to hold them all decoded.
            deque(map(self._decode, records), maxlen=0)
        except _FAULTS:
            return False
        return True

    def learn(self, records: Sequence[msgspec.Raw]) -> None:
        """Look at the fields of records that have the declared shape and were not taken."""
        self._left -= 1
        if self._left < 0:
            self._decode = None
            return
        try:
            for record in records:
                self._look(msgspec.json.decode(record))
        except _FAULTS:
            return
        nested_known = all(names.keys() <= self._declared_in(name).keys() for name, names in self._seen_in.items())
        if not nested_known or not self._seen.keys() <= self._properties.keys():
            self._left = 0
            self._decode = None
            return
        types = {
            name: _struct({inner: _type(self._declared_in(name)[inner]) for inner in names}) | None
            for name, names in self._seen_in.items()
        }
        fields = {name: types.get(name) or _type(self._properties[name]) for name in self._seen}
        self._decode = msgspec.json.Decoder(_struct(fields)).decode

    def _look(self, record: dict[str, Any]) -> None:
        self._seen.update(dict.fromkeys(record))
        for name, names in self._seen_in.items():
            names.update(dict.fromkeys(record.get(name) or ()))

    def _declared_in(self, name: str) -> Mapping[str, Schema]:
        declared: Mapping[str, Schema] = self._properties[name]["properties"]
        return declared


def kind_of(schema: Schema) -> str:
    """The one type beside null; empty when there is none or more than one."""
    declared = schema.get("type", [])
    kinds = [declared] if isinstance(declared, str) else [kind for kind in declared if kind != "null"]
    return kinds[0] if len(kinds) == 1 else ""


def _struct(fields: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a type made here
    return msgspec.defstruct(
        "Whole",
        [
            (f"f{index}", kind, msgspec.field(name=name, default=msgspec.UNSET))
            for index, (name, kind) in enumerate(fields.items())
        ],
        gc=False,
        forbid_unknown_fields=True,
    )


def _type(schema: Schema) -> Any:  # noqa: ANN401 - a type made here
    kind = kind_of(schema)
    if kind == "string" and schema.get("format") == "date-time":
        return Annotated[datetime, msgspec.Meta(tz=True)] | None
    if kind == "object" and schema.get("properties"):
        return _struct({name: _type(field) for name, field in schema["properties"].items()}) | None
    if kind == "array":
        items = schema.get("items")
        return list[_type(items) if items else Any] | None  # type: ignore[misc]  # made at run time
    return _TYPES[kind] | None if kind in _TYPES else Any
