"""Writes an answer to the connection, whole, compressed, in chunks, or with a fault."""

from __future__ import annotations

import gzip
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from planhat_sandbox.messages import Response

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

    from planhat_sandbox.faults import Fault
    from planhat_sandbox.messages import Request
    from planhat_sandbox.switches import Switches

__all__ = ["ResponseWriter"]

_PIECES = 20
_CHUNK_BYTES = 64 * 1024
_STALL_SECONDS = 3600


class _Stream(Protocol):
    def write(self, data: bytes, /) -> object: ...


class ResponseWriter:
    """Writes answers to one connection."""

    def __init__(self, stream: _Stream, switches: Switches, stopping: Event) -> None:
        """Take the stream to the client, the switches, and the event that ends every wait."""
        self._stream = stream
        self._switches = switches
        self._stopping = stopping

    def send(self, request: Request, response: Response, faults: Sequence[Fault]) -> bool:
        """Send one answer. Returns False if the connection cannot be used any more."""
        packed = "Content-Encoding" in response.headers
        accepted = "gzip" in request.headers.get("accept-encoding", "")
        if self._switches["compression"] == "gzip" and accepted and not packed:
            response.body = gzip.compress(response.body, compresslevel=1)
            response.headers["Content-Encoding"] = "gzip"
        if request.method == "HEAD":
            self._stream.write(_head(response))
            return True
        for fault in faults:
            if fault.kind == "invalid_json":
                self.whole(Response(200, response.body[: len(response.body) // 2] or b"{", response.content_type))
                return True
            if fault.kind in {"truncate", "stall"}:
                self._half(response, fault)
                return False
            if fault.kind == "slow_body":
                return self._slowly(response, fault.seconds)
        if self._switches["transfer"] == "chunked" and response.body:
            self._chunks(response)
        else:
            self.whole(response)
        return True

    def whole(self, response: Response) -> None:
        """Send an answer in one piece."""
        self._stream.write(_head(response) + response.body)

    def _chunks(self, response: Response) -> None:
        response.headers["Transfer-Encoding"] = "chunked"
        self._stream.write(_head(response))
        for start in range(0, len(response.body), _CHUNK_BYTES):
            piece = response.body[start : start + _CHUNK_BYTES]
            self._stream.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self._stream.write(b"0\r\n\r\n")

    def _half(self, response: Response, fault: Fault) -> None:
        self._stream.write(_head(response) + response.body[: len(response.body) // 2])
        if fault.kind == "stall":
            self._stopping.wait(fault.seconds or _STALL_SECONDS)

    def _slowly(self, response: Response, seconds: float) -> bool:
        piece = max(1, len(response.body) // _PIECES)
        self._stream.write(_head(response))
        for start in range(0, len(response.body), piece):
            if self._stopping.wait(seconds / _PIECES):
                return False
            self._stream.write(response.body[start : start + piece])
        return True


def _head(response: Response) -> bytes:
    headers = {"Content-Type": response.content_type, **response.headers}
    if "Transfer-Encoding" not in headers:
        headers["Content-Length"] = str(len(response.body))
    status = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"
    lines = [status, *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
