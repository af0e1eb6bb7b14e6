"""A batch that takes several calls, one of which fails: rows keep their own outcome, and none is sent twice unasked."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import Finished, run, small_calls, state, stream

METRICS = "analytics-host/dimensiondata"
ACTIVITIES = "analytics-host/analytics"
DELIVERED = {"created", "updated", "unchanged", "accepted"}


def fault(kind: str, nth: int, path: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "nth": nth, "path": path, **more}


def company(box: Sandbox) -> dict[str, Any]:
    return next(row for row in box.rows("companies") if row.get("externalId"))


def points(box: Sandbox, number: int) -> list[dict[str, Any]]:
    return [{"dimensionId": "d", "externalId": company(box)["externalId"], "value": place} for place in range(number)]


def set_aside(finished: Finished) -> dict[Any, bool]:
    """Value of each point in the rejects, with whether it may be in Planhat."""
    return {
        message["record"]["value"]: message["planhat_rejection"]["uncertain"]
        for message in finished.rejects
        if message["type"] == "RECORD"
    }


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_refused_call_among_others_leaves_stored_rows_delivered(nth: int) -> None:
    with Sandbox(companies=3, seed=1, switches={"error_items": "object_bare", "answer_keys": "id_only"}) as box:
        box.set_faults([fault("status", nth, "companies", status=422, method="PUT")])
        rows = [{"external_id": f"x{place}", "name": None if place == 7 else "n"} for place in range(8)]
        finished = run(box, [*stream("companies", rows), state(1)], max_rejects="100%")
        stored = {row["externalId"] for row in box.rows("companies") if str(row.get("externalId")).startswith("x")}
        delivered = {key for key, verdict in finished.verdicts().items() if verdict in DELIVERED}
        assert delivered == stored
        assert len(stored) in ({0} if nth == 1 else {7})
        assert finished.states == [1]


@pytest.mark.parametrize("nth", [1, 2])
def test_rows_without_key_are_not_sent_again_once_they_are_stored(nth: int) -> None:
    with Sandbox(companies=3, seed=1, switches={"body_limit_mb": 0.0004}) as box:
        owner = company(box)["_id"]
        # The first call is too large; one of its halves is refused.
        box.set_faults([fault("status", nth + 1, "assets", status=422, method="PUT")])
        rows = [{"name": f"big{place}" + "x" * 200, "company_id": owner} for place in range(2)]
        blocks = {"assets": {"insert_without_key": True}}
        finished = run(box, [*stream("assets", rows), state(1)], max_rejects="100%", streams=blocks)
        names = sorted(row["name"][:4] for row in box.rows("assets") if row["name"].startswith("big"))
        assert len(names) == len(set(names))
        assert finished.summary["assets"].get("created", 0) == len(names)
        assert sum(finished.summary["assets"].values()) == 2


@pytest.mark.parametrize("kind", ["drop", "html"])
def test_rows_without_key_that_may_be_stored_are_set_aside(kind: str) -> None:
    with Sandbox(companies=3, seed=1) as box:
        owner = company(box)["_id"]
        more = {"processed": True} if kind == "drop" else {}
        box.set_faults([fault(kind, 1, "assets", method="PUT", **more)])
        rows = [{"name": "keyless", "company_id": owner}]
        blocks = {"assets": {"insert_without_key": True}}
        finished = run(box, [*stream("assets", rows), state(1)], max_rejects="100%", streams=blocks)
        assert finished.summary == {"assets": {"unknown": 1}}
        assert [message["planhat_rejection"]["uncertain"] for message in finished.rejects[1:]] == [True]
        assert len([row for row in box.rows("assets") if row["name"] == "keyless"]) <= 1
        assert finished.states == [1]


def test_points_of_a_refused_half_are_rejected_and_those_accepted_are_not() -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([fault("status", 1, METRICS, status=413), fault("status", 3, METRICS, status=422)])
        finished = run(box, [*stream("metrics", points(box, 4)), state(1)], max_rejects="100%")
        assert finished.summary == {"metrics": {"accepted": 2, "rejected": 2}}
        assert [point["value"] for point in box.metrics] == [0, 1]
        assert set_aside(finished) == {2: False, 3: False}


def test_points_behind_a_refused_half_are_sent_all_the_same() -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([fault("status", 1, METRICS, status=413), fault("status", 2, METRICS, status=422)])
        finished = run(box, [*stream("metrics", points(box, 4)), state(1)], max_rejects="100%")
        assert [point["value"] for point in box.metrics] == [2, 3]
        assert set_aside(finished) == {0: False, 1: False}
        assert "422" in next(receipt["reason"] for receipt in finished.receipts if receipt["outcome"] == "rejected")


@pytest.mark.parametrize(("setting", "values"), [("set_aside", [0, 1, 2, 3]), ("resend", [0, 1, 2, 3, 2, 3])])
def test_only_points_whose_answer_was_lost_are_sent_again(setting: str, values: list[int]) -> None:
    with Sandbox(companies=3, seed=1) as box:
        lost = fault("drop", 3, METRICS, processed=True)
        box.set_faults([fault("status", 1, METRICS, status=413), lost])
        settings = {"max_rejects": "100%", "on_uncertain_delivery": setting}
        finished = run(box, [*stream("metrics", points(box, 4)), state(1)], **settings)
        assert [point["value"] for point in box.metrics] == values
        assert set_aside(finished) == ({2: True, 3: True} if setting == "set_aside" else {})


def test_points_that_may_have_arrived_are_told_when_the_run_breaks_off() -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults(
            [
                fault("status", 1, METRICS, status=413),
                fault("drop", 2, METRICS, processed=True),
                fault("status", 3, METRICS, status=401),
            ]
        )
        finished = run(box, [*stream("metrics", points(box, 4)), state(1)], max_rejects="100%")
        assert "401" in str(finished.error)
        assert finished.summary == {"metrics": {"unknown": 2, "unsent": 2}}
        assert set_aside(finished) == {0: True, 1: True}
        assert finished.states == []


@pytest.mark.parametrize(
    ("stream_name", "row", "lost"),
    [
        ("user_activities", {"email": "a@c.example", "action": "login"}, 2),
        ("segment_events", {"type": "track", "user_id": "a", "event": "x"}, 1),
    ],
    ids=["many in a call", "one in a call"],
)
@pytest.mark.parametrize("setting", ["set_aside", "resend"])
def test_the_setting_holds_for_activities_too(stream_name: str, row: dict[str, Any], lost: int, setting: str) -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([fault("drop", 1, "analytics-host")])
        finished = run(
            box,
            [*stream(stream_name, [row, row]), state(1)],
            max_rejects="100%",
            on_uncertain_delivery=setting,
        )
        if setting == "resend":
            assert finished.summary == {stream_name: {"accepted": 2}}
        else:
            kept = {"accepted": 2 - lost} if lost < 2 else {}
            assert finished.summary == {stream_name: {**kept, "unknown": lost}}
        assert len(box.activities) == finished.summary[stream_name].get("accepted", 0)


def test_sending_again_ends_after_some_tries() -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([{"kind": "drop", "path": METRICS}])
        settings = {"max_rejects": "100%", "on_uncertain_delivery": "resend"}
        finished = run(box, [*stream("metrics", points(box, 2)), state(1)], **settings)
        assert finished.summary == {"metrics": {"unknown": 2}}
        assert len([call for call in box.calls if call.method == "POST"]) == 4


def test_a_batch_of_points_is_one_call() -> None:
    with Sandbox(companies=1, seed=1) as box, small_calls(points=100_000):
        run(box, stream("metrics", points(box, 12_000)))
        assert [call.rows for call in box.calls if call.method == "POST"] == [12_000]


def test_a_batch_of_rows_is_one_call_whatever_its_size_in_bytes() -> None:
    with Sandbox(companies=1, seed=1) as box:
        owner = company(box)["_id"]
        rows = [{"source_id": f"a{place}", "name": "x" * 100_000, "company_id": owner} for place in range(100)]
        finished = run(box, stream("assets", rows))
        assert finished.summary == {"assets": {"created": 100}}
        counts = [call.rows for call in box.calls if call.method == "PUT"]
        assert len(counts) == 2
        assert min(counts) > 10
