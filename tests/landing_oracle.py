"""A target that looks into the books of the sandbox: it proves that each schedule can be passed.

``python -m tests.landing_oracle --config config.json`` takes the place of ``tests.landing_target``. It sends each
point of which the books do not have as many equal ones as there were since the last bookmark.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.landing_source import STREAM, Point, content_of

if TYPE_CHECKING:
    from tests.landing_source import Cell, Content

__all__: list[str] = []

_PATHS = {"Company": "companies", "EndUser": "endusers", "Asset": "assets"}
_TIMEOUT = 1


class _Books:
    """What the sandbox knows."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._url = settings["base_url"]
        self._push_url = f"{settings['analytics_url']}/dimensiondata/{settings['tenant_token']}"
        self._headers = {"Authorization": f"Bearer {settings['api_token']}"}
        self._session = requests.Session()
        switches = self._read("switches")
        self.rule = switches["metric_combine"]
        self.held: dict[Cell, float] = {}
        entries = self._read("metrics/book")
        # The values before the schedule have three digits more than all others.
        for entry in entries:
            item = entry["item"]
            if item["value"] > 100_000:
                self.held[item["dimensionId"], item["model"], item["externalId"], item["date"]] = item["value"]
        self.ids = {
            (model, row["externalId"])
            for model, path in _PATHS.items()
            for row in self._read(f"rows/{path}")
            if row.get("externalId")
        }

    def arrived(self, first: int) -> Counter[Content]:
        """The points of the schedule that arrived, but so many of the first ones."""
        return Counter(content_of(entry["item"]) for entry in self._read("metrics/book")[len(self.held) + first :])

    def push(self, items: list[dict[str, Any]]) -> None:
        """Make one call, and do not ask what became of it."""
        with suppress(requests.RequestException):
            self._session.post(self._push_url, json=items, headers=self._headers, timeout=_TIMEOUT)

    def _read(self, path: str) -> Any:
        return requests.get(f"{self._url}/_sandbox/{path}", timeout=30).json()


class _Oracle:
    def __init__(self, settings: dict[str, Any], rows_per_call: int, memory: Path) -> None:
        self._mode = settings.get("streams", {}).get(STREAM, {}).get("existing_points", "add")
        self._books = _Books(settings)
        self._rows_per_call = rows_per_call
        self._memory = memory
        # Points that were sent before a bookmark.
        self._sent: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {"0": 0}
        folder = Path(settings["rejects_dir"])
        self._rejects = (folder / "rejects-oracle.singer").open("w", encoding="utf-8")
        self._receipts = (folder / "receipts-oracle.jsonl").open("w", encoding="utf-8")
        self._stopped = 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def run(self) -> int:
        """Send all points of the input. Returns the exit code."""
        waiting: list[Point] = []
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if message["type"] == "RECORD":
                record = message["record"]
                waiting.append(Point(record, (record["model"], record["external_id"]) in self._books.ids))
            elif message["type"] == "STATE":
                bookmark = message["value"]["bookmarks"][STREAM]
                if not self._deliver(waiting, bookmark):
                    return 128 + self._stopped
                if "progress_markers" not in bookmark:
                    for point in waiting:
                        self._tell(point)
                    waiting.clear()
                print(json.dumps(message["value"]), flush=True)  # noqa: T201
        return 0

    def _deliver(self, points: list[Point], bookmark: dict[str, Any]) -> bool:
        """Send the points since the last bookmark that did not arrive yet. False if the run was ended before."""
        last, moves = bookmark["position"], "progress_markers" not in bookmark
        before = self._sent[str(last - len(points) if moves else last)]
        items = [item for point in points if (item := self._item(point)) is not None]
        while left := _without(items, self._books.arrived(before)):
            if self._stopped:
                return False
            self._books.push(left[: self._rows_per_call])
        if moves:
            self._sent[str(last)] = before + len(items)
            new = self._memory.with_suffix(".new")
            new.write_text(json.dumps(self._sent))
            new.replace(self._memory)
        return True

    def _item(self, point: Point) -> dict[str, Any] | None:
        """What is sent for a point; None if nothing is."""
        held = self._books.held.get(point.cell)
        if not point.exists or (held is not None and self._mode == "keep"):
            return None
        if held is None or self._mode == "add":
            return point.as_item()
        value = self._value(held, point.content[-1])
        return None if value is None else {**point.as_item(), "value": value}

    def _value(self, held: float, wanted: float) -> float | None:
        """The value that makes a wanted one of a higher one that a day holds; None if there is none."""
        values = {"sum": wanted - held, "last": wanted, "min": wanted, "max": None, "average": 2 * wanted - held}
        return values[self._books.rule]

    def _tell(self, point: Point) -> None:
        outcome = "accepted"
        if not point.exists or (self._mode == "replace" and self._item(point) is None):
            outcome = "rejected"
            rejection = {"uncertain": False, "reason": "it has no record, or its day cannot get this value"}
            message = {"type": "RECORD", "stream": STREAM, "record": point.record, "planhat_rejection": rejection}
            self._rejects.write(json.dumps(message) + "\n")
            self._rejects.flush()
        self._receipts.write(json.dumps({"stream": STREAM, "outcome": outcome}) + "\n")
        self._receipts.flush()

    def _stop(self, number: int, _frame: object) -> None:
        self._stopped = number


def _without(items: list[dict[str, Any]], arrived: Counter[Content]) -> list[dict[str, Any]]:
    left = []
    for item in items:
        content = content_of(item)
        if arrived[content]:
            arrived[content] -= 1
        else:
            left.append(item)
    return left


def main() -> None:
    """Run it with the settings in a file."""
    settings = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    memory = Path(f"{os.environ['XDG_CACHE_HOME']}-oracle.json")
    sys.exit(_Oracle(settings, int(os.environ["LANDING_ROWS_PER_CALL"]), memory).run())


if __name__ == "__main__":
    main()
