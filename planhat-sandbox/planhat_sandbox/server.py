"""The HTTP server: connections, requests, and the list of calls seen."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from planhat_sandbox.answering import Answerer, DroppedError
from planhat_sandbox.messages import Request, Response
from planhat_sandbox.sending import Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_sandbox.faults import Faults
    from planhat_sandbox.tenant import Tenant

__all__ = ["CONTROL_PREFIX", "Call", "Server"]

CONTROL_PREFIX = "_sandbox"


@dataclass(frozen=True)
class Call:
    """One request that was seen.

    Attributes:
        method: HTTP method.
        path: Path without leading slash; the tenant token is shown as ``{tenant}``.
        query: Parameters.
        status: Status of the answer; 0 when the connection was closed without one.
        rows: Rows in the answer of a list, or rows that a bulk call or push brought.
        at: Monotonic time of its arrival.
        seconds: Time it took to make the answer.
        size: Bytes of the request body.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    rows: int
    at: float
    seconds: float
    size: int


class Server(ThreadingHTTPServer):
    """Serves one tenant until it is stopped."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        tenant: Tenant,
        faults: Faults,
        control: Callable[[Request], Response],
    ) -> None:
        """Args: address: Host and port. tenant: What to serve. faults: What goes wrong. control: Answers /_sandbox."""
        self.tenant = tenant
        self.faults = faults
        self.control = control
        self.calls: list[Call] = []
        self.stopping = Event()
        self.answerer = Answerer(tenant, self.stopping)
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Remembers the connection, so that it can be closed on stop."""
        if isinstance(request, socket.socket):
            with self._lock:
                self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Closes one connection."""
        if isinstance(request, socket.socket):
            with self._lock:
                self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Clients may go away at any time; anything else is a fault of the sandbox and shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stops at once, with all connections."""
        self.stopping.set()
        self.shutdown()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Calls are kept in the list of calls, not written to standard error."""

    def _serve(self) -> None:
        at = time.monotonic()
        request = self._read()
        sender = Sender(self.wfile, self.server.tenant.switches, self.server.stopping)
        if request.path.split("/")[0] == CONTROL_PREFIX:
            sender.whole(self.server.control(request))
            return
        shown = request.path.replace(self.server.tenant.tenant_token, "{tenant}")
        faults = self.server.faults.drawn(request.method, shown)
        try:
            response = self.server.answerer.answer(request, faults)
        except DroppedError:
            self._note(request, shown, at, Response(0))
            self.close_connection = True
            return
        self._note(request, shown, at, response)
        if not sender.send(request, response, faults):
            self.close_connection = True

    def _read(self) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(self.command, parts.path.removeprefix("/"), query, headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").casefold() != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _note(self, request: Request, shown: str, at: float, response: Response) -> None:
        seconds = time.monotonic() - at
        query = dict(request.query)
        call = Call(request.method, shown, query, response.status, response.rows, at, seconds, len(request.body))
        self.server.calls.append(call)
