"""The one outcome, and the one result of all methods that send many rows."""

from __future__ import annotations

import pytest

from planhat_api import AccessError, Outcome, OutcomeKind, PayloadError, PlanhatError, SendResult, UnavailableError
from planhat_api.outcome import NOT_SENT, outcome_of_failed_call


def test_a_result_gives_itself_when_every_call_was_answered() -> None:
    result = SendResult([Outcome(OutcomeKind.REJECTED, None, "no name")])
    assert result.raise_for_error() is result


def test_a_result_raises_why_the_rest_was_not_sent() -> None:
    error = UnavailableError("down")
    with pytest.raises(UnavailableError) as caught:
        SendResult([NOT_SENT], error=error).raise_for_error()
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnavailableError("no answer", may_have_arrived=True), OutcomeKind.LOST),
        (UnavailableError("no such host"), OutcomeKind.NOT_SENT),
        (AccessError("may not"), OutcomeKind.NOT_SENT),
        (PayloadError("refused", status=422), OutcomeKind.REJECTED),
    ],
)
def test_what_the_error_of_a_call_means_for_its_rows(error: PlanhatError, kind: OutcomeKind) -> None:
    outcome = outcome_of_failed_call(error)
    assert outcome.kind is kind
    assert outcome.reason


def test_people_read_that_a_lost_row_is_unknown() -> None:
    assert {kind.word for kind in OutcomeKind} == {kind.value for kind in OutcomeKind} - {"lost"}
    assert OutcomeKind.LOST.word == "unknown"


@pytest.mark.parametrize("kind", list(OutcomeKind))
def test_no_row_is_delivered_and_a_reject(kind: OutcomeKind) -> None:
    assert not (kind.delivered and kind.is_reject)
    assert not kind.is_uncertain or kind.is_reject
    assert kind.delivered == (kind.value in {"created", "updated", "unchanged", "accepted", "merged"})
