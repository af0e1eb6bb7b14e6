"""Time and memory grow with the number of rows, and not with its square."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import msgspec
import pytest

from planhat_api.analytics import MetricAnswer, interpret_metrics
from planhat_api.bulk.answer import BulkAnswer
from planhat_api.bulk.existing_keys import ExistingKeys
from planhat_api.bulk.interpretation import interpret
from planhat_api.models.registry import model
from planhat_api.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable

ENDUSERS = model("endusers")


def growth(work: Callable[[int], object], size: int) -> float:
    """How much longer eight times as many rows take: 8 where the work is linear, 64 where it is quadratic."""

    def seconds(number: int) -> float:
        # Time of this process only, so that others on the machine do not count.
        start = time.process_time()
        work(number)
        return time.process_time() - start

    return min(seconds(8 * size) for _ in range(3)) / min(seconds(size) for _ in range(3))


def megabytes(work: Callable[[], object]) -> tuple[float, float]:
    """OverlapCheck that stays while the result lives, and the most there was."""
    tracemalloc.start()
    try:
        kept = work()
        now, peak = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return now / 1e6, peak / 1e6


def points_in_changed_form(number: int) -> None:
    """Points of one record, echoed with another form of the date."""
    points: list[dict[str, object]] = [
        {"dimensionId": "logins", "value": 1, "externalId": "C-1", "date": f"2024-05-14T00:00:00.{n:06}Z"}
        for n in range(number)
    ]
    errors = [{"item": {**point, "date": str(point["date"])[:-1]}, "error": "x"} for point in points]
    interpret_metrics([Row(msgspec.json.encode(point)) for point in points], MetricAnswer(number, errors))


def points_with_a_field_more(number: int) -> None:
    """Equal points, echoed with a field that was not sent."""
    points = [
        {"dimensionId": "logins", "value": 1, "externalId": f"C-{n % 3}", "date": "2024-05-14"} for n in range(number)
    ]
    errors = [{"item": {**point, "model": "Company"}, "error": "x"} for point in points]
    interpret_metrics([Row(msgspec.json.encode(point)) for point in points], MetricAnswer(number, errors))


def one_address(number: int, *, named: bool = True) -> None:
    """Errors about rows that share an address."""
    bodies = [{"email": "n@a.example", "externalId": f"e{n}"} for n in range(number)]
    rows = [Row(msgspec.json.encode(body), dict(body)) for body in bodies]
    errors = [{"item": body, "error": "email duplicated"} if named else "n@a.example duplicated" for body in bodies]
    told = interpret(rows, BulkAnswer(400, has_results=True, created=0, updated=0, nonupdates=0, errors=errors))
    assert len(told.outcomes) == number


@pytest.mark.parametrize(
    "work",
    [points_in_changed_form, points_with_a_field_more, one_address, lambda number: one_address(number, named=False)],
    ids=["points in changed form", "points with a field more", "one address", "one address, in a text"],
)
def test_errors_are_read_in_time_that_grows_with_their_number(work: Callable[[int], None]) -> None:
    assert growth(work, 250) < 24


def test_errors_are_read_in_memory_that_grows_with_their_number() -> None:
    _, small = megabytes(lambda: one_address(200))
    _, large = megabytes(lambda: one_address(800))
    assert large < 8 * small


def with_keys(keys: ExistingKeys) -> ExistingKeys:
    for n in range(50_000):
        keys.add(("externalId", f"e{n}"))
    return keys


def test_keys_of_rows_that_are_stored_take_eight_bytes() -> None:
    keys = with_keys(ExistingKeys([], ENDUSERS, ENDUSERS.keyables))
    grown, _ = megabytes(lambda: with_keys(keys))
    assert grown < 0.1
    stays, _ = megabytes(lambda: with_keys(ExistingKeys([], ENDUSERS, ENDUSERS.keyables)))
    assert stays < 50_000 * 16 / 1e6


def test_memory_while_keys_are_read() -> None:
    def rows() -> object:
        generated = ({"_id": f"{n:024x}", "externalId": f"e{n}", "sourceId": f"s{n}"} for n in range(50_000))
        return ExistingKeys(generated, ENDUSERS, ENDUSERS.keyables)

    stays, peak = megabytes(rows)
    assert peak < 1.5 * stays
    assert stays < 50_000 * 3 * 10 / 1e6
