"""Points find the records of the same run, whichever comes first, when their targets are checked."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import Message, records, run, schema, small_calls, state, stream


def messages(*, company_first: bool) -> list[Message]:
    company = stream("companies", [{"external_id": "fresh", "name": "Fresh"}])
    point = {"dimension_id": "logins", "value": 1, "external_id": "fresh"}
    points = stream("metrics", [point, {**point, "value": 2}])
    return [*company, *points, state(1)] if company_first else [*points, *company, state(1)]


@pytest.mark.parametrize("company_first", [True, False])
@pytest.mark.parametrize("size", [1, 5000])
def test_points_of_companies_of_the_run(size: int, *, company_first: bool) -> None:
    with Sandbox(companies=3, seed=1) as box, small_calls(points=size):
        sent = messages(company_first=company_first)
        finished = run(box, sent, check_metric_targets=True, batch_size_rows=size)
        assert finished.error is None
        assert finished.summary == {"companies": {"created": 1}, "metrics": {"accepted": 2}}
        assert sorted(point["value"] for point in box.landed_metrics) == [1, 2]
        assert finished.states == [1]


def test_companies_that_come_after_the_first_look() -> None:
    with Sandbox(companies=3, seed=1) as box:
        known = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
        point: dict[str, Any] = {"dimension_id": "logins", "value": 1, "external_id": known}
        sent = [
            *stream("metrics", [point]),
            *stream("companies", [{"external_id": "fresh", "name": "Fresh"}]),
            *records("metrics", [{**point, "external_id": "fresh"}]),
        ]
        with small_calls(points=1):
            finished = run(box, sent, check_metric_targets=True, batch_size_rows=1)
        assert finished.summary == {"metrics": {"accepted": 2}, "companies": {"created": 1}}


def test_endusers_of_the_run_are_targets_too() -> None:
    with Sandbox(companies=3, seed=1) as box:
        company = box.rows("companies")[0]["_id"]
        point = {"dimension_id": "logins", "value": 1, "external_id": "fresh", "model": "EndUser"}
        sent = [
            schema("metrics", list(point)),
            *records("metrics", [point]),
            *stream("endusers", [{"external_id": "fresh", "company_id": company, "name": "F"}]),
        ]
        with small_calls(points=1):
            finished = run(box, sent, check_metric_targets=True)
        assert finished.summary == {"metrics": {"accepted": 1}, "endusers": {"created": 1}}


def test_points_of_nobody_are_rejected_at_the_end() -> None:
    with Sandbox(companies=3, seed=1) as box:
        sent = [*messages(company_first=True)[2:5], state(1)]
        for held in (10_000, 1, 0):
            finished = run(box, sent, check_metric_targets=True, max_rejects="100%", hold_rows=held)
            assert finished.summary == {"metrics": {"rejected": 2}}
            assert len(finished.rejects) == 3
            assert not any(message["planhat_rejection"]["uncertain"] for message in finished.rejects[1:])
        assert box.metrics == []
