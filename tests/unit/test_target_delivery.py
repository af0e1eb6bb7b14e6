"""What is made of a row that was sent again after its first answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import BulkResult, Fate, Outcome, PayloadError, Row, UnavailableError
from planhat_api.outcome import NOT_SENT, WITHOUT_ANSWER
from target_planhat.delivery.resending import Repeats, deliver

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_unchanged_after_a_lost_answer_does_not_deny_that_this_run_stored_it() -> None:
    calls: list[int] = []

    def send(rows: Sequence[Row]) -> BulkResult:
        calls.append(len(rows))
        if len(calls) == 1:
            error = PayloadError("refused", status=422)
            error.outcomes = [Outcome(Fate.UNCHANGED, "1"), WITHOUT_ANSWER, WITHOUT_ANSWER]
            raise error
        return BulkResult([Outcome(Fate.UNCHANGED, "2"), Outcome(Fate.UPDATED, "3")])

    rows = [Row(b"{}", {"_id": str(place)}) for place in range(3)]
    delivery = deliver(rows, send, Repeats(1, lambda _: True))
    assert calls == [3, 2]
    assert [outcome.fate for outcome in delivery.outcomes] == [Fate.UNCHANGED, Fate.ACCEPTED, Fate.UPDATED]
    assert [outcome.planhat_id for outcome in delivery.outcomes] == ["1", "2", "3"]


def failed(status: int, *outcomes: Outcome) -> PayloadError:
    error = PayloadError(f"refused ({status})", status=status)
    error.outcomes = list(outcomes)
    return error


def test_a_row_that_a_lost_call_may_have_brought_is_not_rejected_when_the_next_call_is_refused() -> None:
    refused = Outcome(Fate.REJECTED, None, "refused (422)")
    errors = [failed(422, WITHOUT_ANSWER, refused, NOT_SENT), failed(422, refused, refused)]

    def send(rows: Sequence[Row]) -> BulkResult:
        if errors:
            raise errors.pop(0)
        return BulkResult([Outcome(Fate.CREATED)] * len(rows))

    delivery = deliver([Row(b"{}", {"_id": str(place)}) for place in range(3)], send, Repeats(1, lambda _: True))
    assert [outcome.fate for outcome in delivery.outcomes] == [Fate.UNKNOWN, Fate.REJECTED, Fate.REJECTED]
    assert delivery.error is None


def test_a_row_that_a_lost_call_may_have_brought_stays_in_doubt_when_the_next_one_does_not_send_it() -> None:
    down = UnavailableError("down")
    down.outcomes = [NOT_SENT, Outcome(Fate.CREATED)]
    errors = [failed(422, WITHOUT_ANSWER, NOT_SENT), down]

    def send(rows: Sequence[Row]) -> BulkResult:
        del rows
        raise errors.pop(0)

    delivery = deliver([Row(b"{}", {"_id": str(place)}) for place in range(2)], send, Repeats(1, lambda _: True))
    assert [outcome.fate for outcome in delivery.outcomes] == [Fate.UNKNOWN, Fate.CREATED]
    assert delivery.error is down
    assert delivery.settled() == [1]
