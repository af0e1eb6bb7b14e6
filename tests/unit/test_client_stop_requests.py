"""Signals that come together are one wish to end."""

from __future__ import annotations

from itertools import accumulate

import pytest

from planhat_api.plugin.stop_requests import StopRequests


@pytest.mark.parametrize(
    ("pauses", "taken"),
    [
        ([0.0], [1]),
        ([0.0, 0.001, 0.9], [1, 0, 0]),
        ([0.0, 0.001, 1.5, 0.001], [1, 0, 2, 2]),
        ([0.0, 5.0], [1, 2]),
    ],
)
def test_what_comes_within_a_second_is_one_request(pauses: list[float], taken: list[int]) -> None:
    moments = iter(list(accumulate(pauses)))
    requests = StopRequests(lambda: next(moments))
    assert [requests.add() for _ in pauses] == taken
