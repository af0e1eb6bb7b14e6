"""Faults, quota, moving data and the control of the sandbox."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from planhat_sandbox import Fault, Sandbox
from planhat_sandbox.sandbox import TENANT_TOKEN
from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=20) as found:
        yield found


def statuses(api: Api, count: int, path: str = "companies") -> list[int]:
    return [api.call("GET", path).status_code for _ in range(count)]


def test_status_of_the_nth_call_and_until_counted_down(api: Api) -> None:
    api.box.set_faults(
        [Fault("status", status=502, nth=2), {"kind": "status", "status": 504, "path": "users", "times": 2}]
    )
    assert statuses(api, 4) == [200, 502, 200, 200]
    assert statuses(api, 3, "users") == [504, 504, 200]
    api.box.set_faults([])
    assert statuses(api, 2) == [200, 200]


def test_a_share_of_the_calls_is_hit_the_same_way_each_time(api: Api) -> None:
    fault = {"kind": "status", "status": 503, "share": 0.5}
    api.box.set_faults([fault])
    first = statuses(api, 20)
    api.box.set_faults([fault])
    assert statuses(api, 20) == first
    assert set(first) == {200, 503}


def test_faults_keep_to_their_path_and_method(api: Api) -> None:
    api.box.set_faults([{"kind": "status", "status": 403, "path": "churn", "method": "GET", "retry_after": "7"}])
    refused = api.call("GET", "churn")
    assert (refused.status_code, refused.headers["Retry-After"]) == (403, "7")
    assert api.put("churn", []).status_code == 200
    api.box.set_faults([{"kind": "status", "path": "analytics-host/dimensiondata"}])
    assert api.push(f"dimensiondata/{api.box.tenant_token}", []).status_code == 503
    assert api.push(f"analytics/{api.box.tenant_token}", {}).status_code == 200


@pytest.mark.parametrize(("processed", "stored"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("kind", ["drop", "status"])
def test_a_lost_answer_may_have_been_processed(api: Api, kind: str, processed: bool, stored: int) -> None:  # noqa: FBT001
    api.box.set_faults([Fault(kind, processed=processed, method="PUT")])
    if kind == "drop":
        with pytest.raises(requests.ConnectionError):
            api.put("companies", [{"name": "x"}])
    else:
        assert api.put("companies", [{"name": "x"}]).status_code == 503
    assert len(api.box.rows("companies")) == 20 + stored
    assert api.box.calls[-1].status == (0 if kind == "drop" else 503)
    assert api.call("GET", "companies").status_code == 200


def test_a_truncated_body(api: Api) -> None:
    api.box.set_faults([Fault("truncate", times=1)])
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.call("GET", "companies")
    assert api.call("GET", "companies").status_code == 200


def test_bodies_that_are_not_what_they_should_be(api: Api) -> None:
    api.box.set_faults([Fault("invalid_json", times=1)])
    broken = api.call("GET", "companies")
    assert broken.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        broken.json()
    api.box.set_faults([Fault("html", times=1)])
    page = api.call("GET", "companies")
    assert page.status_code == 200
    assert page.text.startswith("<!DOCTYPE html>")


def test_slow_and_stalled_bodies(api: Api) -> None:
    api.box.set_faults([Fault("slow_body", seconds=0.4)])
    started = time.monotonic()
    assert len(api.get("companies")) == 20
    assert time.monotonic() - started >= 0.35
    api.box.set_faults([Fault("stall", seconds=30)])
    with pytest.raises(requests.exceptions.ConnectionError, match="Read timed out"):
        api.session.get(f"{api.box.url}/companies", timeout=0.3)


def test_latency_holds_back_no_other_call(api: Api) -> None:
    api.box.set_faults([Fault("latency", path="companies", seconds=1)])
    slow = threading.Thread(target=api.get, args=("companies",))
    slow.start()
    started = time.monotonic()
    requests.get(f"{api.box.url}/users", headers=api.session.headers, timeout=20)
    assert time.monotonic() - started < 0.9
    slow.join()
    assert api.box.calls[-1].seconds >= 1


def test_a_wrong_region_knows_no_token(api: Api) -> None:
    api.box.set_faults([Fault("wrong_region")])
    assert api.call("GET", "companies").status_code == 401


def test_a_poisonous_row_fails_the_call_without_a_name(api: Api) -> None:
    api.box.set_faults([Fault("poison", path="companies", field="externalId", value="bad")])
    answer = api.put("companies", [{"externalId": "good", "name": "x"}, {"externalId": "bad", "name": "y"}])
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert len(api.box.rows("companies")) == 20
    assert api.bulk("companies", [{"externalId": "good", "name": "bad"}])["created"] == 1
    api.box.set_faults([Fault("poison", value="bad", processed=True)])
    assert api.put("companies", [{"name": "bad"}, {"name": "fine"}]).status_code == 500
    assert [row["name"] for row in api.box.rows("companies")[-2:]] == ["bad", "fine"]


@pytest.mark.parametrize("described", [{"kind": "nope"}, {"kind": "html", "colour": 1}, {"path": "x"}])
def test_faults_that_cannot_be(api: Api, described: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fault"):
        api.box.set_faults([described])
    assert api.call("PUT", "_sandbox/faults", [described]).status_code == 400


def test_the_quota_of_a_minute() -> None:
    with serving(switches={"calls_per_minute": 3, "quota_window_seconds": 2}) as api:
        assert statuses(api, 4) == [200, 200, 200, 429]
        assert api.push(f"analytics/{api.box.tenant_token}", {}).status_code == 200
        assert api.call("GET", "_sandbox/counts").status_code == 200
        time.sleep(2.1)
        assert statuses(api, 1) == [200]


@pytest.mark.parametrize(("position", "shape"), [("seconds", r"60|59"), ("date", r"\w{3}, .* GMT"), ("absent", "None")])
def test_when_to_come_back(position: str, shape: str) -> None:
    with serving(switches={"calls_per_minute": 1, "retry_after": position}, today=date(2020, 1, 1)) as api:
        assert statuses(api, 1) == [200]
        refused = api.call("GET", "companies")
        assert refused.status_code == 429
        told = refused.headers.get("Retry-After")
        assert re.fullmatch(shape, str(told))
        if position == "date":
            wait = parsedate_to_datetime(str(told)) - datetime.now(timezone.utc)
            assert timedelta(seconds=50) < wait < timedelta(seconds=62)


def test_the_default_quota_and_its_headers() -> None:
    with serving(switches={"calls_per_minute": 200, "calls_per_second": 0, "rate_headers": "present"}) as api:
        assert api.call("GET", "users", limit=1).headers["X-Rate-Limit-Remaining"] == "199"
        assert statuses(api, 200, "products")[-2:] == [200, 429]
        assert api.call("GET", "users").headers["X-Rate-Limit-Limit"] == "200"


def test_the_other_spelling_of_the_headers() -> None:
    with serving(switches={"calls_per_minute": 200, "rate_headers": "x-ratelimit"}) as api:
        headers = api.call("GET", "users", limit=1).headers
        assert [headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")] == ["200", "199", "60"]
        assert "X-Rate-Limit-Limit" not in headers


def test_the_quota_of_a_second() -> None:
    with serving(switches={"calls_per_second": 5}) as api:
        assert 429 in statuses(api, 6)


def test_calls_at_once() -> None:
    with serving(switches={"parallel_calls": 2}, faults=[Fault("latency", seconds=1)]) as api:
        seen: list[int] = []

        def call() -> None:
            answer = requests.get(f"{api.box.url}/users", headers=api.session.headers, timeout=20)
            seen.append(answer.status_code)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen) == [200, 200, 429, 429]


def scan(api: Api, path: str, **params: Any) -> list[str]:
    ids: list[str] = []
    received = 0
    while page := api.get(path, limit=10, offset=received, sort="_id", **params):
        received += len(page)
        ids += [row["_id"] for row in page]
    return ids


@pytest.mark.parametrize(
    ("kind", "kinds"), [("both", {"insert", "delete"}), ("inserts", {"insert"}), ("deletes", {"delete"})]
)
def test_rows_move_between_the_calls_of_a_scan(api: Api, kind: str, kinds: set[str]) -> None:
    before = [row["_id"] for row in api.box.rows("assets")]
    assert scan(api, "assets") == before
    api.box.set_switch("moving_rows", 2)
    api.box.set_switch("moving_kind", kind)
    seen = scan(api, "assets")
    moves = api.box.moves
    assert {move["kind"] for move in moves} == kinds
    assert len(moves) <= len(before)
    now = {row["_id"] for row in api.box.rows("assets")}
    inserted = {move["_id"] for move in moves if move["kind"] == "insert"}
    deleted = {move["_id"] for move in moves if move["kind"] == "delete"}
    assert now == (set(before) | inserted) - deleted
    if "delete" in kinds:
        assert not set(before) - deleted <= set(seen), "a naive scan misses rows that were there throughout"


def test_moves_are_the_same_for_the_same_seed() -> None:
    def moved() -> list[int]:
        with serving(companies=20, switches={"moving_rows": 3}) as api:
            order = {row["_id"]: index for index, row in enumerate(api.box.rows("assets"))}
            scan(api, "assets")
            return [order[move["_id"]] for move in api.box.moves if move["_id"] in order]

    assert moved() == moved() != []


def test_control_over_http_needs_no_token(api: Api) -> None:
    base = f"{api.box.url}/_sandbox"
    api.bulk("companies", [{"externalId": "new", "name": "x"}])
    calls = requests.get(f"{base}/calls", timeout=20).json()
    assert [(call["method"], call["path"], call["status"], call["rows"]) for call in calls] == [
        ("PUT", "companies", 200, 1)
    ]
    assert requests.get(f"{base}/counts", timeout=20).json() == api.box.counts()
    assert requests.get(f"{base}/rows/companies", timeout=20).json() == api.box.rows("companies")
    assert requests.get(f"{base}/rows/nothing", timeout=20).status_code == 404
    for name in ("metrics", "metrics/landed", "metrics/dropped", "activities", "moves"):
        assert requests.get(f"{base}/{name}", timeout=20).json() == []
    set_to = requests.put(f"{base}/switches", json={"sort": "ignored"}, timeout=20)
    assert set_to.json()["sort"] == requests.get(f"{base}/switches", timeout=20).json()["sort"] == "ignored"
    assert requests.put(f"{base}/switches", json={"sort": "x"}, timeout=20).status_code == 400
    requests.put(f"{base}/faults", json=[{"kind": "status", "status": 500}], timeout=20)
    assert api.call("GET", "companies").status_code == 500
    requests.delete(f"{base}/calls", timeout=20)
    assert api.box.calls == []


def test_the_tenant_token_does_not_show_in_calls(api: Api) -> None:
    api.push(f"analytics/{api.box.tenant_token}", {})
    assert api.box.calls[-1].path == "analytics-host/analytics/{tenant}"
    assert api.box.tenant_token not in repr(api.box.calls)


def test_rows_read_back_are_copies(api: Api) -> None:
    api.box.rows("companies")[0]["name"] = "changed"
    api.push(f"analytics/{api.box.tenant_token}", {"info": {"a": 1}})
    api.box.activities[0]["item"]["info"]["a"] = 2
    assert api.box.rows("companies")[0]["name"] != "changed"
    assert api.box.activities[0]["item"]["info"] == {"a": 1}


def test_stopping_closes_open_connections() -> None:
    with Sandbox(companies=1) as box:
        host, port = box.url.removeprefix("http://").split(":")
        open_connection = socket.create_connection((host, int(port)), timeout=5)
        open_connection.sendall(b"GET /users HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"401" in open_connection.recv(100)
    with open_connection:
        while open_connection.recv(10_000):
            pass
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), timeout=5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "planhat_sandbox.cli", "serve", "--companies", "7", "--seed", "2", "--days", "3"]
    options = ["--api-token", "the token", "--switch", "sort=ignored", "--fault", '{"kind": "html", "path": "users"}']
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"planhat-sandbox ready: (http://127\.0\.0\.1:\d+) \(analytics: (\S+)\)\n", line)
        assert found
        url = found[1]
        assert found[2] == f"{url}/analytics-host"
        assert process.stdout.readline() == "Settings of tap-planhat and target-planhat for it:\n"
        shown = [process.stdout.readline() for _ in range(3)]
        assert all(text.startswith("export ") for text in shown)
        assert [tuple(word.split("=", 1)) for text in shown for word in shlex.split(text)[1:]] == [
            ("TAP_PLANHAT_API_TOKEN", "the token"),
            ("TAP_PLANHAT_BASE_URL", url),
            ("TARGET_PLANHAT_API_TOKEN", "the token"),
            ("TARGET_PLANHAT_BASE_URL", url),
            ("TARGET_PLANHAT_LANDING_SECONDS", "1"),
            ("TARGET_PLANHAT_TENANT_TOKEN", TENANT_TOKEN),
            ("TARGET_PLANHAT_ANALYTICS_URL", f"{url}/analytics-host"),
        ]
        headers = {"Authorization": "Bearer the token"}
        assert len(requests.get(f"{url}/companies", headers=headers, timeout=20).json()) == 7
        assert requests.get(f"{url}/users", headers=headers, timeout=20).text.startswith("<!DOCTYPE")
        assert requests.get(f"{url}/_sandbox/switches", timeout=20).json()["sort"] == "ignored"
        process.send_signal(number)
        assert process.wait(timeout=5) == 0


@pytest.mark.parametrize(
    "option", [["--switch", "x"], ["--switch", "nope=1"], ["--fault", '{"kind": "nope"}'], ["--fault", "{"]]
)
def test_the_command_says_what_is_wrong(option: list[str]) -> None:
    command = [sys.executable, "-m", "planhat_sandbox.cli", "serve", *option]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("planhat-sandbox: ")
    assert len(done.stderr.splitlines()) == 1
