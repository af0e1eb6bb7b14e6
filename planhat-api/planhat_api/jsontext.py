"""Works on JSON as bytes, for example to split a list into records without decoding them."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "array_of",
    "decode",
    "deepest_record",
    "encode",
    "ids_of",
    "nests_deeply",
    "raw_records",
    "replace_lone_surrogates",
]


class _Identified(msgspec.Struct, gc=False):
    planhat_id: Any = msgspec.field(default=None, name="_id")


class _IdentifiedByText(msgspec.Struct, gc=False):
    planhat_id: str | None = msgspec.field(default=None, name="_id")


_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
# A record that begins like this has its id before any other field. 24 hexadecimal digits (B45) contain no escapes.
_HEADS = re.compile(rb'(?:\{"_id":"[0-9a-f]{24}")*')
_ID_AT = len('{"_id":"')
_ID_LENGTH = 24
_HEAD_LENGTH = _ID_AT + _ID_LENGTH + 1
_ID_LIST = msgspec.json.Decoder(list[_Identified])
_TEXT_ID_LIST = msgspec.json.Decoder(list[_IdentifiedByText])
_SHORT = 600  # bytes, approximate; decoding shorter records is faster than comparing their first bytes

_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)
_REPLACEMENT = rb"\ufffd"

_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_OPENING, _CLOSING = (b"[", b"{"), (b"]", b"}")
_IN_RECORD = 2
_MOST_TOKENS = 2_000_000
_SHOWN_ID = re.compile(rb'"[\w-]{1,40}"')
MOST_LEVELS = 100
"""No useful value is nested more deeply. Recursive code fails from 255 levels on."""
_CONTAINERS = frozenset({dict, list})

encode = msgspec.json.encode
decode = msgspec.json.decode


def raw_records(body: bytes) -> list[msgspec.Raw]:
    """Split a JSON array into its records, each as bytes that share the memory of ``body``.

    Raises:
        msgspec.DecodeError: It is not a JSON array.
    """
    return _RAW_LIST.decode(body)


def ids_of(body: bytes, raw: Sequence[msgspec.Raw]) -> list[str | None]:
    """``_id`` of each record of a JSON array of objects, as text; None for a record without one.

    Args:
        body: The array.
        raw: Its records from ``raw_records``.

    Raises:
        msgspec.DecodeError: It is not a JSON array of objects.
    """
    if len(body) < _SHORT * len(raw):
        with suppress(msgspec.ValidationError):
            return [record.planhat_id for record in _TEXT_ID_LIST.decode(body)]
    leading = _leading_ids(raw)
    if leading is not None:
        return leading
    return [
        planhat_id if type(planhat_id) is str else key_text(planhat_id)
        for planhat_id in (record.planhat_id for record in _ID_LIST.decode(body))
    ]


def _leading_ids(raw: Sequence[msgspec.Raw]) -> list[str | None] | None:
    """The ids if all records begin with an ``_id`` of the usual form. Decoding the records would take longer."""
    heads = b"".join([bytes(record)[:_HEAD_LENGTH] for record in raw])
    if len(heads) != _HEAD_LENGTH * len(raw) or not _HEADS.fullmatch(heads):
        return None
    text = heads.decode()
    return [text[start + _ID_AT : start + _ID_AT + _ID_LENGTH] for start in range(0, len(text), _HEAD_LENGTH)]


def replace_lone_surrogates(body: bytes) -> bytes:
    """Replace each lone surrogate in JSON by U+FFFD.

    Texts that were cut in the middle of an emoji contain one. JavaScript writes it as an escape, but strict decoders,
    such as ours and those of loaders, refuse it.
    """
    # In place, because both have the same length: building a new text from parts would need many times the memory.
    text = bytearray(body)
    for escape in _ESCAPES.finditer(body):
        if escape["lone"]:
            text[escape.start() : escape.end()] = _REPLACEMENT
    return bytes(text)


def deepest_record(body: bytes) -> str | None:
    """``_id`` of the most deeply nested record of a JSON array; None if it has none.

    This is for arrays that the decoders refuse. It only reads as many tokens as an array of usual size has.
    """
    level = deepest = record = deepest_in = 0
    ids: dict[int, bytes] = {}
    before = b""
    for token in islice(_TOKENS.finditer(body), _MOST_TOKENS):
        text = token[0]
        if text in _OPENING:
            level += 1
            record += level == _IN_RECORD
            if level > deepest:
                deepest, deepest_in = level, record
        elif text in _CLOSING:
            level -= 1
        elif level == _IN_RECORD and before == b'"_id"' and _SHOWN_ID.fullmatch(text):
            ids[record] = text
        before = text
    shown = ids.get(deepest_in)
    return shown.strip(b'"').decode() if shown else None


def nests_deeply(value: Any, levels: int = MOST_LEVELS) -> bool:  # noqa: ANN401 - any JSON value
    """Whether objects and arrays are nested in more than this number of levels, including the outermost."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(levels):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
    return bool(level)


def array_of(bodies: Iterable[bytes]) -> bytes:
    """A JSON array of values that are already encoded."""
    values = list(bodies)
    if not values:
        return b"[]"
    # Add the brackets to the first and last value: adding them to the whole array would copy megabytes.
    values[0] = b"[" + values[0]
    values[-1] += b"]"
    return b",".join(values)
