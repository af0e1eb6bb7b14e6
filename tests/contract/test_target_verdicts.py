"""The target's verdict on each row against what the sandbox really holds, for every form an answer can take."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import Finished, run, state, stream

DELIVERED = {"created", "updated", "unchanged", "accepted", "merged"}
ERROR_ITEMS = ("object", "object_keys", "object_bare", "text", "text_with_key")
FAILURES = ("206", "400_partial", "400_nothing")


def rows() -> list[dict[str, Any]]:
    """Good and bad rows in turn; the bad ones lack a name, or belong to no company."""
    mixed: list[dict[str, Any]] = []
    for number in range(30):
        row: dict[str, Any] = {"source_id": f"s{number}", "name": f"Asset {number}", "company_source_id": "here"}
        if number % 7 == 3:
            row["name"] = None
        if number % 11 == 5:
            row["company_source_id"] = "nowhere"
        mixed.append(row)
    return mixed


def honest(box: Sandbox, finished: Finished, sent: list[dict[str, Any]]) -> None:
    """No row counts as delivered that is not there, every row has a verdict, and nothing there is called rejected."""
    stored = {row["sourceId"]: row for row in box.rows("assets") if row.get("sourceId")}
    verdicts = finished.verdicts("assets")
    assert set(verdicts) == {row["source_id"] for row in sent}
    for row in sent:
        there = row["source_id"] in stored and stored[row["source_id"]]["name"] == row["name"]
        verdict = verdicts[row["source_id"]]
        if verdict in DELIVERED:
            assert there, row
        if verdict == "rejected":
            assert not there, row


@pytest.mark.parametrize(("items", "failure", "keys"), list(product(ERROR_ITEMS, FAILURES, ("all", "id_only"))))
def test_verdicts_agree_with_what_is_stored(items: str, failure: str, keys: str) -> None:
    switches = {"error_items": items, "bulk_failure": failure, "answer_keys": keys}
    with Sandbox(companies=2, seed=1, switches=switches) as box:
        run(box, stream("companies", [{"source_id": "here", "name": "Here"}]))
        sent = rows()
        finished = run(box, [*stream("assets", sent), state(1)], max_rejects="100%")
        honest(box, finished, sent)
        assert finished.states == [1]
        bad = sum(row["name"] is None or row["company_source_id"] == "nowhere" for row in sent)
        assert finished.summary["assets"].get("rejected", 0) + finished.summary["assets"].get("unknown", 0) == bad
        again = run(box, stream("assets", sent), max_rejects="100%")
        honest(box, again, sent)
        assert again.summary["assets"].get("created", 0) == 0


@pytest.mark.parametrize("forbidden", ["refused_creates", "refused_updates"])
@pytest.mark.parametrize("applied", ["partial", "nothing"])
def test_verdicts_when_the_token_may_not(forbidden: str, applied: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        run(box, stream("companies", [{"source_id": "here", "name": "Here"}]))
        run(box, stream("assets", rows()[:1]))
        box.set_switch(forbidden, "assets")
        box.set_switch("bulk_forbidden", applied)
        sent = [{**rows()[0], "name": "Changed"}, rows()[1]]
        finished = run(box, stream("assets", sent), max_rejects="100%")
        stored = {row["sourceId"]: row["name"] for row in box.rows("assets") if row.get("sourceId")}
        for row in sent:
            verdict = finished.verdicts("assets").get(row["source_id"])
            assert (verdict in DELIVERED) == (stored.get(row["source_id"]) == row["name"]) or finished.error


def test_a_row_that_breaks_the_server_is_found() -> None:
    with Sandbox(companies=2, seed=1) as box:
        run(box, stream("companies", [{"source_id": "here", "name": "Here"}]))
        box.set_faults([{"kind": "poison", "field": "sourceId", "value": "s8"}])
        sent = [row for row in rows() if row["name"] and row["company_source_id"] == "here"]
        finished = run(box, stream("assets", sent), max_rejects="100%", timeout_seconds=2)
        honest(box, finished, sent)
        assert finished.verdicts("assets")["s8"] in {"rejected", "unknown"}
        assert sum(verdict in DELIVERED for verdict in finished.verdicts("assets").values()) == len(sent) - 1


def test_a_body_that_is_too_large_is_split() -> None:
    with Sandbox(companies=2, seed=1, switches={"body_limit_mb": 0.002}) as box:
        run(box, stream("companies", [{"source_id": "here", "name": "Here"}]))
        sent = [row for row in rows() if row["name"] and row["company_source_id"] == "here"]
        finished = run(box, stream("assets", sent))
        assert finished.error is None
        assert finished.summary == {"assets": {"created": len(sent)}}


@pytest.mark.parametrize("kind", ["truncate", "invalid_json", "drop", "html"])
def test_faults_in_the_answer_do_not_lose_or_double_rows(kind: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        run(box, stream("companies", [{"source_id": "here", "name": "Here"}]))
        box.set_faults(
            [{"kind": kind, "path": "assets", "times": 1, **({"processed": True} if kind == "drop" else {})}]
        )
        sent = [row for row in rows() if row["name"] and row["company_source_id"] == "here"]
        finished = run(box, [*stream("assets", sent), state(1)])
        honest(box, finished, sent)
        assert finished.error is None
        assert sorted(row["sourceId"] for row in box.rows("assets") if str(row.get("sourceId")).startswith("s")) == (
            sorted(row["source_id"] for row in sent)
        )


def test_rows_without_a_key_never_count_as_delivered_without_proof() -> None:
    with Sandbox(companies=2, seed=1) as box:
        run(box, stream("companies", [{"source_id": "here", "name": "Here"}]))
        before = len(box.rows("timeentries"))
        sent = [
            {"date": "2024-05-14", "hours": 2, "description": "good"},
            {"date": "2024-05-14", "hours": 99, "description": "too long"},
            {"date": "2024-05-14", "hours": 3, "description": "good too"},
        ]
        blocks = {"time_entries": {"insert_without_key": True}}
        finished = run(box, stream("time_entries", sent), streams=blocks, max_rejects="100%")
        arrived = len(box.rows("timeentries")) - before
        counts = finished.summary["time_entries"]
        assert sum(counts.values()) == 3
        assert counts.get("created", 0) + counts.get("accepted", 0) <= arrived
