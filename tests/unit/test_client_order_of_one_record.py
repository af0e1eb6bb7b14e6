"""Rows that name one record by different keys keep their order, also when some of them are sent again."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from planhat_api import OutcomeKind, Row
from planhat_api.bulk.answer import BulkAnswer
from planhat_api.bulk.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE = {"_id": "x", "externalId": "e1"}
"""The record that the server holds at first."""
ROWS: tuple[dict[str, str], ...] = (
    {"externalId": "e1", "position": "by externalId"},
    {"_id": "x", "position": "by _id"},
    {"externalId": "e2", "position": "swallowed"},
)


class Server:
    """Holds one record, swallows what it does not hold, and tells the ``_id`` of what it changed."""

    def __init__(self) -> None:
        self.position = "by externalId"
        self.calls = 0

    def send(self, rows: Sequence[Row]) -> BulkAnswer:
        self.calls += 1
        updated = unchanged = 0
        for row in rows:
            item: dict[str, Any] = msgspec.json.decode(row.body)
            if any(item.get(name) == value for name, value in ONE.items()):
                updated += item["position"] != self.position
                unchanged += item["position"] == self.position
                self.position = item["position"]
        keys = [{"_id": "x"}] * updated
        return BulkAnswer(
            200, has_results=True, created=0, updated=updated, nonupdates=unchanged, inserts=[], updates=keys, errors=[]
        )


@pytest.mark.parametrize("order", list(permutations(ROWS)), ids=lambda order: "; ".join(r["position"] for r in order))
def test_the_later_row_wins(order: tuple[dict[str, str], ...]) -> None:
    server = Server()
    rows = [Row(msgspec.json.encode(row), {k: v for k, v in row.items() if k != "position"}) for row in order]
    result = upsert(rows, server.send, lambda: None)
    assert server.position == [row["position"] for row in order if row["position"] != "swallowed"][-1]
    fates = {row["position"]: outcome.kind for row, outcome in zip(order, result.outcomes, strict=True)}
    assert fates["swallowed"] is OutcomeKind.REJECTED
    assert server.calls <= 6
