"""As much of HTTP/1.1 as the stand-in needs: requests read and answers sent in as few copies as Python allows."""

from __future__ import annotations

import json
import re
import socket
import socketserver
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
_REASONS = {200: b"OK", 400: b"Bad Request", 404: b"Not Found"}
_PIECE = 1 << 16


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: memoryview


@dataclass(frozen=True)
class Answer:
    """One answer; its body comes in pieces that are never joined."""

    pieces: Sequence[bytes | memoryview]
    status: int = 200


def as_json(value: Any, status: int = 200) -> Answer:  # noqa: ANN401 - whatever JSON can say
    """An answer encoded on the spot."""
    return Answer([json.dumps(value).encode()], status)


def _requests_of(connection: socket.socket, allocate: Callable[[int], memoryview]) -> Iterator[Request]:
    buffer = b""
    while True:
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            received = connection.recv(_PIECE)
            if not received:
                return
            buffer += received
        head, rest = buffer[:end], buffer[end + 4 :]
        length = _LENGTH.search(head)
        body = allocate(int(length[1]) if length else 0)
        taken = min(len(rest), len(body))
        body[:taken] = rest[:taken]
        buffer = rest[taken:]
        while taken < len(body):
            got = connection.recv_into(body[taken:])
            if not got:
                return
            taken += got
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        url = urlsplit(target)
        yield Request(method, url.path, dict(parse_qsl(url.query)), body)


def serve(
    port: int, answer: Callable[[Request], Answer], allocate: Callable[[int], memoryview]
) -> socketserver.ThreadingTCPServer:
    """A server on loopback, bound and ready for ``serve_forever``; each connection has a thread of its own.

    Args:
        port: 0 for any that is free.
        answer: Answers one request.
        allocate: Gives the memory for a body of so many bytes.
    """

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A client that read ahead beyond the end closes without taking what it asked for.
            with suppress(ConnectionError):
                for request in _requests_of(connection, allocate):
                    answered = answer(request)
                    size = sum(len(piece) for piece in answered.pieces)
                    connection.sendall(_HEAD % (answered.status, _REASONS[answered.status], size))
                    for piece in answered.pieces:
                        connection.sendall(piece)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = 128

    return Server(("127.0.0.1", port), Connection)
