"""A call refused as a whole among others: the result tells refused rows from stored ones and from those never sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import OutcomeKind, PayloadError, Row, SendResult, analytics
from planhat_api.bulk import upsert as bulk
from planhat_api.bulk.answer import BulkAnswer
from planhat_api.outcome import NOT_SENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def rows_of(number: int, **keys: str) -> list[Row]:
    return [Row(b"{}", {name: f"{text}{place}" for name, text in keys.items()}) for place in range(number)]


def answering(statuses: list[int], answer: Callable[[Sequence[Row]], Any]) -> Callable[[Sequence[Row]], Any]:
    def send(batch: Sequence[Row]) -> Any:
        status = statuses.pop(0)
        if status != 200:
            message = f"refused ({status})"
            raise PayloadError(message, status=status)
        return answer(batch)

    return send


def stored(batch: Sequence[Row]) -> BulkAnswer:
    return BulkAnswer(200, has_results=True, created=len(batch))


def accepted(batch: Sequence[Row]) -> analytics.CallOutcomes:
    return [analytics.ACCEPTED] * len(batch), []


def kinds(result: SendResult) -> list[str]:
    assert isinstance(result.error, PayloadError)
    return [outcome.kind.value for outcome in result.outcomes]


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([422], ["rejected"] * 4),
        ([413, 422], ["rejected", "rejected", "not sent", "not sent"]),
        ([413, 200, 422], ["stored", "stored", "rejected", "rejected"]),
    ],
)
@pytest.mark.parametrize("keys", [{"sourceId": "s"}, {}])
def test_rows_of_a_refused_bulk_call(statuses: list[int], told: list[str], keys: dict[str, str]) -> None:
    result = bulk.upsert(rows_of(4, **keys), answering(list(statuses), stored), lambda: None)
    assert kinds(result) == [{"stored": "created"}.get(kind, kind) for kind in told]
    assert {outcome.reason for outcome in result.outcomes if outcome.kind is OutcomeKind.REJECTED} == {"refused (422)"}
    assert {outcome.reason for outcome in result.outcomes if outcome.kind is OutcomeKind.NOT_SENT} <= {NOT_SENT.reason}


def test_rows_that_an_earlier_call_held_stay_in_doubt() -> None:
    def some_failed(batch: Sequence[Row]) -> BulkAnswer:
        return BulkAnswer(206, has_results=True, created=len(batch) - 1, errors=["something"])

    result = bulk.upsert(rows_of(4, sourceId="s"), answering([200, 422], some_failed), lambda: None)
    assert isinstance(result.error, PayloadError)
    assert {outcome.kind.word for outcome in result.outcomes} == {"unknown"}


def test_rows_created_by_a_call_are_not_called_unchanged_when_a_later_one_is_refused() -> None:
    answers = [
        BulkAnswer(206, has_results=True, created=3, errors=["something"]),
        BulkAnswer(200, has_results=True, nonupdates=2),
    ]
    result = bulk.upsert(rows_of(4, sourceId="s"), answering([200, 200, 422], lambda _: answers.pop(0)), lambda: None)
    assert isinstance(result.error, PayloadError)
    assert [outcome.kind.word for outcome in result.outcomes] == ["accepted", "accepted", "unknown", "unknown"]


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([422], ["rejected"] * 4),
        ([413, 422], ["rejected", "rejected", "not sent", "not sent"]),
        ([413, 200, 422], ["accepted", "accepted", "rejected", "rejected"]),
    ],
)
def test_rows_of_a_refused_post(statuses: list[int], told: list[str]) -> None:
    result = analytics.push(rows_of(4), answering(list(statuses), accepted), most_rows=4)
    assert kinds(result) == told


def test_a_row_refused_for_what_others_send_does_not_explain_the_counts() -> None:
    """Somebody else sends the key of the first row while the rows are told apart; the last row is the bad one."""
    calls: list[list[str]] = []

    def send(batch: Sequence[Row]) -> BulkAnswer:
        names = [row.keys["sourceId"] for row in batch]
        calls.append(names)
        errors = ["something is wrong"] * names.count("s2")
        if 1 < len(calls) < 4:
            errors += ["sourceId duplicated"] * names.count("s0")
        return BulkAnswer(206 if errors else 200, has_results=True, nonupdates=len(names) - len(errors), errors=errors)

    result = bulk.upsert(rows_of(3, sourceId="s"), send, lambda: None)
    assert [outcome.kind.value for outcome in result.outcomes] == ["unchanged", "unchanged", "rejected"]
