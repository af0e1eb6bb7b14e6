"""What is made of a row that was sent again after its first answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import BulkResult, Fate, Outcome, PayloadError, Row
from planhat_api.outcome import WITHOUT_ANSWER
from target_planhat.delivery import Repeats, deliver

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
