"""The analytics host: metrics, user activities, segment events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

FAR_DAY = "2020-02-01"
FAR = {"from": 18293, "to": 18293}


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=20) as found:
        yield found


def metrics_path(api: Api) -> str:
    return f"dimensiondata/{api.box.tenant_token}"


def point(**changes: Any) -> dict[str, Any]:
    return {"dimensionId": "seats", "value": 5, "externalId": "C-00002", "model": "Company", "date": FAR_DAY, **changes}


def test_points_that_fail_the_check_are_echoed(api: Api) -> None:
    bad = [
        point(dimensionId=None),
        point(dimensionId="a/b"),
        point(value="5"),
        point(value=True),
        point(externalId=""),
        point(model="Invoice"),
        point(date="soon"),
        "no object",
    ]
    answer = api.push(metrics_path(api), [point(), *bad])
    assert answer.status_code == 200
    assert answer.json()["processed"] == len(bad) + 1
    assert [error["item"] for error in answer.json()["errors"]] == bad
    assert all(isinstance(error["error"], str) for error in answer.json()["errors"])
    assert api.box.metrics == [point()]


@pytest.mark.parametrize(("position", "processed"), [("sent", 1), ("accepted", 0)])
def test_a_point_without_dimension_id(api: Api, position: str, processed: int) -> None:
    api.box.set_switch("metrics_processed", position)
    lost = {"value": 1, "externalId": "C-00002", "model": "Company"}
    errors = [{"item": lost, "error": "dimensionId must be specified"}]
    assert api.push(metrics_path(api), [lost]).json() == {"processed": processed, "errors": errors}


def test_one_point_needs_no_array(api: Api) -> None:
    assert api.push(metrics_path(api), point()).json() == {"processed": 1, "errors": []}
    assert api.box.landed_metrics == [point()]
    assert [error["item"] for error in api.push(metrics_path(api), point(value="5")).json()["errors"]] == [
        point(value="5")
    ]
    assert api.push(metrics_path(api), "no point").status_code == 400


def test_points_that_match_nothing_are_dropped_later(api: Api) -> None:
    rows = [point(), point(externalId="nobody"), point(model="Asset", externalId="asset-2"), point(externalId=12)]
    assert api.push(metrics_path(api), rows).json() == {"processed": 4, "errors": []}
    assert len(api.box.metrics) == 4
    assert [row["externalId"] for row in api.box.landed_metrics] == ["C-00002", "asset-2"]
    assert [row["externalId"] for row in api.box.dropped_metrics] == ["nobody", 12]


def test_landed_points_can_be_read(api: Api) -> None:
    company = next(row for row in api.box.rows("companies") if row.get("externalId") == "C-00002")
    asset = next(row for row in api.box.rows("assets") if row.get("externalId") == "asset-2")
    rows = [point(date=f"{FAR_DAY}T22:10:00Z"), point(model="Asset", externalId="asset-2", value=1.5)]
    api.push(metrics_path(api), rows)
    first, second = api.get("dimensiondata", **FAR)
    assert first == {
        "_id": first["_id"],
        "time": f"{FAR_DAY}T00:00:00.000Z",
        "value": 5,
        "dimensionId": "seats",
        "model": "Company",
        "parentId": company["_id"],
        "companyId": company["_id"],
        "companyName": company["name"],
    }
    assert (second["parentId"], second["companyId"], second["value"]) == (asset["_id"], asset["companyId"], 1.5)
    assert api.box.rows("dimensiondata")[-2:] == [first, second]
    assert api.get("dimensiondata", cId=asset["companyId"], dimid="seats", **FAR)[-1] == second


@pytest.mark.parametrize(("how", "value"), [("sum", 12), ("last", 4), ("min", 3), ("max", 5), ("average", 4)])
def test_one_value_for_each_record_metric_and_day(api: Api, how: str, value: float) -> None:
    api.box.set_switch("metric_combine", how)
    for amount in (5, 3, 4):
        api.push(metrics_path(api), [point(value=amount)])
    assert [row["value"] for row in api.get("dimensiondata", **FAR)] == [value]


def test_a_pushed_point_joins_the_seeded_one(api: Api) -> None:
    company = next(row for row in api.box.rows("companies") if row.get("externalId") == "C-00002")
    query = {"cId": company["_id"], "dimid": "logins", "limit": 1}
    seeded = api.get("dimensiondata", **query)[0]
    api.push(metrics_path(api), [point(dimensionId="logins", value=1000, date=seeded["time"])])
    now = api.get("dimensiondata", **query)[0]
    assert now == {**seeded, "value": seeded["value"] + 1000}


def test_points_may_take_their_time(api: Api) -> None:
    api.box.set_switch("metrics_delay_seconds", 60)
    api.box.freeze()
    api.push(metrics_path(api), [point()])
    assert api.get("dimensiondata", **FAR) == []
    api.box.advance(59)
    assert api.get("dimensiondata", **FAR) == []
    api.box.advance(1)
    assert len(api.get("dimensiondata", **FAR)) == 1


@pytest.mark.parametrize(
    ("position", "bearer", "basic"), [("either", 200, 200), ("bearer", 200, 401), ("basic_tenant", 401, 200)]
)
def test_who_may_post_metrics(api: Api, position: str, bearer: int, basic: int) -> None:
    api.box.set_switch("metrics_auth", position)
    url = f"{api.box.analytics_url}/{metrics_path(api)}"
    token = {"Authorization": f"Bearer {api.box.api_token}"}
    assert requests.post(url, json=[point()], headers=token, timeout=20).status_code == bearer
    assert requests.post(url, json=[point()], auth=(api.box.tenant_token, ""), timeout=20).status_code == basic
    assert requests.post(url, json=[point()], timeout=20).status_code == 401


def test_paths_of_another_tenant_are_not_there(api: Api) -> None:
    assert api.push("dimensiondata/other", [point()]).status_code == 404
    assert api.push("analytics/other", {}).status_code == 404
    assert api.call("GET", f"analytics-host/{metrics_path(api)}").status_code == 404
    assert api.post(metrics_path(api), [point()]).status_code == 404


def test_activities_are_open_and_taken_in(api: Api) -> None:
    person = next(row for row in api.box.rows("endusers") if row.get("email") and row.get("externalId"))
    base = f"{api.box.analytics_url}/analytics"
    rows = [{"email": person["email"], "action": "login"}, {"euExtId": person["externalId"], "action": "x"}]
    assert requests.post(f"{base}/bulk/{api.box.tenant_token}", json=rows, timeout=20).status_code == 200
    one = requests.post(f"{base}/{api.box.tenant_token}", json={"externalId": person["externalId"]}, timeout=20)
    assert (one.status_code, one.content) == (200, b"")
    assert [row["endpoint"] for row in api.box.activities] == ["bulk", "bulk", "one"]
    assert {row["enduserId"] for row in api.box.activities} == {person["_id"]}
    assert api.box.activities[0]["item"] == rows[0]


def test_activities_create_endusers_when_the_company_is_known(api: Api) -> None:
    rows = [
        {"email": "n1@elsewhere.example", "companyExternalId": "C-00002", "firstName": "N"},
        {"email": "n2@company3.example"},
        {"email": "n3@elsewhere.example"},
    ]
    api.push(f"analytics/bulk/{api.box.tenant_token}", rows)
    stored = {row.get("email"): row for row in api.box.rows("endusers")}
    assert stored["n1@elsewhere.example"]["companyId"] == api.box.rows("companies")[1]["_id"]
    assert "n2@company3.example" in stored
    assert "n3@elsewhere.example" not in stored
    assert api.box.activities[2]["enduserId"] is None


def test_segment_takes_basic_with_the_tenant_token(api: Api) -> None:
    url = f"{api.box.analytics_url}/dock/segment"
    traits = {"email": "seg@x.example", "name": "Seg", "companyId": "C-00002"}
    event = {"type": "identify", "userId": "seg-1", "traits": traits}
    assert requests.post(url, json=event, timeout=20).status_code == 401
    assert requests.post(url, json=event, auth=(api.box.tenant_token, ""), timeout=20).status_code == 200
    stored = next(row for row in api.box.rows("endusers") if row.get("externalId") == "seg-1")
    assert stored["email"] == "seg@x.example"


@pytest.mark.parametrize(("position", "body"), [("empty", b""), ("text", b"OK"), ("json", b'{"status":"ok"}')])
def test_what_activities_are_answered(api: Api, position: str, body: bytes) -> None:
    api.box.set_switch("analytics_answer", position)
    assert api.push(f"analytics/{api.box.tenant_token}", {"email": "x@y"}).content == body


@pytest.mark.parametrize("position", ["externalId", "euExtId", "id"])
def test_the_external_id_in_bulk_activities(api: Api, position: str) -> None:
    api.box.set_switch("activity_key", position)
    person = next(row for row in api.box.rows("endusers") if row.get("externalId"))
    rows = [{name: person["externalId"]} for name in ("externalId", "euExtId", "id")]
    api.push(f"analytics/bulk/{api.box.tenant_token}", rows)
    matched = [next(iter(row["item"])) for row in api.box.activities if row["enduserId"] == person["_id"]]
    assert matched == [position]
