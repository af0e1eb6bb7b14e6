"""Workers that share nothing but broker, quota store, warehouse and Dagster's storage read a history together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engines.machines.scenario import Size, run_scenario

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(400)
def test_a_backfill_survives_the_loss_of_a_machine_and_keeps_the_quota(tmp_path: Path) -> None:
    size = Size(
        tenants=2, metrics=2, weeks=4, companies=8, workers=3, kills=1, calls_per_minute=12, hourly_calls=0, minutes=5
    )
    report = run_scenario(size, tmp_path)
    assert len(report.killed) == 1
    # The run of the worker that was killed failed, and another one took its place.
    assert report.runs["FAILURE"] == 1
    assert report.runs["SUCCESS"] == size.pieces
    for tenant, landed in report.landed.items():
        assert landed.wanted == 2 * 4 * 7 * 8, tenant
        assert (landed.missing, landed.doubled, landed.foreign) == (0, 0, 0), tenant
        # It takes longer than a minute, so the quota counts.
        assert report.calls[tenant] > size.calls_per_minute
        assert report.most_in_a_minute[tenant] <= size.calls_per_minute
        assert not report.refused[tenant]
