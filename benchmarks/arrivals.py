"""The bodies a client sent: kept as they came, read once the clock has stopped."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

from benchmarks import corpus

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.corpus import Corpus, Row

_TAIL = 1 << 14  # holds a whole row of any corpus
_KEPT_BYTES = 1 << 30
_MOST_COMPLAINTS = 5


class Arrivals:
    """Rows of one corpus that arrived: each counted, one of each body compared field by field."""

    def __init__(self, rows: Corpus) -> None:
        """Begin with nothing arrived."""
        self._corpus = rows
        # An upserted row is told by its externalId, the one key that is never left out of a body.
        told_by = corpus.UPSERTS if rows is corpus.ENDUSERS else rows
        self._marker, self._number = told_by.marker, re.compile(told_by.number)
        self._lock = threading.Lock()
        self._bodies: list[tuple[memoryview, int, int]] = []
        self._kept = 0
        self._seen: set[int] = set()
        self._rows = 0
        self._sampled = 0
        self._complaints: list[str] = []

    def take(self, body: memoryview) -> tuple[int, int] | None:
        """Keep one body; the numbers of the rows it holds, the last one excluded, taken from its two ends."""
        first = self._number.search(body)
        if first is None:
            return None
        *_, last = self._number.finditer(body, max(0, len(body) - _TAIL))
        span = int(first[1]), int(last[1]) + 1
        with self._lock:
            self._bodies.append((body, *span))
            self._kept += len(body)
            full = self._kept > _KEPT_BYTES
        if full:
            self._read()
        return span

    def report(self) -> dict[str, Any]:
        """What arrived; ``complaints`` is empty when all was as it should be."""
        self._read()
        return {
            "rows": self._rows,
            "distinct": len(self._seen),
            "sampled": self._sampled,
            "complaints": self._complaints[:_MOST_COMPLAINTS],
        }

    def _read(self) -> None:
        with self._lock:
            bodies, self._bodies, self._kept = self._bodies, [], 0
            for kept, first, last in bodies:
                body = bytes(kept)
                numbers = {int(number) for number in self._number.findall(body)}
                self._rows += body.count(self._marker)
                self._seen |= numbers
                if len(numbers) != last - first:
                    self._complaints.append(f"a body of {len(numbers)} rows was answered as rows {first} to {last}")
                self._sample(body, first)

    def _sample(self, body: bytes, number: int) -> None:
        text = body[1 : 1 << 15].decode(errors="ignore")
        sent, _ = json.JSONDecoder().raw_decode(text.lstrip())
        self._sampled += 1
        wanted = self._corpus.row(number)
        writable = corpus.UPSERTS.row(number).keys() if self._corpus is not corpus.METRICS else wanted.keys()
        lost = [name for name in writable if name not in sent]
        changed = [name for name, value in sent.items() if not _same(wanted.get(name), value)]
        if lost or changed:
            self._complaints.append(f"row {number}: lost {lost}, changed {changed}")


def _same(one: object, other: object) -> bool:
    """Whether two values mean the same; moments may be spelled differently."""
    if isinstance(one, str) and isinstance(other, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*", one):
        return one[:19] == other[:19]
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other


def _holds(record: Row, name: str, value: object) -> bool:
    """Whether a record has a column with this value, as it is or as the SDK's flattening writes it."""
    if name not in record and isinstance(value, dict):
        return all(_holds(record, f"{name}__{inner}", part) for inner, part in value.items())
    found = record.get(name)
    if isinstance(value, (dict, list)) and isinstance(found, str):
        found = json.loads(found)
    return _same(value, found)


def compare(rows: Corpus, record: Row, deselected: Collection[str] = ()) -> str | None:
    """What is wrong with a record that was read from a corpus; None when nothing is.

    Args:
        rows: The corpus.
        record: The record.
        deselected: Columns that need not be there.
    """
    found = re.search(rows.number, json.dumps({"_id": record.get("_id")}).encode())
    if found is None:
        return f"no such _id: {record.get('_id')!r}"
    wanted = rows.row(int(found[1]))
    asked = {name: value for name, value in wanted.items() if name not in deselected}
    wrong = [name for name, value in asked.items() if not _holds(record, name, value)]
    return f"{record['_id']}: {wrong}" if wrong else None
