"""What a plan says of each row is what a run then does, on seeded cases."""

from __future__ import annotations

import pytest

from tests.plan_cases import play


@pytest.mark.parametrize("seed", range(40))
def test_a_run_does_what_its_plan_says(seed: int) -> None:
    played = play(seed)
    assert not played.faults, "\n".join(played.faults)
