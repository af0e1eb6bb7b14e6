"""The HTTP server of the sandbox."""

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

from planhat_sandbox.messages import Request, Response
from planhat_sandbox.request_handling import DroppedError, RequestHandler
from planhat_sandbox.response_writing import ResponseWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_sandbox.faults import Faults
    from planhat_sandbox.tenant import Tenant

__all__ = ["CONTROL_PREFIX", "Call", "Server"]

CONTROL_PREFIX = "_sandbox"


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        method: HTTP method.
        path: Path without leading slash; the tenant token is shown as ``{tenant}``.
        query: Parameters.
        status: Status of the answer; 0 when the connection was closed without one.
        rows: Rows in the answer of a list, or rows that a bulk call or push sent.
        at: Monotonic time of the arrival.
        seconds: Time to make the answer.
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
        """Take host and port, the tenant, the faults, and the function that answers calls below /_sandbox."""
        self.tenant = tenant
        self.faults = faults
        self.control = control
        self.calls: list[Call] = []
        self.stopping = Event()
        self.handler = RequestHandler(tenant, self.stopping)
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Remember the connection, so that ``stop`` can close it."""
        if isinstance(request, socket.socket):
            with self._lock:
                self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close one connection."""
        if isinstance(request, socket.socket):
            with self._lock:
                self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Show errors of the sandbox, but not that a client closed its connection."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop immediately, and close all connections."""
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
        """Write nothing to standard error, because there is a list of calls."""

    def _serve(self) -> None:
        at = time.monotonic()
        request = self._read()
        writer = ResponseWriter(self.wfile, self.server.tenant.switches, self.server.stopping)
        if request.path.split("/")[0] == CONTROL_PREFIX:
            writer.whole(self.server.control(request))
            return
        shown = request.path.replace(self.server.tenant.tenant_token, "{tenant}")
        faults = self.server.faults.drawn(request.method, shown)
        try:
            response = self.server.handler.answer(request, faults)
        except DroppedError:
            self._note(request, shown, at, Response(0))
            self.close_connection = True
            return
        self._note(request, shown, at, response)
        if not writer.send(request, response, faults):
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
