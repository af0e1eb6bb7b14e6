"""JSON as bytes: records of a list told apart without being decoded."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["array_of", "decode", "encode", "ids_of", "mended", "nests_deeply", "raw_records", "text_of"]


class _Identified(msgspec.Struct, gc=False):
    planhat_id: Any = msgspec.field(default=None, name="_id")


class _IdentifiedByText(msgspec.Struct, gc=False):
    planhat_id: str | None = msgspec.field(default=None, name="_id")


_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
# A record that begins like this has its id before any other field; 24 hexadecimal digits (B45) hold no escapes.
_HEADS = re.compile(rb'(?:\{"_id":"[0-9a-f]{24}")*')
_ID_AT = len('{"_id":"')
_ID_LENGTH = 24
_HEAD_LENGTH = _ID_AT + _ID_LENGTH + 1
_ID_LIST = msgspec.json.Decoder(list[_Identified])
_TEXT_ID_LIST = msgspec.json.Decoder(list[_IdentifiedByText])
_SHORT = 600  # bytes of a record, about; up to there, decoding it takes less than looking for its head

_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)
_REPLACEMENT = rb"\ufffd"

MOST_LEVELS = 100
"""Deeper than anything that means something. Code that walks through a value by recursion gives up from 255 on."""
_CONTAINERS = frozenset({dict, list})

encode = msgspec.json.encode
decode = msgspec.json.decode


def raw_records(body: bytes) -> list[msgspec.Raw]:
    """The records of a JSON array, each as bytes that share the memory of ``body``.

    Raises:
        msgspec.DecodeError: It is no JSON array.
    """
    return _RAW_LIST.decode(body)


def ids_of(body: bytes, raw: Sequence[msgspec.Raw]) -> list[str | None]:
    """``_id`` of each record of a JSON array of objects, as text; None for a record without one.

    Args:
        body: The array.
        raw: Its records, as ``raw_records`` gives them.

    Raises:
        msgspec.DecodeError: It is no JSON array of objects.
    """
    if len(body) < _SHORT * len(raw):
        with suppress(msgspec.ValidationError):
            return [record.planhat_id for record in _TEXT_ID_LIST.decode(body)]
    leading = _leading_ids(raw)
    if leading is not None:
        return leading
    return [
        planhat_id if type(planhat_id) is str else text_of(planhat_id)
        for planhat_id in (record.planhat_id for record in _ID_LIST.decode(body))
    ]


def _leading_ids(raw: Sequence[msgspec.Raw]) -> list[str | None] | None:
    """Ids of records that all begin with an ``_id`` of the usual form; reading on in each of them takes longer."""
    heads = b"".join([bytes(record)[:_HEAD_LENGTH] for record in raw])
    if len(heads) != _HEAD_LENGTH * len(raw) or not _HEADS.fullmatch(heads):
        return None
    text = heads.decode()
    return [text[start + _ID_AT : start + _ID_AT + _ID_LENGTH] for start in range(0, len(text), _HEAD_LENGTH)]


def mended(body: bytes) -> bytes:
    """JSON with each lone surrogate replaced by U+FFFD.

    Texts that were cut in the middle of an emoji hold one. JavaScript writes it down as an escape; no strict decoder,
    here or at a loader, takes it.
    """
    return _ESCAPES.sub(lambda escape: _REPLACEMENT if escape["lone"] else escape[0], body)


def nests_deeply(value: Any, levels: int = MOST_LEVELS) -> bool:  # noqa: ANN401 - any JSON value
    """Whether objects and arrays nest in one another more often than so many times, the outermost counted."""
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
    """A JSON array of values that are encoded already."""
    values = list(bodies)
    if not values:
        return b"[]"
    # The brackets go on the small ends: each `+` on the whole would copy megabytes.
    values[0] = b"[" + values[0]
    values[-1] += b"]"
    return b",".join(values)


def text_of(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """An id or key as text (B43); None for what cannot be one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return str(int(value)) if float(value).is_integer() else str(value)
