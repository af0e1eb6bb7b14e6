"""What is made of a row that was sent again after its first answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind, PayloadError, Row, SendResult, UnavailableError
from planhat_api.outcome import NOT_SENT, lost
from target_planhat.delivery.resending import RepeatPolicy, deliver, rows_with_final_outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api import PlanhatError

REPEATS = RepeatPolicy(1, lambda _: True)
LOST = lost(UnavailableError("no answer", may_have_arrived=True))


def keyed(number: int) -> list[Row]:
    return [Row(b"{}", {"_id": str(place)}) for place in range(number)]


def test_unchanged_after_a_lost_answer_does_not_deny_that_this_run_stored_it() -> None:
    calls: list[int] = []

    def send(rows: Sequence[Row]) -> SendResult:
        calls.append(len(rows))
        if len(calls) == 1:
            return failed(422, Outcome(OutcomeKind.UNCHANGED, "1"), LOST, LOST)
        return SendResult([Outcome(OutcomeKind.UNCHANGED, "2"), Outcome(OutcomeKind.UPDATED, "3")])

    delivery = deliver(keyed(3), send, REPEATS)
    assert calls == [3, 2]
    assert [outcome.kind for outcome in delivery.outcomes] == [
        OutcomeKind.UNCHANGED,
        OutcomeKind.ACCEPTED,
        OutcomeKind.UPDATED,
    ]
    assert [outcome.planhat_id for outcome in delivery.outcomes] == ["1", "2", "3"]


def test_unchanged_after_a_lost_answer_does_not_deny_it_either_when_a_later_call_fails() -> None:
    down = UnavailableError("down")
    results = [failed(422, LOST, LOST), SendResult([Outcome(OutcomeKind.UNCHANGED, "1"), NOT_SENT], error=down)]
    delivery = deliver(keyed(2), lambda _: results.pop(0), REPEATS)
    assert [outcome.kind for outcome in delivery.outcomes] == [OutcomeKind.ACCEPTED, OutcomeKind.LOST]
    assert rows_with_final_outcome(keyed(2), delivery, REPEATS) == [0]


def failed(status: int, *outcomes: Outcome) -> SendResult:
    return SendResult(list(outcomes), error=PayloadError(f"refused ({status})", status=status))


def test_a_row_that_a_lost_call_may_have_brought_is_not_rejected_when_the_next_call_is_refused() -> None:
    refused = Outcome(OutcomeKind.REJECTED, None, "refused (422)")
    results = [failed(422, LOST, refused, NOT_SENT), failed(422, refused, refused)]

    def send(rows: Sequence[Row]) -> SendResult:
        return results.pop(0) if results else SendResult([Outcome(OutcomeKind.CREATED)] * len(rows))

    delivery = deliver(keyed(3), send, REPEATS)
    assert [outcome.kind for outcome in delivery.outcomes] == [
        OutcomeKind.UNKNOWN,
        OutcomeKind.REJECTED,
        OutcomeKind.REJECTED,
    ]
    assert delivery.error is None


def test_a_row_that_a_lost_call_may_have_brought_stays_in_doubt_when_the_next_one_does_not_send_it() -> None:
    down = UnavailableError("down")
    results = [failed(422, LOST, NOT_SENT), SendResult([NOT_SENT, Outcome(OutcomeKind.CREATED)], error=down)]
    delivery = deliver(keyed(2), lambda _: results.pop(0), REPEATS)
    assert [outcome.kind.word for outcome in delivery.outcomes] == ["unknown", "created"]
    assert delivery.error is down
    assert rows_with_final_outcome(keyed(2), delivery, REPEATS) == [1]


def test_an_error_that_tells_of_no_row_ends_it() -> None:
    error: PlanhatError = PayloadError("refused (422)", status=422)
    delivery = deliver(keyed(2), lambda rows: SendResult([NOT_SENT] * len(rows), error=error), REPEATS)
    assert delivery.error is error
    assert delivery.outcomes == [NOT_SENT] * 2
