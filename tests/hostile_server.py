"""A server that answers what a test wants, as no Planhat would."""

from __future__ import annotations

import functools
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Answers = Callable[["ReceivedCall"], "Told"]

MB = 1 << 20


@dataclass(frozen=True)
class ReceivedCall:
    """One call."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def window(self) -> slice:
        """The rows asked for."""
        offset = int(self.query.get("offset", 0))
        return slice(offset, offset + int(self.query.get("limit", 10**9)))


@dataclass(frozen=True)
class Told:
    """One answer."""

    body: bytes
    encoding: str = ""
    status: int = 200


@functools.cache
def unfolding() -> Told:
    """A list of 300 MB, packed into less than two. Made when it is first needed: it takes half a second of CPU time."""
    part = b'{"name":"x"},' * (MB // 13)
    packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    pieces = [packer.compress(each) for each in (b'[{"_id":"0"},', *[part] * 300, b"{}]")]
    return Told(b"".join(pieces) + packer.flush(), "gzip")


@contextmanager
def serving(answers: Answers) -> Iterator[tuple[str, list[ReceivedCall]]]:
    """Run a server; gives its URL and the calls it got."""
    calls: list[ReceivedCall] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            asked = ReceivedCall(
                self.command,
                parts.path.strip("/"),
                {name: values[0] for name, values in parse_qs(parts.query).items()},
            )
            calls.append(asked)
            told = answers(asked)
            try:
                self.send_response(told.status)
                self.send_header("Content-Type", "application/json")
                if told.encoding:
                    self.send_header("Content-Encoding", told.encoding)
                self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)
            except OSError:
                self.close_connection = True

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self._answer
            raise AttributeError(name)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        server.server_close()
