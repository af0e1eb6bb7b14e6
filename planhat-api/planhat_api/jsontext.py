"""JSON as bytes: records of a list told apart without being decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["array_of", "decode", "encode", "ids_of", "raw_records", "text_of"]


class _Identified(msgspec.Struct):
    planhat_id: Any = msgspec.field(default=None, name="_id")


_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ID_LIST = msgspec.json.Decoder(list[_Identified])

encode = msgspec.json.encode
decode = msgspec.json.decode


def raw_records(body: bytes) -> list[msgspec.Raw]:
    """The records of a JSON array, each as bytes that share the memory of ``body``.

    Raises:
        msgspec.DecodeError: It is no JSON array.
    """
    return _RAW_LIST.decode(body)


def ids_of(body: bytes) -> list[str | None]:
    """``_id`` of each record of a JSON array of objects, as text; None for a record without one.

    Raises:
        msgspec.DecodeError: It is no JSON array of objects.
    """
    return [
        planhat_id if type(planhat_id) is str else text_of(planhat_id)
        for planhat_id in (record.planhat_id for record in _ID_LIST.decode(body))
    ]


def array_of(bodies: Iterable[bytes]) -> bytes:
    """A JSON array of values that are encoded already."""
    return b"[" + b",".join(bodies) + b"]"


def text_of(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """An id or key as text (B43); None for what cannot be one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return str(int(value)) if value == int(value) else str(value)
