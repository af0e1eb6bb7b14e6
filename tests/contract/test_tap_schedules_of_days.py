"""Runs of the tap over many days, under seeded schedules, end with the points of the tenant."""

from __future__ import annotations

import pytest

from tests.schedule_days import play


@pytest.mark.parametrize("seed", range(10))
def test_the_warehouse_holds_every_point_in_the_end(seed: int) -> None:
    outcome = play(seed)
    assert not outcome.faults, "\n".join([*outcome.steps, *outcome.faults])
