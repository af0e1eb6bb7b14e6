"""What a person edits between a plan and its carrying out is not lost, in seeded races."""

from __future__ import annotations

import pytest

from tests.plan_races import play


@pytest.mark.parametrize("seed", range(20))
def test_no_edit_of_a_person_is_lost(seed: int) -> None:
    raced = play(seed)
    assert not raced.faults, "\n".join([*raced.steps, *raced.faults])
