"""What goes wrong on the way: repeated where that is safe, told with a word that helps where it is not."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from planhat_api import (
    AccessError,
    ConfigurationError,
    CredentialsError,
    NotFoundError,
    OutcomeKind,
    PayloadError,
    PlanhatError,
    RateLimitError,
    Row,
    UnavailableError,
)
from planhat_api.models.registry import model
from tests.client_support import client_on, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_sandbox import Sandbox

ENDUSERS, COMPANIES = model("endusers"), model("companies")
PASSING: list[dict[str, Any]] = [
    {"kind": "drop"},
    {"kind": "truncate"},
    {"kind": "invalid_json"},
    {"kind": "html"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 502},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 429, "retry_after": "1"},
    {"kind": "stall", "seconds": 2},
    {"kind": "slow_body", "seconds": 0.3},
    {"kind": "drop", "processed": True},
]


def shown(fault: Any) -> str:
    return "-".join(str(value) for value in fault.values()) if isinstance(fault, dict) else str(fault)


def company(n: int) -> Row:
    return Row(msgspec.json.encode({"name": f"Company {n}", "sourceId": f"f-{n}"}), {"sourceId": f"f-{n}"})


def point(box: Sandbox, value: int) -> Row:
    external_id = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
    return Row(
        msgspec.json.encode({"dimensionId": "logins", "value": value, "externalId": external_id, "model": "Company"})
    )


@pytest.mark.parametrize("fault", PASSING, ids=shown)
def test_a_passing_fault_does_not_show_in_what_is_read(fault: dict[str, Any]) -> None:
    with sandbox() as box, client_on(box, timeout_seconds=0.5) as client:
        box.set_faults([{**fault, "method": "GET", "path": "endusers", "times": 1}])
        ids = [row_id for page in client.pages(ENDUSERS, params={"archived": "true"}, limit=7) for row_id in page.ids]
        assert sorted(map(str, ids)) == sorted(row["_id"] for row in box.rows("endusers"))


@pytest.mark.parametrize("fault", PASSING, ids=shown)
def test_a_passing_fault_does_not_show_in_a_keyed_upsert(fault: dict[str, Any]) -> None:
    with sandbox() as box, client_on(box, timeout_seconds=0.5) as client:
        box.set_faults([{**fault, "method": "PUT", "path": "companies", "times": 1}])
        result = client.bulk_upsert(COMPANIES, [company(n) for n in range(5)])
        # What arrived before the fault comes back unchanged on the second try.
        assert {outcome.kind for outcome in result.outcomes} <= {OutcomeKind.CREATED, OutcomeKind.UNCHANGED}
        assert sum(row.get("sourceId", "").startswith("f-") for row in box.rows("companies")) == 5


@pytest.mark.parametrize(
    ("fault", "arrives"),
    [
        ({"kind": "drop"}, False),
        ({"kind": "drop", "processed": True}, True),
        ({"kind": "status", "status": 503, "processed": True}, True),
        ({"kind": "status", "status": 500}, False),
        ({"kind": "truncate"}, True),
        ({"kind": "html"}, False),
        ({"kind": "stall", "seconds": 2}, True),
    ],
    ids=shown,
)
def test_metrics_that_may_have_arrived_are_not_sent_twice(fault: dict[str, Any], arrives: bool) -> None:  # noqa: FBT001 - a case of the table
    with sandbox() as box, client_on(box, timeout_seconds=0.5) as client:
        rows = [point(box, n) for n in range(6)]
        box.set_faults([{**fault, "method": "POST", "nth": 2}])
        result = client.push_metrics(rows, rows_per_call=2)
        assert isinstance(result.error, UnavailableError)
        assert result.error.may_have_arrived
        assert "sending them again may duplicate them" in str(result.error)
        assert [outcome.kind for outcome in result.outcomes] == [
            *[OutcomeKind.ACCEPTED] * 2,
            *[OutcomeKind.LOST] * 2,
            *[OutcomeKind.NOT_SENT] * 2,
        ]
        assert [stored["value"] for stored in box.metrics] == [0, 1, 2, 3][: 4 if arrives else 2]


@pytest.mark.parametrize(
    "fault", [{"kind": "drop", "processed": True}, {"kind": "status", "status": 504, "processed": True}], ids=shown
)
def test_rows_without_keys_and_creates_are_not_sent_twice(fault: dict[str, Any]) -> None:
    with sandbox() as box, client_on(box) as client:
        before = len(box.rows("companies"))
        box.set_faults([{**fault, "path": "companies", "times": 1}])
        with pytest.raises(UnavailableError) as caught:
            client.bulk_upsert(COMPANIES, [Row(b'{"name":"Without key"}')]).raise_for_error()
        assert caught.value.may_have_arrived
        box.set_faults([{**fault, "path": "companies", "times": 1}])
        with pytest.raises(UnavailableError) as caught:
            client.create(COMPANIES, {"name": "Created"})
        assert caught.value.may_have_arrived
        assert len(box.rows("companies")) == before + 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "drop", "processed": True}, OutcomeKind.LOST),
        ({"kind": "status", "status": 422}, OutcomeKind.REJECTED),
        ({"kind": "status", "status": 403}, OutcomeKind.NOT_SENT),
    ],
    ids=shown,
)
def test_copies_whose_call_fails_have_the_error_in_the_result(fault: dict[str, Any], kind: OutcomeKind) -> None:
    with sandbox() as box, client_on(box) as client:
        box.set_faults([{**fault, "path": "timeentries"}])
        result = client.duplicate_time_entries(["000000000000000000000001"])
        assert [outcome.kind for outcome in result.outcomes] == [kind]
        assert result.error is not None
        with pytest.raises(type(result.error)):
            result.raise_for_error()


def test_a_post_refused_over_the_quota_is_repeated() -> None:
    with sandbox() as box, client_on(box) as client:
        box.set_faults([{"kind": "status", "status": 429, "method": "POST", "times": 2, "retry_after": "0.1"}])
        assert client.push_metrics([point(box, 1)]).outcomes[0].kind is OutcomeKind.ACCEPTED
        assert len(box.metrics) == 1


def test_a_connection_that_is_refused_is_not_taken_for_one_that_broke() -> None:
    with sandbox() as box, client_on(box, give_up_after_seconds=0.5) as client:
        row = point(box, 1)
        box.stop()
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="refuses the connection") as caught:
            client.push_metrics([row]).raise_for_error()
        assert not caught.value.may_have_arrived
        assert time.monotonic() - began > 0.2


@pytest.mark.parametrize("position", ["seconds", "date", "absent"])
def test_the_quota_of_planhat_is_waited_for(position: str) -> None:
    switches = {"calls_per_minute": 5, "quota_window_seconds": 1, "retry_after": position}
    with sandbox(switches=switches) as box, client_on(box, give_up_after_seconds=10) as client:
        for _ in range(11):
            client.page(COMPANIES, limit=1)
        assert [call.status for call in box.calls].count(200) == 11
        assert 429 in [call.status for call in box.calls]


def test_giving_up_on_the_quota_says_so() -> None:
    with sandbox() as box, client_on(box, give_up_after_seconds=0.5) as client:
        box.set_faults([{"kind": "status", "status": 429}])
        with pytest.raises(RateLimitError, match="calls_per_minute"):
            client.page(COMPANIES)
        box.set_faults([{"kind": "status", "status": 429, "retry_after": "300"}])
        began = time.monotonic()
        with pytest.raises(RateLimitError):
            client.page(COMPANIES)
        assert time.monotonic() - began < 0.4


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "status", "status": 503}, r"not available \(503\)"),
        ({"kind": "status", "status": 500}, r"a fault inside Planhat \(500\)"),
        ({"kind": "html"}, "not a list of records: an HTML page"),
        ({"kind": "invalid_json"}, "not a list of records"),
        ({"kind": "truncate"}, "lost before the answer was complete"),
        ({"kind": "drop"}, "lost before the answer was complete"),
        ({"kind": "stall", "seconds": 3}, "no answer before the timeout"),
        ({"kind": "slow_body", "seconds": 5}, "arrived too slowly"),
    ],
    ids=shown,
)
def test_a_lasting_fault_is_reported_in_time(fault: dict[str, Any], words: str) -> None:
    with sandbox() as box, client_on(box, give_up_after_seconds=1, timeout_seconds=0.6) as client:
        box.set_faults([{**fault, "method": "GET"}])
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=words) as caught:
            client.page(ENDUSERS)
        assert time.monotonic() - began < 4
        assert not caught.value.may_have_arrived


def test_a_wrong_token_and_a_wrong_region_are_told_with_the_host() -> None:
    with sandbox() as box:
        host = box.url.removeprefix("http://")
        with client_on(box, api_token="wr0ng-t0ken") as client:
            for call in (client.check_credentials, client.custom_fields):
                with pytest.raises(CredentialsError, match=f"not accepted on {host}.*region") as caught:
                    call()
                assert "wr0ng" not in str(caught.value)
        box.set_faults([{"kind": "wrong_region"}])
        with client_on(box) as client, pytest.raises(CredentialsError, match="region"):
            client.check_credentials()


@pytest.mark.parametrize("status", [403, 404])
def test_a_model_that_may_not_be_seen(status: int) -> None:
    with sandbox() as box, client_on(box) as client:
        box.set_faults([{"kind": "status", "status": status, "path": "endusers"}])
        with pytest.raises(AccessError if status == 403 else NotFoundError):
            list(client.pages(ENDUSERS))
        assert len(box.calls) == 1


def test_a_token_that_may_do_nothing_else_is_still_good() -> None:
    with sandbox() as box, client_on(box) as client:
        box.set_faults([{"kind": "status", "status": 403}])
        client.check_credentials()


@pytest.mark.parametrize("at", [0, 50, 99])
def test_a_row_that_planhat_stumbles_over_is_found(at: int) -> None:
    with sandbox() as box, client_on(box, give_up_after_seconds=0.3) as client:
        box.set_faults([{"kind": "poison", "field": "sourceId", "value": f"f-{at}"}])
        result = client.bulk_upsert(COMPANIES, [company(n) for n in range(100)])
        kinds = [outcome.kind for outcome in result.outcomes]
        assert kinds.pop(at) is OutcomeKind.REJECTED
        assert "500" in (result.outcomes[at].reason or "")
        assert set(kinds) == {OutcomeKind.CREATED}
        assert sum(row.get("sourceId", "").startswith("f-") for row in box.rows("companies")) == 99


def test_a_bulk_call_that_is_forbidden_without_a_word() -> None:
    with sandbox() as box, client_on(box) as client:
        box.set_faults([{"kind": "status", "status": 403, "method": "PUT"}])
        result = client.bulk_upsert(COMPANIES, [company(1)])
        with pytest.raises(AccessError, match="may not write companies"):
            result.raise_for_error()
        assert result.outcomes[0].kind is OutcomeKind.LOST


def test_bodies_too_large_are_halved_until_they_fit_and_a_row_too_large_is_refused() -> None:
    with sandbox(switches={"body_limit_mb": 0.001}) as box, client_on(box) as client:
        rows = [company(n) for n in range(40)]
        rows[13] = Row(msgspec.json.encode({"name": "x" * 2000, "sourceId": "f-13"}), {"sourceId": "f-13"})
        result = client.bulk_upsert(COMPANIES, rows)
        assert [n for n, outcome in enumerate(result.outcomes) if outcome.kind is not OutcomeKind.CREATED] == [13]
        assert result.outcomes[13].kind is OutcomeKind.REJECTED
        assert "too large" in (result.outcomes[13].reason or "")
        metrics = client.push_metrics([point(box, n) for n in range(40)])
        assert {outcome.kind for outcome in metrics.outcomes} == {OutcomeKind.ACCEPTED}
        assert len(box.metrics) == 40


def test_bulk_calls_hold_5000_rows_and_8_mb_and_go_one_at_a_time() -> None:
    with sandbox() as box, client_on(box) as client:
        result = client.bulk_upsert(COMPANIES, [company(n) for n in range(5001)])
        assert [call.rows for call in box.calls] == [5000, 1]
        assert result.calls == 2
        box.forget_calls()
        big = [
            Row(msgspec.json.encode({"name": "y" * 3_000_000, "sourceId": f"f-{n}"}), {"sourceId": f"f-{n}"})
            for n in range(3)
        ]
        client.bulk_upsert(COMPANIES, big)
        assert [call.rows for call in box.calls] == [2, 1]


@pytest.mark.parametrize("key", ["", " ", "extid-", "srcid-", "..", "."])
def test_an_empty_key_never_reaches_planhat(key: str) -> None:
    with sandbox() as box, client_on(box) as client:
        for call in (client.get, client.delete, lambda found, key: client.update(found, key, {"name": "x"})):
            with pytest.raises(ConfigurationError):
                call(COMPANIES, key)
        assert not box.calls


def test_keys_and_operations_that_a_model_does_not_take_are_refused() -> None:
    with sandbox() as box, client_on(box) as client:
        with pytest.raises(ConfigurationError, match="does not take extid-"):
            client.delete(COMPANIES, "extid-1")
        with pytest.raises(ConfigurationError, match="does not take srcid-"):
            client.get(model("timeentries"), "srcid-1")
        with pytest.raises(ConfigurationError, match="has no bulk_upsert"):
            client.bulk_upsert(model("customfields"), [])
        with pytest.raises(ConfigurationError, match="has no create"):
            client.create(model("tickets"), {})
        assert not box.calls


def test_metrics_without_a_tenant_token_are_refused_before_they_are_sent() -> None:
    with sandbox() as box, client_on(box, tenant_token=None) as client:
        for call in (client.push_metrics, client.push_activities):
            with pytest.raises(ConfigurationError, match="tenant_token"):
                call([Row(b"{}")])
        with pytest.raises(ConfigurationError, match="tenant_token"):
            client.push_segment({})
        assert not box.calls


def test_the_tokens_show_in_no_log_line_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[PlanhatError] = []
    with sandbox(tenant_token="0b5b1c7e-1111-4222-8333-944445555666", api_token="t0p-s3cret/+=") as box:
        with client_on(box, give_up_after_seconds=0.3, timeout_seconds=0.3) as client:
            assert "t0p-s3cret" not in repr(client._connection)
            assert "0b5b1c7e" not in repr(client._connection)
            for fault in PASSING[:9]:
                box.set_faults([fault])
                errors += error_of(lambda: client.push_metrics([Row(b'{"value":1}')]).raise_for_error())
                errors += error_of(client.custom_fields)
            box.set_faults([])
            with pytest.raises(PayloadError) as caught:
                client.create(COMPANIES, {"sourceId": "t0p-s3cret/+="})
            errors.append(caught.value)
        box.stop()
        with client_on(box, give_up_after_seconds=0.2) as client, pytest.raises(UnavailableError) as unreachable:
            client.push_metrics([Row(b"{}")]).raise_for_error()
        errors.append(unreachable.value)
    assert len(errors) > 5
    told = caplog.text + "".join(f"{error!r} {error} {error.detail}" for error in errors)
    assert "POST dimensiondata/{tenant}" in told
    for secret in ("t0p-s3cret", "0b5b1c7e", "dDBwLXMzY3JldC8rPTo="):
        assert secret not in told


def error_of(call: Callable[[], object]) -> list[PlanhatError]:
    try:
        call()
    except PlanhatError as error:
        return [error]
    return []


def test_each_call_makes_one_debug_line_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="planhat_api")
    with sandbox() as box, client_on(box) as client:
        client.bulk_upsert(COMPANIES, [company(n) for n in range(3)])
    lines = [record.getMessage() for record in caplog.records if record.name == "planhat_api"]
    assert len(lines) == 1
    assert lines[0].startswith("PUT companies: 200 in ")
    assert "3 rows" in lines[0]


PAGER = """
import sys
from planhat_api import Connection, PlanhatClient
from planhat_api.models.registry import model
settings = {"api_token": "sandbox-api-token", "base_url": sys.argv[1], "quota_store": "", "calls_per_minute": 12}
with PlanhatClient(Connection.from_settings(settings)) as planhat:
    for page in planhat.pages(model("endusers"), limit=2, in_flight=4):
        print(len(page), flush=True)
"""


@pytest.mark.parametrize(
    "fault", [{"kind": "stall", "seconds": 30, "nth": 3}, {"kind": "latency", "seconds": 0}], ids=shown
)
def test_ctrl_c_ends_a_process_whose_pages_are_on_the_way(fault: dict[str, Any]) -> None:
    """While a body stalls, and while pages wait for the quota."""
    with sandbox() as box:
        box.set_faults([fault])
        process = subprocess.Popen(
            [sys.executable, "-c", PAGER, box.url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "2\n"
        time.sleep(1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(10)
        process.stdout.close()
        assert time.monotonic() - began < 2
        assert process.returncode != 0


def test_a_host_that_sends_calls_elsewhere_is_not_followed_with_the_token() -> None:
    with sandbox() as box, client_on(box) as client:
        box.set_faults([{"kind": "status", "status": 302}])
        with pytest.raises(PayloadError, match=r"sends the call elsewhere \(302\). Check base_url"):
            list(client.pages(ENDUSERS))
        assert len(box.calls) == 1


def test_metrics_that_are_not_accepted_hint_at_their_own_settings() -> None:
    with sandbox(switches={"metrics_auth": "basic_tenant"}) as box:
        row = point(box, 1)
        with client_on(box) as client:
            result = client.push_metrics([row])
        with pytest.raises(CredentialsError, match="analytics_auth_method"):
            result.raise_for_error()
        assert result.outcomes[0].kind is OutcomeKind.NOT_SENT
        with client_on(box, analytics_auth_method="basic_tenant") as client:
            assert client.push_metrics([row]).outcomes[0].kind is OutcomeKind.ACCEPTED


def test_the_token_goes_out_as_a_bearer() -> None:
    with sandbox() as box, client_on(box) as client:
        client.check_credentials()
        assert client.custom_fields()
