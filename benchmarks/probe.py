"""Talks to the stand-in as fast as sockets allow, doing nothing with what comes back: how fast the stand-in can be."""

from __future__ import annotations

import argparse
import json
import re
import socket
import time
from urllib.parse import urlsplit

from benchmarks import corpus

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)")


def _call(connection: socket.socket, head: str, body: bytes, into: memoryview) -> None:
    connection.sendall(f"{head}\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    connection.sendall(body)
    answer = connection.recv(1 << 16)
    length = _LENGTH.search(answer)
    left = int(length[1]) + answer.index(b"\r\n\r\n") + 4 - len(answer) if length else 0
    while left > 0:
        left -= connection.recv_into(into, min(left, len(into)))


def lists(connection: socket.socket, path: str, page: int, rows: int) -> float:
    """Rows a second of a list read page by page."""
    into = memoryview(bytearray(1 << 20))
    began = time.monotonic()
    for offset in range(0, rows, page):
        _call(connection, f"GET /{path}&limit={page}&offset={offset} HTTP/1.1", b"", into)
    return rows / (time.monotonic() - began)


def bodies(connection: socket.socket, head: str, kind: corpus.Corpus, size: int, rows: int) -> float:
    """Rows a second of bodies sent one after the other."""
    into = memoryview(bytearray(1 << 20))
    sent = [
        b"[" + b"".join(bytes(piece) for piece in kind.cut(first, min(rows, first + size))) + b"]"
        for first in range(0, rows, size)
    ]
    began = time.monotonic()
    for body in sent:
        _call(connection, head, body, into)
    return rows / (time.monotonic() - began)


def main() -> None:
    """Print rows a second by kind, as JSON."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("rows", type=int)
    given = arguments.parse_args()
    address = urlsplit(given.url)
    days = f"from={corpus.epoch_day(0)}&to={corpus.epoch_day(9999)}"
    with socket.create_connection((address.hostname, address.port)) as connection:
        rates = {
            "endusers out": lists(connection, "endusers?sort=_id", 2000, given.rows),
            "dimension data out": lists(connection, f"dimensiondata?{days}", 10_000, given.rows),
            "endusers in": bodies(connection, "PUT /endusers HTTP/1.1", corpus.UPSERTS, 5000, given.rows),
            "metrics in": bodies(
                connection, "POST /analytics-host/dimensiondata/x HTTP/1.1", corpus.METRICS, 10_000, given.rows
            ),
        }
    print(json.dumps({kind: round(rate) for kind, rate in rates.items()}))


if __name__ == "__main__":
    main()
