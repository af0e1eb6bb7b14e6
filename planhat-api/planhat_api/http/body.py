"""Reads the body of an answer, and no more of it than this process has room for."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["MOST_BYTES", "OversizeError", "beginning", "whole"]

MOST_BYTES = 64 << 20
"""Unpacked. An honest page of the heaviest list, 2,000 conversations with their texts, takes tens of megabytes."""

_MOST_VALUES = 4_000_000
"""About. Each value that is decoded takes some 70 bytes more than its text: for short ones, many times as much."""

_PIECE = 1 << 20
_SAMPLE = 1 << 12
_SAMPLE_EVERY = 1 << 16


class OversizeError(Exception):
    """The body is larger than allowed; the text says by what measure."""


def whole(raw: BaseHTTPResponse, *, most_bytes: int = MOST_BYTES) -> bytes:
    """The whole body, unpacked.

    Args:
        raw: The answer, nothing of it read yet.
        most_bytes: The most to take.

    Raises:
        OversizeError: There is more. What was read until this showed is let go.
    """
    if raw.length_remaining is not None and "content-encoding" not in raw.headers:
        if raw.length_remaining > most_bytes:
            raise _too_many_bytes(most_bytes)
        # Its size is known: one read needs the memory once, pieces would need it twice.
        body = raw.read()
    else:
        body = b"".join(_pieces(raw, most_bytes))
    if len(body) > 2 * _MOST_VALUES and _values_in(body) > _MOST_VALUES:
        message = f"more than {_MOST_VALUES:,} values"
        raise OversizeError(message)
    return body


def beginning(raw: BaseHTTPResponse) -> bytes:
    """The first megabyte at most, unpacked: for a body that only serves to tell people what went wrong."""
    return raw.read(_PIECE, decode_content=True)


def _pieces(raw: BaseHTTPResponse, most_bytes: int) -> list[bytes]:
    """The body in pieces, each unpacked when it is its turn."""
    pieces = []
    left = most_bytes
    while piece := raw.read(_PIECE, decode_content=True):
        left -= len(piece)
        if left < 0:
            raise _too_many_bytes(most_bytes)
        pieces.append(piece)
    return pieces


def _values_in(body: bytes) -> int:
    """About how many values there are, by the commas in a sixteenth of the body.

    To count them all takes a third as long as to read the body. Where the samples lie, no server can know.
    """
    first = random.randrange(_SAMPLE_EVERY - _SAMPLE)  # noqa: S311 - a guess gains nothing
    starts = range(first, len(body), _SAMPLE_EVERY)
    return _SAMPLE_EVERY // _SAMPLE * sum(body.count(b",", start, start + _SAMPLE) for start in starts)


def _too_many_bytes(most_bytes: int) -> OversizeError:
    return OversizeError(f"more than {most_bytes:,} bytes")
