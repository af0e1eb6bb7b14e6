"""Rows that differ wait until they fill a call, and nothing is lost, overtaken or done twice by that."""

from __future__ import annotations

import json
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planhat_api import PlanhatClient
from planhat_api.destination import look
from planhat_sandbox import Sandbox
from target_planhat.delivery.call_limit import CallLimit, size_of
from target_planhat.errors import GuardError
from target_planhat.rows.item import Item
from tests.log_support import logged
from tests.target_support import records, run, schema, state, stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planhat_api import Row
    from planhat_api.models.registry import Model
    from tests.target_support import Finished, Message

NO_QUOTA = {"calls_per_minute": 0, "calls_per_second": 0}
GONE = "2026-01-01T00:00:00Z"
ROWS_PER_CALL = 5000
Rows = list[dict[str, Any]]


def people(box: Sandbox, number: int) -> Rows:
    companies = [row["_id"] for row in box.rows("companies")]
    return [
        {"external_id": f"e{place}", "company_id": companies[place % len(companies)], "position": f"p{place}"}
        for place in range(number)
    ]


def positions(box: Sandbox) -> dict[str, str]:
    """The position of each enduser that a run wrote, by key."""
    rows = [row for row in box.rows("endusers") if not (row.get("externalId") or "U-").startswith("U-")]
    return {row["externalId"]: row["position"] for row in rows}


def writes(box: Sandbox, path: str = "endusers") -> int:
    return sum(call.method != "GET" and call.path.startswith(path) for call in box.calls)


def with_changes(rows: Rows, share: float, value: str = "changed") -> Rows:
    """A share of the rows, spread over all of them, has another value."""
    step = 1 / share if share else 0
    places = {int(place * step) for place in range(round(len(rows) * share))}
    return [{**row, "position": f"{value} {place}"} if place in places else row for place, row in enumerate(rows)]


@contextmanager
def whole_looks() -> Iterator[None]:
    """Also for a few rows, the whole list is read."""
    with patch.object(look, "_MOST_GETS", 0):
        yield


@contextmanager
def sent_calls() -> Iterator[list[tuple[str, list[dict[str, Any]]]]]:
    """The rows that the client gets to send in bulk, with the path of their model."""
    calls: list[tuple[str, list[dict[str, Any]]]] = []
    send = PlanhatClient.bulk_upsert

    def note(client: PlanhatClient, to: Model, rows: Sequence[Row], **more: Any) -> Any:
        calls.append((to.path, [json.loads(row.body) for row in rows]))
        return send(client, to, rows, **more)

    with patch.object(PlanhatClient, "bulk_upsert", note):
        yield calls


def changed(box: Sandbox, messages: list[Message], **more: Any) -> Finished:
    with whole_looks():
        return run(box, messages, **{"write": "changes", "checkpoint_seconds": 600, **more})


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.6, 1])
def test_there_are_as_few_calls_as_can_be(share: float) -> None:
    with Sandbox(companies=10, endusers=0, switches=NO_QUOTA) as box:
        rows = people(box, 20_000)
        run(box, stream("endusers", rows))
        box.forget_calls()
        finished = run(box, stream("endusers", with_changes(rows, share)), write="changes")
        assert finished.error is None
        number = round(20_000 * share)
        expected = {"unchanged": 20_000 - number, "updated": number}
        assert finished.summary["endusers"] == {kind: rows for kind, rows in expected.items() if rows}
        assert writes(box) == ceil(number / ROWS_PER_CALL)
        assert positions(box) == {row["external_id"]: row["position"] for row in with_changes(rows, share)}


def test_the_list_is_read_once() -> None:
    reads = []
    for batch in (10, 1000):
        with Sandbox(companies=10, endusers=0, switches=NO_QUOTA) as box:
            rows = people(box, 1000)
            run(box, stream("endusers", rows))
            box.forget_calls()
            finished = changed(box, stream("endusers", with_changes(rows, 0.05)), batch_size_rows=batch)
            assert finished.error is None
            reads.append(sum(call.method == "GET" and call.path == "endusers" for call in box.calls))
            assert writes(box) == ceil(50 / batch)
    assert reads[0] == reads[1]


def test_gathered_rows_are_no_more_than_a_batch() -> None:
    with Sandbox(companies=10, endusers=0, switches=NO_QUOTA) as box, sent_calls() as calls:
        rows = people(box, 400)
        run(box, stream("endusers", rows))
        calls.clear()
        finished = changed(box, stream("endusers", with_changes(rows, 0.3)), batch_size_rows=20)
        assert finished.error is None
        assert [len(bodies) for _, bodies in calls] == [20] * 6


# Three persons who can be named in two ways, and two new ones.
_STEP = st.tuples(
    st.sampled_from(["by source", "by email"] * 3 + ["deleted"]),
    st.integers(0, 4),
    st.sampled_from(["name", "name", "phone"]),
    st.sampled_from(["a", "a", "b"]),
)


def steps_as_messages(steps: Sequence[tuple[str, int, str, str]], company: str) -> list[Message]:
    columns = ["company_id", "name", "phone", "position"]
    messages = [
        schema("a-endusers", ["source_id", *columns, "_sdc_deleted_at"]),
        schema("b-endusers", ["email", *columns]),
    ]
    for kind, person, field, value in steps:
        keys = {"email": f"p{person}@x.example"} if kind == "by email" else {"source_id": f"s{person}"}
        gone = {"_sdc_deleted_at": GONE} if kind == "deleted" else {}
        row = {"company_id": company, **keys, field: value, **gone}
        messages += records("b-endusers" if kind == "by email" else "a-endusers", [row])
    return [*messages, state(1)]


def persons(box: Sandbox) -> list[dict[str, Any]]:
    names = ("sourceId", "email", "name", "phone", "position")
    found = [{name: row.get(name) for name in names} for row in box.rows("endusers")]
    return sorted(found, key=str)


_UNDONE_BY_EMAIL = [
    ("by source", 0, "name", "b"),
    *(("by source", person, "name", "a") for person in (1, 2)),
    *(("by email", person, "name", "a") for person in (0, 1, 2)),
    *(("by source", person, "name", "a") for person in (1, 2)),
]


@settings(max_examples=40)
@example(steps=_UNDONE_BY_EMAIL, batch=3, hard_delete=False)
@given(steps=st.lists(_STEP, min_size=10, max_size=24), batch=st.integers(2, 6), hard_delete=st.booleans())
def test_the_end_is_as_if_rows_were_sent_one_by_one(
    *, steps: list[tuple[str, int, str, str]], batch: int, hard_delete: bool
) -> None:
    ends = []
    for one_by_one in (True, False):
        with Sandbox(companies=1, endusers=0, days=1, switches=NO_QUOTA) as box:
            company = box.rows("companies")[0]["_id"]
            first = [
                {"source_id": f"s{place}", "email": f"p{place}@x.example", "name": "a", "company_id": company}
                for place in range(3)
            ]
            run(box, stream("endusers", first))
            messages = steps_as_messages(steps, company)
            more: dict[str, Any] = {"hard_delete": hard_delete, "max_rejects": "100%"}
            if one_by_one:
                finished = run(box, messages, batch_size_rows=1, **more)
            else:
                finished = changed(box, messages, batch_size_rows=batch, **more)
            assert finished.error is None
            assert finished.states == [1]
            assert sum(sum(counts.values()) for counts in finished.summary.values()) == len(steps)
            ends.append(persons(box))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("mode", ["upsert", "update", "insert"])
def test_a_later_row_of_a_gathered_one_counts(mode: str) -> None:
    """e1 changes, then goes back to what Planhat holds; n is new, and changes."""
    with Sandbox(companies=2, endusers=0, switches=NO_QUOTA) as box:
        rows = people(box, 40)
        run(box, stream("endusers", rows))
        box.forget_calls()
        new = {**rows[0], "external_id": "n"}
        given_rows = [
            {**rows[1], "position": "other"},
            {**new, "position": "first"},
            *rows[10:20],
            rows[1],
            {**new, "position": "second"},
            *rows[20:40],
        ]
        finished = changed(box, stream("endusers", given_rows), batch_size_rows=10, load_method=mode)
        assert finished.error is None
        assert positions(box)["e1"] == "p1"
        assert positions(box).get("n") == {"upsert": "second", "update": None, "insert": "first"}[mode]
        assert sum(finished.summary["endusers"].values()) == len(given_rows)


def test_a_row_by_another_key_of_a_gathered_record_is_not_called_equal() -> None:
    """The record is changed by its sourceId. The later row by its address undoes this, and is equal to what is held."""
    with Sandbox(companies=1, endusers=0, switches=NO_QUOTA) as box:
        company = box.rows("companies")[0]["_id"]
        keys = [{"source_id": f"s{place}", "email": f"p{place}@x.example"} for place in range(30)]
        run(box, stream("endusers", [{**one, "company_id": company, "name": "held"} for one in keys]))
        messages = [
            schema("a-endusers", ["source_id", "name"]),
            schema("b-endusers", ["email", "name"]),
            *records("a-endusers", [{"source_id": "s0", "name": "changed"}]),
            *records("a-endusers", [{"source_id": f"s{place}", "name": "held"} for place in range(1, 10)]),
            *records("b-endusers", [{"email": f"p{place}@x.example", "name": "held"} for place in (0, *range(11, 30))]),
        ]
        finished = changed(box, messages, batch_size_rows=10)
        assert finished.error is None
        assert {row["name"] for row in box.rows("endusers") if row.get("sourceId")} == {"held"}


@pytest.mark.parametrize("share", [0.1, 0.5, 1])
@pytest.mark.parametrize("beyond", [0, 1])
def test_a_guard_counts_each_row_once(share: float, beyond: int) -> None:
    with Sandbox(companies=10, endusers=0, switches=NO_QUOTA) as box:
        rows = people(box, 100)
        run(box, stream("endusers", rows))
        number = round(100 * share)
        given_rows = with_changes(rows, share)
        with logged():
            finished = changed(box, stream("endusers", given_rows), batch_size_rows=20, max_updates=number - beyond)
        after = sum(position.startswith("changed") for position in positions(box).values())
        if beyond:
            assert isinstance(finished.error, GuardError)
            assert after <= number - beyond
            assert not finished.states
        else:
            assert finished.error is None
            assert after == number


@pytest.mark.parametrize("status", [401, 500])
def test_no_state_passes_a_gathered_row(status: int) -> None:
    """The run fails at the call for the gathered rows. The next run sends them."""
    with Sandbox(companies=10, endusers=0, switches=NO_QUOTA) as box:
        rows = people(box, 100)
        run(box, stream("endusers", rows))
        messages = [state(0), *stream("endusers", with_changes(rows, 0.1)), state(1)]
        box.set_faults([{"kind": "status", "status": status, "method": "PUT", "path": "endusers"}])
        with logged():
            failed = changed(box, messages, batch_size_rows=20, timeout_seconds=1)
        assert failed.error is not None
        assert not failed.states
        assert failed.summary["endusers"] == {"unchanged": 90, "unsent": 10}
        box.set_faults([])
        finished = changed(box, messages, batch_size_rows=20)
        assert finished.states == [1]
        assert finished.summary["endusers"] == {"unchanged": 90, "updated": 10}


def test_too_many_rejects_end_the_run_after_the_gathered_rows() -> None:
    with Sandbox(companies=10, endusers=0, switches=NO_QUOTA) as box:
        rows = people(box, 100)
        run(box, stream("endusers", rows))
        given_rows: Rows = with_changes(rows, 0.1)[:60]
        messages = [
            schema("endusers", {name: {"type": "string"} for name in rows[0]}),
            *records("endusers", [*given_rows, {**rows[60], "position": 1}, *rows[61:]]),
        ]
        with logged():
            finished = changed(box, messages, batch_size_rows=20, max_rejects=0)
        assert finished.error is not None
        assert sum(position.startswith("changed") for position in positions(box).values()) == 6


def test_gathered_parents_go_before_their_children() -> None:
    with Sandbox(companies=40, endusers=0, switches=NO_QUOTA) as box, sent_calls() as calls:
        held = [{"_id": row["_id"], "name": row["name"], "external_id": None} for row in box.rows("companies")]
        new = {"_id": None, "name": "new", "external_id": "new"}
        messages = [
            *stream("companies", [held[0], new, *held[1:]]),
            *stream("endusers", [{"external_id": f"e{n}", "company_id": "extid-new"} for n in range(25)]),
        ]
        finished = changed(box, messages, batch_size_rows=10)
        assert finished.error is None
        assert finished.summary == {"companies": {"unchanged": 40, "created": 1}, "endusers": {"created": 25}}
        assert [path for path, _ in calls] == ["companies", "endusers", "endusers", "endusers"]


@pytest.mark.parametrize("streams", [("tickets", "conversations"), ("conversations", "tickets")])
def test_a_model_whose_records_change_with_another_one_is_sent_before_it(streams: tuple[str, str]) -> None:
    """A ticket is a conversation, so that the order of their rows counts."""
    with Sandbox(companies=20, days=2, seed=4, switches=NO_QUOTA) as box:
        tickets = [row for row in box.rows("tickets") if row.get("email")][:12]
        messages: list[Message] = []
        for path in streams:
            rows = [{"_id": row["_id"], "subject": row["subject"], "email": row["email"]} for row in tickets]
            rows[2]["subject"] = f"changed in {path}"
            columns = ["_id", "subject", "email"] if path == "tickets" else ["_id", "subject"]
            messages += stream(path, [{name: row[name] for name in columns} for row in rows])
        with sent_calls() as calls:
            finished = changed(box, messages, batch_size_rows=5, max_rejects="100%")
        assert finished.error is None
        assert [path for path, _ in calls] == list(streams)
        (found,) = [row["subject"] for row in box.rows("tickets") if row["_id"] == tickets[2]["_id"]]
        assert found == f"changed in {streams[1]}"


def test_a_deleted_row_takes_the_gathered_ones_along() -> None:
    with Sandbox(companies=2, endusers=0, switches=NO_QUOTA) as box:
        rows = people(box, 40)
        run(box, stream("endusers", rows))
        given_rows: Rows = [
            {**rows[1], "position": "changed"},
            *rows[2:12],
            {**rows[1], "_sdc_deleted_at": GONE},
            *rows[12:],
            {**rows[1], "position": "again"},
        ]
        messages = [schema("endusers", [*rows[0], "_sdc_deleted_at"]), *records("endusers", given_rows)]
        finished = changed(box, messages, batch_size_rows=10, hard_delete=True)
        assert finished.error is None
        assert positions(box)["e1"] == "again"
        assert sum(finished.summary["endusers"].values()) == len(given_rows)


def test_rows_that_wait_for_their_company() -> None:
    """Its company comes at the end. The later row for the same record is not overtaken."""
    with Sandbox(companies=2, endusers=0, switches=NO_QUOTA) as box:
        rows = people(box, 60)
        run(box, stream("endusers", rows))
        late = {"external_id": "late", "company_id": "extid-c", "position": "first"}
        given_rows = [late, *with_changes(rows[:30], 0.4), {**late, "position": "second"}, *rows[30:]]
        messages = [*stream("endusers", given_rows), *stream("companies", [{"external_id": "c", "name": "c"}])]
        finished = changed(box, messages, batch_size_rows=10)
        assert finished.error is None
        (found,) = [row for row in box.rows("endusers") if row.get("externalId") == "late"]
        assert found["position"] == "second"
        assert finished.summary["endusers"] == {"unchanged": 48, "updated": 12, "created": 1, "merged": 1}


def test_values_before_and_after_are_in_the_receipts() -> None:
    with Sandbox(companies=2, endusers=0, switches=NO_QUOTA) as box:
        rows = people(box, 40)
        run(box, stream("endusers", rows))
        finished = changed(box, stream("endusers", with_changes(rows, 0.1)), batch_size_rows=10, receipts_values=True)
        changes: dict[str, list[dict[str, str]]] = {one["key_value"]: one["changes"] for one in finished.receipts}
        assert len(changes) == 40
        assert changes["e10"] == [{"field": "position", "before": "p10", "after": "changed 10"}]
        assert sum(bool(one) for one in changes.values()) == 4


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 7), st.integers(10, 60))
def test_full_calls_are_full_and_no_row_is_lost(sizes: list[int], rows: int, size: int) -> None:
    items = [Item(b"x" * number, {}) for number in sizes]
    limit = CallLimit(rows, size)
    calls, rest = limit.full_calls(items)
    assert [*(item for call in calls for item in call), *rest] == items
    assert len(rest) < rows
    assert sum(map(size_of, rest)) < size
    for place, call in enumerate(calls):
        assert len(call) <= rows
        assert sum(map(size_of, call)) <= size or len(call) == 1
        after = calls[place + 1] if place + 1 < len(calls) else rest
        assert len(call) == rows or sum(map(size_of, (*call, *after[:1]))) >= size
