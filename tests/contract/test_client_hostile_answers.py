"""Answers that would take all memory, or nest without end: one clear error, whatever the call."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from planhat_api import (
    AccessError,
    AnswerTooLargeError,
    CredentialsError,
    OutcomeKind,
    PayloadError,
    PlanhatClient,
    PlanhatError,
    Row,
    SendResult,
    UnavailableError,
)
from planhat_api.models.registry import model
from tests.client_support import connection_of
from tests.hostile_server import MB, ReceivedCall, Told, serving, unfolding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Do = Callable[[PlanhatClient], Any]

COMPANIES = model("companies")
DEEP = b"[" * 100_000 + b"]" * 100_000
ROW = Row(b'{"name":"x","externalId":"a"}', {"externalId": "a"})

SENDS: dict[str, Callable[[PlanhatClient], SendResult]] = {
    "a bulk upsert": lambda client: client.bulk_upsert(COMPANIES, [ROW]),
    "metrics": lambda client: client.push_metrics([ROW]),
}
CALLS: dict[str, Do] = {
    "a list": lambda client: list(client.pages(COMPANIES)),
    "a list in one answer": lambda client: client.lean_companies(),
    "dimension data": lambda client: list(client.dimension_data(first_day=1, last_day=2, in_flight=4)),
    "one record": lambda client: client.get(COMPANIES, "1"),
    "a record written": lambda client: client.update(COMPANIES, "1", {"name": "x"}),
    "a record created": lambda client: client.create(COMPANIES, {"name": "x"}),
    "a bulk upsert": lambda client: SENDS["a bulk upsert"](client).raise_for_error(),
    "metrics": lambda client: SENDS["metrics"](client).raise_for_error(),
}
UNSAFE = {"a record created", "metrics"}


@contextmanager
def client_at(url: str) -> Iterator[PlanhatClient]:
    settings = {
        "api_token": "t0ken",
        "tenant_token": "0b5b1c7e-1111-4222-8333-944445555666",
        "base_url": url,
        "analytics_url": url,
        "quota_store": "",
        "calls_per_minute": 9000,
        "give_up_after_seconds": 0.3,
    }
    with PlanhatClient(connection_of(settings)) as client:
        yield client


def error_of(do: Do, told: Told) -> PlanhatError:
    with serving(lambda _: told) as (url, _), client_at(url) as client, pytest.raises(PlanhatError) as caught:
        do(client)
    return caught.value


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_unfolds_ends_in_an_error_with_call_and_size(call: str) -> None:
    told = unfolding()
    tracemalloc.start()
    try:
        error = error_of(CALLS[call], told)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(error, AnswerTooLargeError)
    assert " on 127.0.0.1:" in str(error)
    assert "more than 67,108,864 bytes" in str(error)
    assert error.may_have_arrived == (call in UNSAFE)
    # Some pages are on the way at once when rows are read ahead of their turn, yet none of them ahead of the first.
    assert peak < 100 * MB


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", [DEEP, DEEP[:100_000], b'[{"_id":"a","x":' + DEEP + b"}]"], ids=len)
def test_an_answer_that_nests_without_end_ends_in_an_error(call: str, body: bytes) -> None:
    error = error_of(CALLS[call], Told(body))
    assert isinstance(error, UnavailableError)
    # Metrics are decoded as what they should be, which a list is not at first sight.
    assert "is nested too deeply (200)" in str(error) or "not the answer to metrics" in str(error)
    assert "[[" not in str(error)
    assert error.may_have_arrived == (call in UNSAFE)


@pytest.mark.parametrize("call", ["one record", "a bulk upsert", "metrics"])
def test_objects_that_nest_without_end_are_told_like_lists(call: str) -> None:
    error = error_of(CALLS[call], Told(b'{"errors":[' + b'{"a":' * 100_000))
    assert "is nested too deeply (200)" in str(error)


@pytest.mark.parametrize("levels", [150, 900])
@pytest.mark.parametrize("call", SENDS)
def test_errors_of_rows_that_nest_deeply_are_no_errors_of_rows(call: str, levels: int) -> None:
    nested = b"[" * levels + b"]" * levels
    told = Told(b'{"created":0,"processed":0,"errors":[{"item":' + nested + b"}]}")
    with serving(lambda _: told) as (url, _), client_at(url) as client:
        result = SENDS[call](client)
    assert "is nested too deeply (200): an error that it lists" in str(result.error)
    assert result.outcomes[0].kind is OutcomeKind.LOST


@pytest.mark.parametrize(
    "body", [unfolding, lambda: Told(DEEP), lambda: Told(DEEP[:100_000])], ids=["unfolds", "deep", "open"]
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, CredentialsError), (403, AccessError), (413, PayloadError), (503, UnavailableError), (302, PayloadError)],
)
def test_a_refusal_is_told_by_its_status_whatever_its_body(
    body: Callable[[], Told], status: int, kind: type[PlanhatError]
) -> None:
    error = error_of(CALLS["one record"], replace(body(), status=status))
    assert type(error) is kind
    assert error.status == status
    assert len(str(error)) < 700


@pytest.mark.parametrize("in_flight", [1, 4])
def test_the_record_that_nests_too_deeply_is_named(in_flight: int) -> None:
    rows = [{"_id": f"{n:024x}", "ref": {"_id": "another"}, "x": n} for n in range(30)]
    bodies = [msgspec.json.encode(row) for row in rows]
    bodies[17] = b'{"x":' + DEEP + b',"ref":{"_id":"another"},"_id":"000000000000000000000011"}'

    def answers(asked: ReceivedCall) -> Told:
        return Told(b"[" + b",".join(bodies[asked.window]) + b"]")

    read: list[str | None] = []
    with serving(answers) as (url, _), client_at(url) as client:
        with pytest.raises(UnavailableError, match="the record with _id 000000000000000000000011") as caught:
            read.extend(key for page in client.pages(COMPANIES, limit=5, in_flight=in_flight) for key in page.ids)
        assert "GET companies on 127.0.0.1" in str(caught.value)
    assert read == [row["_id"] for row in rows[: len(read)]]
    assert len(read) >= 12


def test_a_passing_fault_of_that_kind_is_repeated() -> None:
    bodies = iter([DEEP, b'[{"_id":"a"}]', b"[]"])
    with serving(lambda _: Told(next(bodies))) as (url, _), client_at(url) as client:
        assert [key for page in client.pages(COMPANIES) for key in page.ids] == ["a"]


def test_an_answer_that_is_too_large_is_not_asked_for_again_as_it_stands() -> None:
    told = unfolding()
    with serving(lambda _: told) as (url, calls), client_at(url) as client:
        with pytest.raises(AnswerTooLargeError):
            client.get(COMPANIES, "1")
        assert len(calls) == 1
        calls.clear()
        with pytest.raises(AnswerTooLargeError, match="with offset 1 and limit 1"):
            list(client.pages(COMPANIES))
        limits = [int(asked.query["limit"]) for asked in calls]
        assert limits == [5000, 2500, 1250, 625, 312, 156, 78, 39, 19, 9, 4, 2, 1]


@pytest.mark.parametrize("in_flight", [1, 4])
def test_an_honest_list_whose_pages_are_too_large_is_read_whole(in_flight: int) -> None:
    text = "<p>a long mail</p>" * 100_000
    rows = [msgspec.json.encode({"_id": f"{n:024x}", "text": text}) for n in range(90)]

    def answers(asked: ReceivedCall) -> Told:
        return Told(b"[" + b",".join(rows[asked.window]) + b"]")

    with serving(answers) as (url, calls), client_at(url) as client:
        pages = client.pages(model("conversations"), in_flight=in_flight)
        assert [key for page in pages for key in page.ids] == [f"{n:024x}" for n in range(90)]
        # 162 MB in all: pages of 500, 250, 125 and 62 rows are too large; four or five of 31 hold all.
        assert len(calls) <= 12


def test_a_list_that_breaks_off_is_told_without_what_its_rows_hold() -> None:
    error = error_of(CALLS["a list in one answer"], Told(b'[{"_id":"1","name":"Secret Customer Ltd"}, {"_id"'))
    assert "not a list of records: 49 bytes" in str(error)
    assert "Secret" not in f"{error} {error.detail}"
