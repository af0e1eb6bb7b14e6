"""A run that ends early: what is in hand goes out, and every record that was read has a verdict or counts as unsent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planhat_sandbox import Sandbox
from target_planhat.errors import InputError, RejectsError, SettingsError
from tests.target_support import Message, records, run, schema, small_calls, state, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.target_support import Finished

ENDS: dict[str, list[Message]] = {
    "no message": [{"nonsense": 1}],
    "unknown stream": [schema("invocies", ["name"])],
    "no such column": [schema("assets", ["external_id", "colour"])],
    "no schema": records("tickets", [{"name": "n"}]),
}


@pytest.fixture(scope="module")
def unsent_box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1, switches={"calls_per_minute": 0}) as running:
        yield running


def endusers(number: int, *, company: str = "c", wrong: int | None = None) -> list[dict[str, Any]]:
    return [
        {
            "external_id": f"e{place}",
            "company_external_id": company,
            "email": f"e{place}@c.example",
            "featured": "perhaps" if place == wrong else True,
        }
        for place in range(number)
    ]


def companies(number: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"external_id": f"k{place}", "name": "n"} for place in range(start, start + number)]


def all_told(finished: Finished) -> int:
    return sum(sum(counts.values()) for counts in finished.summary.values())


def test_one_wrong_row_does_not_leave_the_others_of_its_stream_behind() -> None:
    with Sandbox(companies=3, seed=1) as box:
        company = [{"external_id": "c", "name": "C"}]
        finished = run(box, [*stream("companies", company), *stream("endusers", endusers(10, wrong=4)), state(1)])
        assert isinstance(finished.error, RejectsError)
        assert str(finished.error).startswith("1 of 11 records rejected")
        assert finished.summary == {"companies": {"created": 1}, "endusers": {"created": 9, "rejected": 1}}
        assert finished.states == []


def test_what_is_in_hand_goes_out_when_a_batch_ends_the_run() -> None:
    with Sandbox(companies=3, seed=1) as box:
        bad = [{"external_id": "bad", "name": None}]
        messages = [
            *stream("companies", [{"external_id": "c", "name": "C"}]),
            *stream("endusers", endusers(10)),
            *records("companies", [*bad, *companies(3)]),
            *records("endusers", endusers(12)[10:]),
            *records("companies", companies(200, start=3)),
        ]
        finished = run(box, messages, batch_size_rows=20)
        assert isinstance(finished.error, RejectsError)
        assert finished.summary["endusers"] == {"created": 12}
        counts = finished.summary["companies"]
        assert counts["rejected"] == 1
        assert sum(counts.values()) == 205
        told = f"1 of {all_told(finished) - counts.get('unsent', 0)} records rejected"
        assert str(finished.error).startswith(told)


def test_records_that_were_not_read_yet_are_counted() -> None:
    with Sandbox(companies=3, seed=1) as box:
        # More bytes than are read at once come after the batch that ends the run.
        rows = [{"external_id": f"k{place}", "name": None if place == 3 else "n" * 1000} for place in range(2000)]
        finished = run(box, [*stream("companies", rows), *stream("assets", companies(3)), state(1)], batch_size_rows=50)
        assert isinstance(finished.error, RejectsError)
        counts = finished.summary["companies"]
        assert counts["rejected"] == 1
        assert counts["unsent"] > 1000
        assert sum(counts.values()) == 2000
        assert finished.summary["assets"] == {"unsent": 3}
        assert len(box.rows("companies")) == 3 + counts["created"]
        assert finished.states == []


def test_rows_that_wait_for_their_company_are_unsent(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, seed=1) as box:
        # Assets go out before endusers; the wrong address of a company ends the run while they wait.
        assets = [{"source_id": f"a{place}", "name": "n", "company_external_id": "late"} for place in range(3)]
        messages = [
            *stream("assets", assets),
            *stream("companies", [{"external_id": "x", "name": None}, *companies(40)]),
        ]
        finished = run(box, [*messages, *ENDS["no message"]], batch_size_rows=2)
        assert finished.summary["assets"] == {"unsent": 3}
        assert "3 of them waited for their company" in caplog.text


@pytest.mark.parametrize("cause", ENDS)
def test_rows_with_a_key_go_out_before_a_fault_that_is_not_planhats(cause: str) -> None:
    with Sandbox(companies=3, seed=1) as box:
        company = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
        points = [{"dimensionId": "d", "externalId": company, "value": place} for place in range(4)]
        messages = [*stream("companies", companies(5)), *stream("metrics", points), *ENDS[cause]]
        finished = run(box, [*messages, *records("companies", companies(3, start=5))])
        assert isinstance(finished.error, (InputError, SettingsError)) or cause == "no schema"
        assert finished.summary["companies"] == {"created": 5, "unsent": 3}
        # The next run brings them again: they would count twice.
        assert finished.summary["metrics"] == {"unsent": 4}
        assert box.metrics == []
        assert finished.summary.get("tickets") == ({"unsent": 1} if cause == "no schema" else None)


def test_points_in_hand_go_out_when_the_policy_ends_the_run() -> None:
    with Sandbox(companies=3, seed=1) as box:
        company = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
        points: list[dict[str, Any]] = [
            {"dimensionId": "d", "externalId": company, "value": None if place == 2 else place} for place in range(5)
        ]
        finished = run(box, [*stream("metrics", points), *stream("companies", companies(3)), state(1)])
        assert isinstance(finished.error, RejectsError)
        assert finished.summary == {"metrics": {"accepted": 4, "rejected": 1}, "companies": {"created": 3}}


@pytest.mark.parametrize("status", [401, 503])
def test_rows_that_a_failing_planhat_does_not_get_are_unsent(status: int) -> None:
    with Sandbox(companies=3, seed=1) as box:
        box.set_faults([{"kind": "status", "status": status, "method": "PUT"}])
        messages = [*stream("companies", companies(10)), *stream("endusers", endusers(4)), state(1)]
        finished = run(box, messages, batch_size_rows=3, timeout_seconds=2)
        assert finished.error is not None
        assert finished.summary == {"companies": {"unsent": 10}, "endusers": {"unsent": 4}}
        assert finished.states == []


def test_a_replay_that_ends_early_says_that_the_old_file_is_needed(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, seed=1) as box:
        rows = [{"external_id": f"k{place}", "name": None if place == 3 else "n" * 1000} for place in range(2000)]
        messages = [{**message, "planhat_rejection": {"attempt": 1}} for message in records("companies", rows)]
        finished = run(box, [schema("companies", ["external_id", "name"]), *messages], batch_size_rows=50)
        assert finished.summary["companies"]["unsent"] > 1000
        assert "lacks the unsent records: keep the old one and send it again" in caplog.text


_ROW = st.sampled_from(["company", "bad company", "enduser", "bad enduser", "enduser of nobody", "point", "state"])


def _message(kind: str, place: int, company: str) -> Message:
    if kind == "state":
        return state(place)
    if kind.endswith("company"):
        (message,) = records("companies", [{"external_id": f"k{place}", "name": None if "bad" in kind else "n"}])
    elif kind == "point":
        (message,) = records("metrics", [{"dimensionId": "d", "externalId": company, "value": place}])
    else:
        (row,) = endusers(1, company="nobody" if "nobody" in kind else company, wrong=0 if "bad" in kind else None)
        (message,) = records("endusers", [{**row, "external_id": f"e{place}", "email": f"e{place}@c.example"}])
    return message


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(_ROW, max_size=40),
    end=st.none() | st.tuples(st.sampled_from([*ENDS]), st.integers(0, 40)),
    size=st.integers(1, 12),
    maps=st.booleans(),
)
def test_every_record_has_one_verdict_or_is_unsent(
    unsent_box: Sandbox, kinds: list[str], end: tuple[str, int] | None, size: int, *, maps: bool
) -> None:
    company = next(row["externalId"] for row in unsent_box.rows("companies") if row.get("externalId"))
    rows = [_message(kind, number, company) for number, kind in enumerate(kinds)]
    if end is not None:
        cause, place = end
        rows[place:place] = ENDS[cause]
    schemas = [
        schema("companies", ["external_id", "name"]),
        schema("endusers", list(endusers(1)[0])),
        schema("metrics", ["dimensionId", "externalId", "value"]),
    ]
    config: dict[str, Any] = {"batch_size_rows": size}
    if maps:
        config["stream_maps"] = {"companies": {"name": "name"}}
    with small_calls(points=size):
        finished = run(unsent_box, [*schemas, *rows], **config)
    came = [message["stream"] for message in rows if message.get("type") == "RECORD"]
    told = {stream: sum(counts.values()) for stream, counts in finished.summary.items()}
    assert told == {stream: came.count(stream) for stream in dict.fromkeys(came)}
    if finished.error is None:
        assert not any("unsent" in counts for counts in finished.summary.values())
    else:
        assert [name for name, counts in finished.summary.items() if counts.get("rejected")] or end
