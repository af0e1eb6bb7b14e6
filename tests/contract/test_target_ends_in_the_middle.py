"""A run that ends by any other error still enters what the batch on the wire brought."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import InputError, RejectsError, SettingsError
from tests.target_support import Message, records, run, schema, small_calls, state, stream

BROKEN: dict[str, tuple[Message, type[Exception]]] = {
    "no message": ({"nonsense": 1}, InputError),
    "unknown stream": (schema("invocies", ["name"]), SettingsError),
}


@pytest.mark.parametrize("cause", BROKEN)
@pytest.mark.parametrize("latency", [0, 300])
def test_the_batch_on_the_wire_is_entered(cause: str, latency: int) -> None:
    broken, kind = BROKEN[cause]
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([{"kind": "latency", "seconds": latency / 1000, "method": "PUT"}])
        rows = [{"external_id": f"x{place}", "name": "n" if place else None} for place in range(4)]
        finished = run(box, [*stream("companies", rows), broken, state(1)], batch_size_rows=4, max_rejects="100%")
        assert type(finished.error) is kind
        assert finished.summary == {"companies": {"created": 3, "rejected": 1}}
        assert len(finished.receipts) == 4
        assert [message["record"] for message in finished.rejects[1:]] == rows[:1]
        assert finished.states == []


def test_points_on_the_wire_are_entered() -> None:
    with Sandbox(companies=3, seed=1) as box:
        company = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
        rows = [{"dimensionId": "d", "externalId": company, "value": place} for place in range(4)]
        with small_calls(points=2):
            finished = run(box, [*stream("metrics", rows), BROKEN["no message"][0]])
        assert len(box.metrics) == 4
        assert finished.summary == {"metrics": {"accepted": 4}}


def test_rejects_on_the_wire_do_not_hide_why_the_run_ended() -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [{"external_id": "x", "name": None}]
        finished = run(box, [*stream("companies", rows), BROKEN["no message"][0]], batch_size_rows=1)
        assert isinstance(finished.error, InputError)
        assert finished.summary == {"companies": {"rejected": 1}}
        assert len(finished.rejects) == 2


def test_a_fault_on_the_wire_does_not_hide_why_the_run_ended(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([{"kind": "status", "status": 401, "method": "PUT"}])
        rows = [{"external_id": "x", "name": "n"}]
        finished = run(box, [*stream("companies", rows), BROKEN["no message"][0]], batch_size_rows=1)
        assert isinstance(finished.error, InputError)
        assert "the token is not accepted" in caplog.text


def test_rows_that_still_wait_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows: list[dict[str, Any]] = [
            {"source_id": f"s{place}", "company_id": "extid-late", "name": "n"} for place in "ab"
        ]
        messages = [*stream("endusers", rows[:1]), *records("endusers", rows[1:]), BROKEN["no message"][0]]
        finished = run(box, messages, batch_size_rows=1)
        assert not isinstance(finished.error, RejectsError)
        assert "2 of them waited for their company" in caplog.text
