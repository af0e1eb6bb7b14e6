"""The HTTP server: reads requests, writes answers, breaks connections when a fault says so."""

from __future__ import annotations

import gzip
import socket
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import msgspec

from planhat_sandbox.messages import Refusal, Request, Response, text_response
from planhat_sandbox.quota import OverQuota, Quota
from planhat_sandbox.routes import ANALYTICS_PREFIX, Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_sandbox.faults import Fault, Faults
    from planhat_sandbox.tenant import Tenant

__all__ = ["CONTROL_PREFIX", "Call", "Server"]

CONTROL_PREFIX = "_sandbox"
_HTML = "<!DOCTYPE html><html><head><title>Planhat</title></head><body><h1>We will be right back</h1></body></html>"
_PIECES = 20
_CHUNK_BYTES = 64 * 1024


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


class _DroppedError(Exception):
    """The connection is to be closed without an answer."""


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
        self.router = Router(tenant)
        self.quota = Quota(tenant.switches)
        self.calls: list[Call] = []
        self.stopping = Event()
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
        if request.path.split("/")[0] == CONTROL_PREFIX:
            self._send(self.server.control(request))
            return
        shown = request.path.replace(self.server.tenant.tenant_token, "{tenant}")
        faults = self.server.faults.drawn(request.method, shown)
        try:
            response = self._answer(request, faults)
        except _DroppedError:
            self._note(request, shown, at, Response(0))
            self.close_connection = True
            return
        self._note(request, shown, at, response)
        self._transmit(request, response, faults)

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

    def _answer(self, request: Request, faults: list[Fault]) -> Response:
        if request.path.split("/")[0] == ANALYTICS_PREFIX:
            return self._checked(request, faults)
        quota = self.server.quota
        try:
            with quota.call():
                response = self._checked(request, faults)
        except OverQuota as over:
            response = self.server.router.refused(over)
            response.headers |= quota.headers(over.wait, self.server.tenant.clock)
            return response
        response.headers |= quota.headers(None, self.server.tenant.clock)
        return response

    def _checked(self, request: Request, faults: list[Fault]) -> Response:
        for fault in faults:
            response = self._before(request, fault)
            if response is not None:
                return response
        response = self._routed(request)
        for fault in faults:
            if fault.kind == "drop":
                raise _DroppedError
            if fault.kind == "status":
                return _failure(fault)
        return response

    def _before(self, request: Request, fault: Fault) -> Response | None:
        """What a fault does instead of processing the call; None when the call goes on."""
        if fault.kind == "latency":
            self.server.stopping.wait(fault.seconds)
        elif fault.kind == "drop" and not fault.processed:
            raise _DroppedError
        elif fault.kind == "status" and not fault.processed:
            return _failure(fault)
        elif fault.kind == "wrong_region":
            return self.server.router.refused(Refusal(401, "Unauthorized"))
        elif fault.kind == "html":
            return text_response(_HTML)
        elif fault.kind == "poison":
            return self._poisoned(request, fault)
        return None

    def _poisoned(self, request: Request, fault: Fault) -> Response | None:
        try:
            rows = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            return None
        good = [row for row in rows if not fault.poisons(row)] if isinstance(rows, list) else rows
        if good == rows:
            return None
        if fault.processed:
            self._routed(replace(request, body=msgspec.json.encode(good)))
        return text_response("Internal Server Error", 500)

    def _routed(self, request: Request) -> Response:
        try:
            return self.server.router.answer(request)
        except Refusal as refusal:
            return self.server.router.refused(refusal)
        except Exception as error:  # noqa: BLE001 - a fault of the sandbox must be seen by whoever runs it
            traceback.print_exc()
            return text_response(f"The sandbox failed: {error!r}", 500)

    def _transmit(self, request: Request, response: Response, faults: list[Fault]) -> None:
        switches = self.server.tenant.switches
        if switches["compression"] == "gzip" and "gzip" in request.headers.get("accept-encoding", ""):
            response.body = gzip.compress(response.body, compresslevel=1)
            response.headers["Content-Encoding"] = "gzip"
        for fault in faults:
            if fault.kind == "invalid_json":
                self._send(Response(200, response.body[: len(response.body) // 2] or b"{", response.content_type))
            elif fault.kind in {"truncate", "stall"}:
                self._send_half(response, fault)
            elif fault.kind == "slow_body":
                self._send_slowly(response, fault.seconds)
            else:
                continue
            return
        if switches["transfer"] == "chunked" and response.body:
            self._send_chunks(response)
        else:
            self._send(response)

    def _head(self, response: Response) -> bytes:
        reason = HTTPStatus(response.status).phrase
        headers = {"Content-Type": response.content_type, **response.headers}
        if "Transfer-Encoding" not in headers:
            headers["Content-Length"] = str(len(response.body))
        lines = [f"HTTP/1.1 {response.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, response: Response) -> None:
        with suppress(OSError):
            self.wfile.write(self._head(response) + response.body)

    def _send_chunks(self, response: Response) -> None:
        response.headers["Transfer-Encoding"] = "chunked"
        with suppress(OSError):
            self.wfile.write(self._head(response))
            for start in range(0, len(response.body), _CHUNK_BYTES):
                piece = response.body[start : start + _CHUNK_BYTES]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    def _send_half(self, response: Response, fault: Fault) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.wfile.write(self._head(response) + response.body[: len(response.body) // 2])
            if fault.kind == "stall":
                self.server.stopping.wait(fault.seconds or 3600)

    def _send_slowly(self, response: Response, seconds: float) -> None:
        piece = max(1, len(response.body) // _PIECES)
        with suppress(OSError):
            self.wfile.write(self._head(response))
            for start in range(0, len(response.body), piece):
                if self.server.stopping.wait(seconds / _PIECES):
                    return
                self.wfile.write(response.body[start : start + piece])


def _failure(fault: Fault) -> Response:
    response = text_response(HTTPStatus(fault.status).phrase, fault.status)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = fault.retry_after
    return response
