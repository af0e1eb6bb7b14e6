"""A stand-in for Planhat that does next to nothing per row, so that whoever talks to it is what is measured.

Lists are slices of rows encoded beforehand. An upsert is answered in full (keys and ids of every row) from slices as
well: the first and the last row of a body say which rows it holds. Whether that was true, and whether the rows were the
right ones, is checked from the kept bodies once the clock has stopped.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks import corpus
from benchmarks.arena import Arena
from benchmarks.arrivals import Arrivals, compare
from benchmarks.wire import Answer, Request, as_json, serve

_ANALYTICS = "/analytics-host"
_LISTS = {"endusers": (100, 2000), "dimensiondata": (200, 100_000)}
_CUSTOM_TYPES = {
    "Days in Phase": "number",
    "Seats used (%)": "number",
    "Decision maker": "checkbox",
    "Renewal date": "date",
    "Segment": "list",
    "Products 🧩": "multipicklist",
    "Background": "text",
    "Last order": "date",
    "Notes": "text",
    "Open invoices": "number",
    "Usage score": "number",
    "Language": "list",
    "Plan": "list",
    "Login method": "list",
    "Summary": "text",
}


@dataclass
class StandIn:
    """What is served, and what arrived.

    Attributes:
        rows: How many rows each list has.
        latency: Seconds every answer waits.
    """

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_LISTS, 0))
    latency: float = 0.0
    endusers: Arrivals = field(default_factory=lambda: Arrivals(corpus.UPSERTS))
    metrics: Arrivals = field(default_factory=lambda: Arrivals(corpus.METRICS))
    arena: Arena = field(default_factory=Arena)
    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        """Route one request."""
        if request.path.startswith("/_stand-in/"):
            return self._control(request)
        with self.lock:
            self.calls += 1
        if self.latency:
            time.sleep(self.latency)
        path = request.path.removeprefix(_ANALYTICS).strip("/")
        if request.method == "GET":
            return self._list(path, request.query)
        if request.method == "PUT" and path == "endusers":
            return self._upsert(request.body)
        if request.method == "POST" and path.startswith("dimensiondata/"):
            return self._push(request.body)
        return as_json({"error": f"{request.method} /{path} is not served here"}, 404)

    def _list(self, path: str, query: dict[str, str]) -> Answer:
        offset = int(query.get("offset", 0))
        if path == "endusers":
            if query.get("sort", "_id") != "_id":
                return as_json({"error": "only sort=_id is served here"}, 400)
            return self._slice(corpus.ENDUSERS, path, query, 0, self.rows[path])
        if path == "dimensiondata":
            first, last = (
                (int(query[bound]) - corpus.epoch_day(edge)) * corpus.BLOCK for bound, edge in (("from", 0), ("to", -1))
            )
            return self._slice(corpus.POINTS, path, query, max(0, first), min(self.rows[path], last))
        if path in {"companies", "leancompanies"}:
            limit = int(query.get("limit", corpus.COMPANIES))
            return as_json(_companies()[offset : offset + limit])
        if path == "customfields":
            return as_json(_custom_fields()[offset : offset + int(query.get("limit", 100))])
        return as_json({}) if path == "myprofile" else as_json([])

    def _slice(self, rows: corpus.Corpus, path: str, query: dict[str, str], first: int, last: int) -> Answer:
        default, most = _LISTS[path]
        start = first + int(query.get("offset", 0))
        stop = min(last, start + min(most, int(query.get("limit", default))))
        if "select" in query:
            wanted = {name.strip() for name in query["select"].split(",")} | {"_id"}
            return as_json(
                [{k: v for k, v in rows.row(number).items() if k in wanted} for number in range(start, stop)]
            )
        return Answer([b"[", *rows.cut(start, stop), b"]"])

    def _upsert(self, body: memoryview) -> Answer:
        span = self.endusers.take(body)
        if span is None:
            return as_json({"error": "no row known here"}, 400)
        first, last = span
        return Answer(
            [
                b'{"created":0,"createdErrors":[],"insertsKeys":[],"updated":%d,"updatedErrors":[],"updatesKeys":['
                % (last - first),
                *corpus.KEYS.cut(first, last),
                b'],"nonupdates":0,"modified":[',
                *corpus.IDS.cut(first, last),
                b'],"upsertedIds":[],"permissionErrors":[]}',
            ]
        )

    def _push(self, body: memoryview) -> Answer:
        span = self.metrics.take(body)
        processed = span[1] - span[0] if span else 0
        return Answer([b'{"processed":%d,"errors":[]}' % processed])

    def _control(self, request: Request) -> Answer:
        if request.path.endswith("/settings"):
            self._set(json.loads(bytes(request.body)))
            return as_json({})
        if request.path.endswith("/arrived"):
            kinds = {"endusers": self.endusers, "metrics": self.metrics}
            return as_json({"calls": self.calls, **{name: kind.report() for name, kind in kinds.items()}})
        if request.path.endswith("/compare"):
            question = json.loads(bytes(request.body))
            rows = corpus.POINTS if question["stream"] == "dimensiondata" else corpus.ENDUSERS
            absent = question["deselected"]
            return as_json([wrong for row in question["rows"] if (wrong := compare(rows, row, absent))])
        return as_json({"error": "no such control"}, 404)

    def _set(self, settings: dict[str, Any]) -> None:
        self.latency = settings.get("latency_ms", 0) / 1000
        self.rows = {name: settings.get(name, 0) for name in _LISTS}
        source = corpus.ENDUSERS if settings.get("as_planhat_lists") else corpus.UPSERTS
        self.arena.clear()
        self.endusers, self.metrics, self.calls = Arrivals(source), Arrivals(corpus.METRICS), 0
        warm = {
            corpus.ENDUSERS: self.rows["endusers"],
            corpus.POINTS: self.rows["dimensiondata"],
            corpus.KEYS: settings.get("upserts", 0),
            corpus.IDS: settings.get("upserts", 0),
        }
        for rows, count in warm.items():
            # One block at least, so that the first call of a run without rows does not wait for it either.
            for block in range(max(1, -(-count // corpus.BLOCK))):
                rows.block(block)


def _companies() -> list[dict[str, Any]]:
    return [
        {
            "_id": corpus.company_id(number),
            "name": corpus.company_name(number),
            "externalId": f"acc-{number:05d}",
            "sourceId": f"001A{number:05d}",
        }
        for number in range(corpus.COMPANIES)
    ]


def _custom_fields() -> list[dict[str, Any]]:
    return [
        {"_id": f"66c1f0aa9b2d{number:012d}", "name": name, "type": kind, "parent": "enduser", "isHidden": False}
        for number, (name, kind) in enumerate(_CUSTOM_TYPES.items())
    ]


def main() -> None:
    """Serve until ended by a signal."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    stand_in = StandIn()
    with serve(arguments.parse_args().port, stand_in.answer, stand_in.arena.allocate) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
