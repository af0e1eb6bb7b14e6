"""The floor: requests, and a fast decode and encode of each record; no SDK, no checks, no state.

Run as ``floor.py WORK URL``; WORK is one of the functions below.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

decode = msgspec.json.decode
encode = msgspec.json.encode


def _list(url: str, stream: str, page: int, **params: str) -> None:
    output = sys.stdout.buffer
    offset = 0
    with requests.Session() as session:
        while True:
            answer = session.get(f"{url}/{stream}", params={"limit": page, "offset": offset, **params}, timeout=60)
            answer.raise_for_status()
            rows = decode(answer.content)
            for row in rows:
                output.write(encode({"type": "RECORD", "stream": stream, "record": row}) + b"\n")
            if len(rows) < page:
                return
            offset += len(rows)


def endusers_out(url: str) -> None:
    """Every enduser."""
    _list(url, "endusers", 2000, sort="_id")


def dimension_out(url: str, first: str, last: str) -> None:
    """Every point of a range of epoch days."""
    _list(url, "dimensiondata", 10_000, **{"from": first, "to": last})


def _records() -> Iterator[dict[str, Any]]:
    for line in sys.stdin.buffer:
        message = decode(line)
        if message["type"] == "RECORD":
            yield message["record"]


def endusers_in(url: str) -> None:
    """Upsert what comes in."""
    records = _records()
    with requests.Session() as session:
        while batch := list(islice(records, 5000)):
            answer = session.put(
                f"{url}/endusers", data=encode(batch), headers={"Content-Type": "application/json"}, timeout=60
            )
            answer.raise_for_status()
            decode(answer.content)


def metrics_in(url: str, tenant: str) -> None:
    """Push what comes in."""
    records = _records()
    with requests.Session() as session:
        while batch := list(islice(records, 10_000)):
            answer = session.post(
                f"{url}/analytics-host/dimensiondata/{tenant}",
                data=encode(batch),
                headers={"Content-Type": "application/json"},
                timeout=60,
            )
            answer.raise_for_status()
            decode(answer.content)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
