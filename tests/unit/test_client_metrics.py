"""Metric points: which were taken, and which were not (B80, B81)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planhat_api import OutcomeKind, PayloadError, PlanhatError, Row, UnavailableError
from planhat_api.analytics import ACCEPTED, MetricAnswer, interpret_metrics, push, read_metrics
from planhat_api.http.call import Answer, GarbledError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.analytics import CallOutcomes

POINTS = st.lists(
    st.fixed_dictionaries(
        {
            "dimensionId": st.sampled_from(["a", "b"]),
            "value": st.integers(0, 2),
            "externalId": st.sampled_from(["1", 2]),
        },
        optional={"model": st.sampled_from(["Company", "Asset"]), "date": st.just("2024-05-14")},
    ),
    max_size=12,
)


def rows_of(points: list[dict[str, Any]]) -> list[Row]:
    return [Row(msgspec.json.encode(point)) for point in points]


@given(points=POINTS, data=st.data(), order=st.randoms())
def test_echoed_points_are_rejected_and_no_others(
    points: list[dict[str, Any]], data: st.DataObject, order: Any
) -> None:
    bad = data.draw(st.sets(st.integers(0, len(points) - 1)) if points else st.just(set()))
    errors = [{"item": dict(reversed(points[index].items())), "error": f"error {index}"} for index in bad]
    order.shuffle(errors)
    outcomes, notes = interpret_metrics(rows_of(points), MetricAnswer(len(points) - len(bad), errors))
    rejected = [points[index] for index, outcome in enumerate(outcomes) if outcome.kind is OutcomeKind.REJECTED]
    assert sorted(map(repr, map(sorted, (point.items() for point in rejected)))) == sorted(
        map(repr, map(sorted, (points[index].items() for index in bad)))
    )
    assert {outcome.kind for outcome in outcomes} <= {OutcomeKind.REJECTED, OutcomeKind.ACCEPTED}
    assert not notes


def test_an_echo_that_planhat_changed_is_still_known() -> None:
    points = [{"dimensionId": "a", "value": n, "externalId": 7} for n in range(3)]
    errors = [{"item": {"dimensionId": "a", "value": 1, "externalId": "7", "day": 19857}, "error": "late"}]
    outcomes, _ = interpret_metrics(rows_of(points), MetricAnswer(2, errors))
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.ACCEPTED]
    assert outcomes[1].reason == "late"


@pytest.mark.parametrize(
    "error", ["something is wrong", {"error": "something is wrong"}, {"item": {"dimensionId": "z"}}]
)
def test_an_error_that_names_no_point_makes_all_of_them_doubtful(error: Any) -> None:
    points = [{"dimensionId": "a", "value": n, "externalId": "7"} for n in range(3)]
    outcomes, notes = interpret_metrics(rows_of(points), MetricAnswer(2, [error]))
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.UNKNOWN}
    assert notes
    outcomes, _ = interpret_metrics(rows_of(points), MetricAnswer(0, [error] * 3))
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.REJECTED}


def test_counts_that_do_not_add_up_are_noted() -> None:
    _, notes = interpret_metrics(rows_of([{"dimensionId": "a"}] * 3), MetricAnswer(1, []))
    assert notes == ["3 points sent, but Planhat counts 1 processed, 0 errors"]


def test_answers() -> None:
    assert read_metrics(Answer(200, b'{"processed":2,"errors":[],"more":1}')) == MetricAnswer(2, [])
    assert read_metrics(Answer(200, b" ")) == MetricAnswer()
    for body in (b"<html>", b'{"processed":', b"[]", b'"ok"'):
        with pytest.raises(GarbledError):
            read_metrics(Answer(200, body))


def test_bodies_are_cut_by_count_and_by_bytes() -> None:
    sizes: list[tuple[int, int]] = []

    def send(batch: Sequence[Row]) -> CallOutcomes:
        sizes.append((len(batch), sum(len(row.body) for row in batch)))
        return [ACCEPTED] * len(batch), []

    result = push([Row(b"x" * 90)] * 25, send, most_rows=10, most_bytes=500)
    assert [number for number, _ in sizes] == [5] * 5
    assert result.calls == 5
    sizes.clear()
    push([Row(b"x")] * 25, send, most_rows=10)
    assert [number for number, _ in sizes] == [10, 10, 5]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnavailableError("lost", may_have_arrived=True), OutcomeKind.LOST),
        (UnavailableError("refused"), OutcomeKind.NOT_SENT),
        (PayloadError("bad", status=400), OutcomeKind.REJECTED),
    ],
)
def test_what_is_known_when_a_call_fails(error: PlanhatError, kind: OutcomeKind) -> None:
    batches: list[int] = []

    def send(batch: Sequence[Row]) -> CallOutcomes:
        batches.append(len(batch))
        if len(batches) == 2:
            raise error
        return [ACCEPTED] * len(batch), []

    result = push([Row(b"{}")] * 6, send, most_rows=2)
    assert result.error is error
    kinds = [outcome.kind for outcome in result.outcomes]
    assert kinds == [OutcomeKind.ACCEPTED] * 2 + [kind] * 2 + [OutcomeKind.NOT_SENT] * 2
    assert batches == [2, 2]
