"""Whatever form a bulk answer has, no row counts as delivered that is not there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api import OutcomeKind, PayloadError, Row, UnavailableError
from planhat_api.bulk.answer import BulkAnswer, read_bulk
from planhat_api.bulk.upsert import batches, upsert
from planhat_api.http.call import Answer, GarbledError

if TYPE_CHECKING:
    from collections.abc import Sequence

DELIVERED = {OutcomeKind.CREATED, OutcomeKind.UPDATED, OutcomeKind.UNCHANGED, OutcomeKind.ACCEPTED}


@dataclass
class Server:
    """A server that stores rows by key and tells about it in one of many ways."""

    errors: str = "object"
    failure: str = "206"
    keys: str = "all"
    most_rows: int = 10**6
    stored: dict[str, int] = field(default_factory=dict)
    unkeyed: list[int] = field(default_factory=list)
    first_kind: dict[str, str] = field(default_factory=dict)
    calls: int = 0

    def send(self, rows: Sequence[Row]) -> BulkAnswer:
        self.calls += 1
        if len(rows) > self.most_rows:
            message = "too large"
            raise PayloadError(message, status=413)
        items = [msgspec.json.decode(row.body) for row in rows]
        if any(item["kind"] == "poison" for item in items):
            message = "failed"
            raise UnavailableError(message, status=500, detail="failed", may_have_arrived=not rows[0].keys)
        bad = [item for item in items if item["kind"] == "bad"]
        if bad and self.failure == "400_nothing":
            return self._answer(400, [], [], 0, bad)
        if bad and self.failure == "400_untold":
            return read_bulk(Answer(400, b'"something is wrong"'))
        created, updated, same = [], [], 0
        for item in items:
            if item["kind"] != "good":
                continue
            key = item.get("sourceId")
            if key is None:
                self.unkeyed.append(item["n"])
                created.append({"_id": f"u{len(self.unkeyed)}"})
                continue
            entry = {"_id": f"id-{key}", **({"sourceId": key} if self.keys == "all" else {})}
            if key not in self.stored:
                created.append(entry)
                kind = "created"
            elif self.stored[key] != item["n"]:
                updated.append(entry)
                kind = "updated"
            else:
                same += 1
                kind = "unchanged"
            self.stored[key] = item["n"]
            self.first_kind.setdefault(key, kind)
        return self._answer(
            {"206": 206, "400_partial": 400}.get(self.failure, 206) if bad else 200, created, updated, same, bad
        )

    def _answer(
        self, status: int, created: list[Any], updated: list[Any], same: int, bad: list[dict[str, Any]]
    ) -> BulkAnswer:
        body = {
            "created": len(created),
            "insertsKeys": created,
            "createdErrors": [self._error(item) for item in bad],
            "updated": len(updated),
            "updatedErrors": [],
            "updatesKeys": updated,
            "nonupdates": same,
            "permissionErrors": [],
        }
        return read_bulk(Answer(status, msgspec.json.encode(body)))

    def _error(self, item: dict[str, Any]) -> Any:
        text = f"row is wrong; see also {item['misleading']}"
        return {
            "object": {"item": item, "error": text},
            "object_keys": {"sourceId": item.get("sourceId"), "error": text},
            "object_bare": {"error": text, "code": 11000},
            "text": text,
            "text_with_key": f"sourceId {item.get('sourceId')}: {text}",
        }[self.errors]


def row(n: int, kind: str, *, keyed: bool, misleading: str = "") -> Row:
    body = {"n": n, "kind": kind, "misleading": misleading, **({"sourceId": f"s{n}"} if keyed else {})}
    return Row(msgspec.json.encode(body), {"sourceId": f"s{n}"} if keyed else {})


ROWS = st.lists(
    st.tuples(st.sampled_from(["good"] * 6 + ["bad", "vanish"]), st.booleans(), st.integers(0, 40)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(
    rows=ROWS,
    before=st.dictionaries(st.integers(0, 40), st.booleans()),
    server=st.builds(
        Server,
        errors=st.sampled_from(["object", "object_keys", "object_bare", "text", "text_with_key"]),
        failure=st.sampled_from(["206", "400_partial", "400_nothing", "400_untold"]),
        keys=st.sampled_from(["all", "id_only"]),
        most_rows=st.sampled_from([1, 7, 10**6]),
        stored=st.builds(dict),
    ),
)
def test_the_verdict_on_each_row_is_what_the_server_did(
    rows: list[tuple[str, bool, int]], before: dict[int, bool], server: Server
) -> None:
    server.stored = {f"s{n}": n if same else -1 for n, same in before.items()}
    sent = [row(n, kind, keyed=keyed, misleading=f"s{hint}") for n, (kind, keyed, hint) in enumerate(rows)]
    result = upsert(sent, server.send, lambda: None)
    assert len(result.outcomes) == len(sent)
    for n, ((kind, keyed, _), outcome) in enumerate(zip(rows, result.outcomes, strict=True)):
        stored = server.stored.get(f"s{n}") == n and kind == "good" if keyed else n in server.unkeyed
        if outcome.kind in DELIVERED:
            assert stored
            assert outcome.reason is None
        elif outcome.kind is OutcomeKind.REJECTED:
            assert not stored
            assert outcome.reason
        if keyed and kind == "good":
            assert outcome.kind in {server.first_kind[f"s{n}"], OutcomeKind.ACCEPTED}
        if keyed and kind != "good":
            assert outcome.kind is OutcomeKind.REJECTED
        assert server.unkeyed.count(n) <= 1


@pytest.mark.parametrize("poisoned", [0, 1, 777, 1999])
def test_a_row_that_planhat_stumbles_over_is_cornered(poisoned: int) -> None:
    server = Server()
    rows = [row(n, "poison" if n == poisoned else "good", keyed=True) for n in range(2000)]
    result = upsert(rows, server.send, lambda: None)
    assert [n for n, outcome in enumerate(result.outcomes) if outcome.kind is OutcomeKind.REJECTED] == [poisoned]
    assert len(server.stored) == 1999
    assert server.calls < 30


def test_a_server_that_fails_on_everything_is_unavailable_and_not_cornered_row_by_row() -> None:
    server = Server()
    result = upsert([row(n, "poison", keyed=True) for n in range(5000)], server.send, lambda: None)
    assert isinstance(result.error, UnavailableError)
    assert server.calls < 20
    assert {outcome.kind for outcome in result.outcomes} == {OutcomeKind.LOST}


def test_a_server_that_is_down_is_not_asked_again() -> None:
    server = Server()

    def down() -> None:
        message = "down"
        raise UnavailableError(message)

    with pytest.raises(UnavailableError, match="down"):
        upsert([row(n, "poison", keyed=True) for n in range(10)], server.send, down).raise_for_error()
    assert server.calls == 1


def test_rows_without_keys_are_not_sent_again_after_a_fault() -> None:
    server = Server()
    rows = [row(0, "good", keyed=True), row(1, "poison", keyed=False), row(2, "good", keyed=False)]
    result = upsert(rows, server.send, lambda: None)
    assert isinstance(result.error, UnavailableError)
    assert result.error.may_have_arrived
    assert server.calls == 2
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.CREATED, OutcomeKind.LOST, OutcomeKind.LOST]


def test_telling_many_unnamed_failures_apart_has_a_limit() -> None:
    server = Server(errors="object_bare", failure="206", stored={f"s{n}": n for n in range(5000)})
    rows = [row(n, "bad" if n % 5 == 0 else "good", keyed=True) for n in range(5000)]
    result = upsert(rows, server.send, lambda: None)
    assert server.calls < 320
    for n, outcome in enumerate(result.outcomes):
        assert outcome.kind in (
            {OutcomeKind.REJECTED, OutcomeKind.UNKNOWN} if n % 5 == 0 else {OutcomeKind.UNCHANGED, OutcomeKind.UNKNOWN}
        )


def test_a_row_known_by_id_alone_is_not_sent_again_when_it_may_have_become_another() -> None:
    sent: list[int] = []

    def send(rows: Sequence[Row]) -> BulkAnswer:
        sent.append(len(rows))
        body = {"created": 1, "insertsKeys": [{"_id": "new"}], "nonupdates": 1, "createdErrors": ["something is wrong"]}
        return read_bulk(Answer(206, msgspec.json.encode(body)))

    rows = [Row(b'{"_id": "%d"}' % n, {"_id": str(n)}) for n in range(3)]
    result = upsert(rows, send, lambda: None)
    assert sent == [3]
    assert {outcome.kind for outcome in result.outcomes} == {OutcomeKind.UNKNOWN}


def test_rows_known_by_id_alone_are_unknown_when_the_counts_of_a_success_do_not_add_up() -> None:
    """One of them became a new row under another _id, one was dropped without a word: Planhat does not tell which."""
    sent: list[int] = []

    def send(rows: Sequence[Row]) -> BulkAnswer:
        sent.append(len(rows))
        body = {"created": 1, "insertsKeys": [{"_id": "new"}], "updated": 0, "nonupdates": 0}
        return read_bulk(Answer(200, msgspec.json.encode(body)))

    rows = [Row(b'{"_id": "%d"}' % n, {"_id": str(n)}) for n in range(2)]
    result = upsert(rows, send, lambda: None)
    assert sent == [2]
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.UNKNOWN, OutcomeKind.UNKNOWN]
    assert all("under another _id" in (outcome.reason or "") for outcome in result.outcomes)


def test_counts_that_do_not_add_up_are_noted() -> None:
    def send(rows: Sequence[Row]) -> BulkAnswer:
        body = {"created": 1, "insertsKeys": [{"_id": "a", "sourceId": "s0"}], "updated": 0, "nonupdates": 0}
        return read_bulk(Answer(200, msgspec.json.encode(body)))

    result = upsert([row(0, "good", keyed=True), row(1, "good", keyed=True)], send, lambda: None)
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.CREATED, OutcomeKind.REJECTED]
    assert result.notes == ["2 rows sent, but Planhat counts 1 created, 0 updated, 0 unchanged and 0 errors"]


def test_reasons_hold_no_rows_and_no_addresses_but_the_rows_own_key() -> None:
    echo = {"email": "kim@acme.example", "firstName": "Kim", "custom": {"secret": "x" * 1000}}
    errors = [{"item": echo, "error": "duplicate of ada@acme.example for kim@acme.example " + "y" * 1000}]

    def send(rows: Sequence[Row]) -> BulkAnswer:
        return read_bulk(Answer(400, msgspec.json.encode({"created": 0, "createdErrors": errors})))

    result = upsert([Row(msgspec.json.encode(echo), {"email": "kim@acme.example"})], send, lambda: None)
    reason = result.outcomes[0].reason or ""
    assert reason.startswith("duplicate of [hidden] for kim@acme.example")
    assert len(reason) <= 300


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"ok"', b'{"n": 1}', b'{"created": 1'])
def test_a_success_without_a_bulk_answer_is_a_fault(body: bytes) -> None:
    with pytest.raises(GarbledError):
        read_bulk(Answer(200, body))


@given(lengths=st.lists(st.integers(2, 60), max_size=50), most_rows=st.integers(1, 10), most_bytes=st.integers(10, 100))
def test_batches_keep_to_both_limits_and_lose_nothing(lengths: list[int], most_rows: int, most_bytes: int) -> None:
    rows = [Row(b"x" * length) for length in lengths]
    cut = list(batches(rows, range(len(rows)), most_rows=most_rows, most_bytes=most_bytes))
    assert [index for batch in cut for index in batch] == list(range(len(rows)))
    for batch in cut:
        body = 2 + sum(lengths[index] for index in batch) + len(batch) - 1
        assert len(batch) <= most_rows
        assert body <= most_bytes or len(batch) == 1


@pytest.mark.parametrize("errors", [["companyId required"] * 5000, [f"problem number {n}" for n in range(5000)]])
def test_thousands_of_refused_rows_are_judged_quickly(errors: list[str]) -> None:
    def send(rows: Sequence[Row]) -> BulkAnswer:
        return read_bulk(Answer(400, msgspec.json.encode({"created": 0, "createdErrors": errors[: len(rows)]})))

    began = time.monotonic()
    result = upsert([row(n, "bad", keyed=True) for n in range(5000)], send, lambda: None)
    # Work that grows with the rows times the errors takes a minute and a half here.
    assert time.monotonic() - began < 10
    assert {outcome.kind for outcome in result.outcomes} == {OutcomeKind.REJECTED}
    assert all(outcome.reason and errors[0] in outcome.reason for outcome in result.outcomes)
