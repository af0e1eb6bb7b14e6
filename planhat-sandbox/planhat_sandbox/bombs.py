"""Makes answers of extreme size or depth to test the limits of a client."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_sandbox.faults import Fault
    from planhat_sandbox.messages import Response

__all__ = ["load"]

_MEGABYTE = 1024 * 1024
# Makes zlib write the frame of gzip.
_GZIP_BITS = 16 + zlib.MAX_WBITS


def load(response: Response, fault: Fault) -> None:
    """Make an answer too large or too deep for a careless client. It stays valid JSON with the same rows."""
    if fault.depth:
        response.body = _nested(response.body, fault.depth)
    megabytes = fault.megabytes * (response.rows if fault.per_row else 1)
    if megabytes:
        response.body = _packed(response.body, megabytes)
        response.headers["Content-Encoding"] = "gzip"


def _nested(body: bytes, depth: int) -> bytes:
    """Add a member to the object or to the first row of the array; an empty array gets a row."""
    member = b'"nested":' + b'{"a":' * depth + b"1" + b"}" * depth
    start = body.find(b"{")
    if body == b"[]":
        return b"[{%b}]" % member
    if not body.startswith((b"{", b"[")) or start < 0:
        return body
    rest = body[start + 1 :]
    comma = b"" if rest.startswith(b"}") else b","
    return body[: start + 1] + member + comma + rest


def _packed(body: bytes, megabytes: int) -> bytes:
    """Put so many megabytes of spaces before the body. They have no meaning in JSON, and gzip makes them very small."""
    packer = zlib.compressobj(level=9, wbits=_GZIP_BITS)
    blanks = b" " * _MEGABYTE
    pieces = [packer.compress(blanks) for _ in range(megabytes)]
    return b"".join([*pieces, packer.compress(body), packer.flush()])
