"""What a day shows after points were added to it, and what that tells about them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as some

from planhat_api.points.arrival import Landing, arrivals, landing
from planhat_api.points.combining import RULES, explains, same, total
from planhat_api.points.point import day_of_point, held_points, other_days
from planhat_api.points.windows import ROWS_PER_PAGE, windows
from target_planhat.delivery.points.existing_days import DayState, decide

values = some.integers(-50, 1000).map(lambda number: number / 4)
several = some.lists(values, min_size=1, max_size=5)
before = some.none() | values
rules = some.sampled_from(RULES)


def combined(rule: str, held: list[float], added: list[float]) -> float | None:
    """The value of a day by the book: of all values that were ever sent for it, in order of arrival."""
    everything = [*held, *added]
    if not everything:
        return None
    return {
        "sum": fsum(everything),
        "last": everything[-1],
        "min": min(everything),
        "max": max(everything),
        "average": fsum(everything) / len(everything),
    }[rule]


@given(rules, some.lists(values, max_size=4), several)
def test_what_a_rule_makes_is_explained_by_it(rule: str, held: list[float], added: list[float]) -> None:
    start = combined(rule, held, [])
    assert explains(rule, start, added, combined(rule, held, added))


@given(rules, before, several)
def test_the_total_is_what_the_rule_makes(rule: str, start: float | None, added: list[float]) -> None:
    found = total(rule, start, added)
    if rule == "average" and start is not None:
        assert found is None
    else:
        assert same(found, combined(rule, [] if start is None else [start], added))


@given(
    some.tuples(rules, some.booleans()),
    some.lists(values, max_size=3),
    some.lists(values, max_size=3),
    several,
    some.data(),
)
def test_arrivals_never_say_what_is_not_so(
    knows: tuple[str, bool], held: list[float], certain: list[float], doubtful: list[float], data: some.DataObject
) -> None:
    rule, told = knows
    arrived = data.draw(some.lists(some.booleans(), min_size=len(doubtful), max_size=len(doubtful)))
    came = [value for value, has_come in zip(doubtful, arrived, strict=True) if has_come]
    shown = combined(rule, held, [*certain, *came])
    found = arrivals((rule,) if told else RULES, combined(rule, held, []), certain, doubtful, shown)
    assert found.explain
    # Points with equal values cannot be told apart, so their numbers are compared.
    said: dict[bool | None, Counter[float]] = {answer: Counter() for answer in (True, False, None)}
    for value, answer in zip(doubtful, found.arrived, strict=True):
        said[answer][value] += 1
    really = Counter(came)
    for value, number in Counter(doubtful).items():
        assert said[True][value] <= really[value]
        assert said[False][value] <= number - really[value]
    if found.are_final:
        assert len(came) == len(doubtful)


@given(rules, some.lists(values, max_size=3), several, some.tuples(some.booleans(), some.booleans()))
def test_landing_never_says_what_is_not_so(
    rule: str, held: list[float], added: list[float], truth: tuple[bool, bool]
) -> None:
    has_landed, told = truth
    start = combined(rule, held, [])
    shown = combined(rule, held, added if has_landed else [])
    kind, explaining = landing((rule,) if told else RULES, start, added, shown)
    assert kind in ({Landing.LANDED, Landing.EITHER} if has_landed else {Landing.ABSENT, Landing.EITHER})
    if kind is Landing.LANDED:
        assert rule in explaining


def test_one_point_on_an_empty_day_always_tells() -> None:
    assert arrivals(RULES, None, [], [3.0], 3.0).arrived == [True]
    assert arrivals(RULES, None, [], [3.0], None).arrived == [False]
    assert arrivals(RULES, 5.0, [], [3.0], 5.0).arrived == [None]
    assert arrivals(["sum"], 5.0, [], [3.0], 5.0).arrived == [False]
    assert arrivals(RULES, None, [], [0.0], None).arrived == [None]


@pytest.mark.parametrize("rule", RULES)
@given(held=values, wanted=several)
def test_replace_leads_to_what_the_input_says_or_says_that_it_cannot(
    rule: str, held: float, wanted: list[float]
) -> None:
    found = decide("replace", rule, DayState(held), wanted)
    aim = total(rule, None, wanted)
    if isinstance(found, float):
        assert same(total(rule, held, [found]), aim)
    else:
        assert not isinstance(found, list)
        assert (found.reason is None) == same(held, aim)


@given(before, several, some.none() | rules)
def test_keep_never_sends_to_a_day_that_holds_a_value(
    held: float | None, wanted: list[float], rule: str | None
) -> None:
    found = decide("keep", rule, DayState(held), wanted)
    assert isinstance(found, list) == (held is None)


@given(some.sets(some.integers(-1000, 30_000), min_size=1, max_size=40), some.floats(0.1, 1e6))
def test_windows_hold_each_day_once_and_no_gap_that_costs_a_call(days: set[int], per_day: float) -> None:
    found = windows(days, per_day)
    assert all(sum(day in window for window in found) == 1 for day in days)
    for one, other in pairwise(found):
        assert other.first - one.last > ROWS_PER_PAGE / max(per_day, 1)


def test_days_and_those_beside_them() -> None:
    assert day_of_point("1970-01-02T23:59:00.000Z") == 1
    assert other_days("2024-05-14T00:00:00.000Z") == (-1,)
    assert other_days("2024-05-14T11:00:00.000Z") == (-1, 1)
    assert other_days("2024-05-14T20:00:00.000Z") == (1,)


def test_points_of_another_form_are_left_out() -> None:
    good = b'{"dimensionId":"a","time":"2024-05-14T00:00:00.000Z","value":1,"parentId":"x"}'
    assert len(held_points([good, b'{"dimensionId":5}', good])) == 2
