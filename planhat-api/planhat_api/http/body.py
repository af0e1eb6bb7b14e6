"""Reads the body of an answer up to a limit, so that a large one does not exhaust the memory."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["MOST_BYTES", "OversizeError", "read_body", "read_start"]

MOST_BYTES = 64 << 20
"""Size of the decompressed body. A page of 2,000 conversations with their texts takes tens of megabytes."""

_MOST_VALUES = 4_000_000
"""Approximate. A decoded value takes about 70 bytes more than its text, so short values take many times as much."""

_PIECE = 1 << 20
_SAMPLE = 1 << 12
_SAMPLE_EVERY = 1 << 16


class OversizeError(Exception):
    """The body is larger than allowed; the message says which limit it exceeds."""


def read_body(raw: BaseHTTPResponse, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Read and decompress the whole body.

    Args:
        raw: The answer, before anything of it is read.
        most_bytes: The most bytes to read.

    Raises:
        OversizeError: The body is larger. What was read of it is dropped.
    """
    if raw.length_remaining is not None and "content-encoding" not in raw.headers:
        if raw.length_remaining > most_bytes:
            raise _too_many_bytes(most_bytes)
        # The size is known: one read needs the memory once, and reading in pieces would need it twice.
        body = raw.read()
    else:
        body = b"".join(_pieces(raw, most_bytes))
    if len(body) > 2 * _MOST_VALUES and _values_in(body) > _MOST_VALUES:
        message = f"more than {_MOST_VALUES:,} values"
        raise OversizeError(message)
    return body


def read_start(raw: BaseHTTPResponse) -> bytes:
    """Read and decompress at most the first megabyte, for a body that is only used in an error message."""
    return raw.read(_PIECE, decode_content=True)


def _pieces(raw: BaseHTTPResponse, most_bytes: int) -> list[bytes]:
    """Read the body in pieces and decompress each of them."""
    pieces = []
    left = most_bytes
    while piece := raw.read(_PIECE, decode_content=True):
        left -= len(piece)
        if left < 0:
            raise _too_many_bytes(most_bytes)
        pieces.append(piece)
    return pieces


def _values_in(body: bytes) -> int:
    """Estimate the number of values by the commas in a sixteenth of the body.

    Counting all commas takes a third of the time of reading the body. The samples start at a random position, so a
    server cannot avoid them.
    """
    first = random.randrange(_SAMPLE_EVERY - _SAMPLE)  # noqa: S311 - this is not for cryptography
    starts = range(first, len(body), _SAMPLE_EVERY)
    return _SAMPLE_EVERY // _SAMPLE * sum(body.count(b",", start, start + _SAMPLE) for start in starts)


def _too_many_bytes(most_bytes: int) -> OversizeError:
    return OversizeError(f"more than {most_bytes:,} bytes")
