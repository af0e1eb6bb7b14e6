"""Runs of the tap under seeded schedules end with a warehouse that is equal to the tenant."""

from __future__ import annotations

import pytest

from tests.schedules import play


@pytest.mark.parametrize("seed", range(20))
def test_the_warehouse_is_equal_to_the_tenant_in_the_end(seed: int) -> None:
    outcome = play(seed)
    assert not outcome.faults, "\n".join([*outcome.steps, *outcome.faults])
