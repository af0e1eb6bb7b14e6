"""A body is unpacked only as far as there is room for it, however it is packed and sent."""

from __future__ import annotations

import functools
import gzip
import io
import tracemalloc
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api.http.body import MOST_BYTES, OversizeError, read_body, read_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MB = 1 << 20
ZEROS = b"0" * (40 * MB)


def _many_members(body: bytes) -> bytes:
    return b"".join(gzip.compress(body[start : start + MB]) for start in range(0, len(body), MB))


def _raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda body: body,
    "gzip": gzip.compress,
    "x-gzip": _many_members,
    "deflate": zlib.compress,
    "Deflate": _raw_deflate,
    "gzip, gzip": lambda body: gzip.compress(gzip.compress(body)),
    "deflate, gzip, gzip": lambda body: gzip.compress(gzip.compress(zlib.compress(body))),
}


@functools.cache
def bomb(encoding: str) -> bytes:
    """The zeros in an encoding; made when it is first needed, not when tests are collected."""
    return PACKINGS[encoding](ZEROS)


def response(body: bytes, encoding: str, *, length: bool) -> urllib3.HTTPResponse:
    headers = {"Content-Encoding": encoding} if encoding else {}
    if length:
        headers["Content-Length"] = str(len(body))
    return urllib3.HTTPResponse(io.BytesIO(body), headers=headers, status=200, preload_content=False)


@contextmanager
def peak_below(megabytes: float) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("encoding", PACKINGS)
def test_a_body_that_unfolds_is_given_up_where_the_room_ends(encoding: str, *, length: bool) -> None:
    raw = response(bomb(encoding), encoding, length=length)
    with peak_below(15), pytest.raises(OversizeError, match=r"more than 4,194,304 bytes"):
        read_body(raw, most_bytes=4 * MB)


@pytest.mark.parametrize("encoding", PACKINGS)
def test_what_refuses_is_read_no_further_than_its_beginning(encoding: str) -> None:
    raw = response(bomb(encoding), encoding, length=True)
    with peak_below(10):
        assert read_start(raw) == ZEROS[:MB]


@settings(max_examples=60)
@given(
    body=st.binary(max_size=3000).map(lambda seed: seed * 3000),
    encoding=st.sampled_from(sorted(PACKINGS)),
    length=st.booleans(),
    room=st.sampled_from([0, 1, MB, 2 * MB, MOST_BYTES]),
)
def test_a_body_comes_whole_or_not_at_all(body: bytes, encoding: str, room: int, *, length: bool) -> None:
    raw = response(PACKINGS[encoding](body), encoding, length=length)
    if len(body) <= room:
        assert read_body(raw, most_bytes=room) == body
    else:
        with pytest.raises(OversizeError):
            read_body(raw, most_bytes=room)


def test_the_size_that_just_fits_is_taken() -> None:
    for encoding, length in (("", True), ("", False), ("gzip", True)):
        for more in (0, 1):
            body = b"x" * (MB + more)
            raw = response(gzip.compress(body) if encoding else body, encoding, length=length)
            if more:
                with pytest.raises(OversizeError):
                    read_body(raw, most_bytes=MB)
            else:
                assert read_body(raw, most_bytes=MB) == body


@pytest.mark.parametrize("row", [b"0", b"{}", b"[]", b'""', b" 1 "])
def test_a_body_of_very_many_values_is_given_up_before_each_of_them_takes_memory(row: bytes) -> None:
    body = b"[" + b",".join([row] * 5_000_000) + b"]"
    with pytest.raises(OversizeError, match="more than 4,000,000 values"):
        read_body(response(body, "", length=True))


class _Chunks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        encoding = self.path.strip("/")
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        body = bomb(encoding)
        try:
            for start in range(0, len(body), 8 * MB):
                chunk = body[start : start + 8 * MB]
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        pass


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_in_chunks_is_given_up_where_the_room_ends(encoding: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Chunks)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with urllib3.PoolManager() as pool:
            raw = pool.request("GET", f"http://127.0.0.1:{server.server_port}/{encoding}", preload_content=False)
            with peak_below(30), pytest.raises(OversizeError):
                read_body(raw, most_bytes=4 * MB)
            raw.close()
    finally:
        server.shutdown()
        server.server_close()
