"""Every operation of the client, with each open question about Planhat answered either way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from planhat_api import NotFoundError, OutcomeKind, PayloadError, PlanhatClient, Row
from planhat_api.models.registry import Model, all_models, model
from planhat_sandbox import SWITCHES
from tests.client_support import UNLIMITED, client_on, sandbox

if TYPE_CHECKING:
    from planhat_sandbox import Sandbox

# Values worth trying of switches that take a number or a text instead of positions.
VALUES = {
    "page_max": ["3"],
    "sort_ignored_fields": ["_id"],
    "refused_creates": ["endusers"],
    "refused_updates": ["endusers"],
    "body_limit_mb": ["0.002"],
    "metrics_delay_seconds": ["1", "0-2"],
    "calls_per_minute": ["0"],
    "calls_per_second": ["0"],
    "parallel_calls": ["50"],
    "quota_window_seconds": ["1"],
    "moving_rows": ["2"],
}
POSITIONS = [
    (name, position)
    for name, switch in SWITCHES.items()
    for position in (switch.positions or tuple(VALUES.get(name, [switch.default])))
]
LISTED = [found for found in all_models().values() if "list" in found.operations and found.paged]
SAMPLE = [model(file) for file in ("companies", "dimensiondata", "endusers", "tasks")]
ABOUT_LISTS = {f"B{number}" for number in range(25, 40)}


def test_every_switch_is_tried_away_from_its_default() -> None:
    tried = {name for name, position in POSITIONS if position != SWITCHES[name].default}
    assert set(SWITCHES) - tried <= {*UNLIMITED, "parallel_calls"}


@pytest.mark.parametrize(("name", "position"), POSITIONS, ids=str)
def test_tour(name: str, position: str) -> None:
    switches = {name: position}
    analytics_auth = "basic_tenant" if position == "basic_tenant" else "bearer"
    with sandbox(companies=2, switches=switches) as box, client_on(box, analytics_auth_method=analytics_auth) as client:
        client.check_credentials()
        _lists(box, client, LISTED if ABOUT_LISTS & {*SWITCHES[name].facts.split()} else SAMPLE)
        if name != "moving_rows":
            _singles(box, client)
            _bulk(box, client)
            _analytics(box, client)


def _lists(box: Sandbox, client: PlanhatClient, lists: list[Model]) -> None:
    moving = box.switches()["moving_rows"] != "0"
    for listed in lists:
        stored = {row["_id"] for row in box.rows(listed.path)}
        read = [row_id for one_pass in _passes(box, client, listed) for row_id in one_pass]
        assert len(read) == len(set(read)), listed.file
        gone = {move["_id"] for move in box.moves}
        hidden = _hidden(box, listed)
        assert stored - gone - hidden <= set(read), listed.file
        assert moving or set(read) <= stored, listed.file
    lean = client.lean_companies()
    assert set(lean.ids) == {row["_id"] for row in box.rows("companies")}
    assert len(client.custom_fields()) == len(box.rows("customfields"))


def _passes(box: Sandbox, client: PlanhatClient, listed: Model) -> list[list[str | None]]:
    if listed.path == "dimensiondata":
        pages = client.dimension_data(first_day=0, last_day=40_000, limit=50, in_flight=3)
        return [[row_id for page in pages for row_id in page.ids]]
    read: list[list[str | None]] = []
    seen: set[str | None] = set()
    for params in listed.passes:
        pages = client.pages(listed, params=params, limit=7, in_flight=3)
        ids = [row_id for page in pages for row_id in page.ids]
        assert len(ids) == len(set(ids)), listed.file
        # A pass may repeat rows of the one before: what isArchived=true brings is not known (B31).
        read.append([row_id for row_id in ids if row_id not in seen])
        seen.update(ids)
    return read


def _hidden(box: Sandbox, listed: Model) -> set[str]:
    if listed.path == "dimensiondata" and box.switches()["metric_zero"] == "missing":
        return {row["_id"] for row in box.rows(listed.path) if row["value"] == 0}
    if box.switches()["archived_rows"] == "listed":
        return set()
    return {row["_id"] for row in box.rows(listed.path) if row.get("archived")} if listed.path != "endusers" else set()


def _singles(box: Sandbox, client: PlanhatClient) -> None:
    companies = model("companies")
    created = client.create(companies, {"name": "Ünïted / Co", "externalId": "a/b c", "sourceId": "crm 1"})
    stored = next(row for row in box.rows("companies") if row.get("externalId") == "a/b c")
    assert isinstance(created, str) or created["_id"] == stored["_id"]
    for key in (stored["_id"], "extid-a/b c", "srcid-crm 1"):
        assert client.get(companies, key)["name"] == "Ünïted / Co"
    changed = client.update(companies, "srcid-crm 1", {"_id": stored["_id"], "name": "Renamed"})
    assert isinstance(changed, str) or changed["name"] == "Renamed"
    assert client.get(companies, stored["_id"])["name"] == "Renamed"
    assert client.delete(companies, stored["_id"]) is True
    assert client.delete(companies, stored["_id"]) is False
    with pytest.raises(NotFoundError):
        client.get(companies, stored["_id"])
    entries = [row["_id"] for row in box.rows("timeentries")][:2]
    copies = client.duplicate_time_entries(entries)
    assert all(outcome.kind.delivered for outcome in copies.outcomes)


def _bulk(box: Sandbox, client: PlanhatClient) -> None:
    """Good and bad rows of several kinds; each verdict must be true."""
    endusers, companies = model("endusers"), box.rows("companies")
    known = [row for row in box.rows("endusers") if row.get("sourceId") and not row.get("archived")][:6]
    bodies: list[dict[str, Any]] = [
        *(
            {"sourceId": f"new-{n}", "email": f"new{n}@acme.example", "companyId": companies[0]["_id"]}
            for n in range(4)
        ),
        *({"sourceId": row["sourceId"], "firstName": f"Changed {n}"} for n, row in enumerate(known[:3])),
        *({"sourceId": row["sourceId"], "firstName": row.get("firstName")} for row in known[3:]),
        *({"sourceId": f"bad-{n}", "email": f"bad{n}@acme.example", "companyId": "extid-nowhere"} for n in range(2)),
    ]
    bodies = [{**body, "lastName": f"Marked {n}"} if n < 7 or n > 9 else body for n, body in enumerate(bodies)]
    rows = [Row(msgspec.json.encode(body), {"sourceId": body["sourceId"]}) for body in bodies]
    result = client.bulk_upsert(endusers, rows)
    _assert_true(box, bodies, result.outcomes)
    if box.switches()["refused_updates"]:
        return
    # Once more: what is there comes back unchanged, what is not is refused again.
    again = client.bulk_upsert(endusers, rows)
    _assert_true(box, bodies, again.outcomes)
    assert not {OutcomeKind.CREATED, OutcomeKind.UPDATED} & {outcome.kind for outcome in again.outcomes}
    unkeyed = [
        {"email": f"unkeyed{n}@acme.example", "companyId": companies[0]["_id"], "firstName": "U"} for n in range(3)
    ]
    result = client.bulk_upsert(endusers, [Row(msgspec.json.encode(body)) for body in unkeyed])
    stored = [row["email"] for row in box.rows("endusers") if row.get("firstName") == "U"]
    for body, outcome in zip(unkeyed, result.outcomes, strict=True):
        assert stored.count(body["email"]) == (1 if outcome.kind.delivered else 0)


def _assert_true(box: Sandbox, bodies: list[dict[str, Any]], outcomes: list[Any]) -> None:
    stored = {row["sourceId"]: row for row in box.rows("endusers") if row.get("sourceId")}
    for body, outcome in zip(bodies, outcomes, strict=True):
        row = stored.get(body["sourceId"], {})
        there = bool(row) and all(row.get(name) == body.get(name) for name in ("firstName", "lastName") if name in body)
        if outcome.kind.delivered:
            assert there, (body, outcome)
        elif outcome.kind is OutcomeKind.REJECTED and "lastName" in body:
            assert not there, (body, outcome)


def _analytics(box: Sandbox, client: PlanhatClient) -> None:
    company = next(row for row in box.rows("companies") if row.get("externalId"))
    points: list[dict[str, Any]] = [
        {"dimensionId": "logins", "value": n, "externalId": company["externalId"], "model": "Company"} for n in range(5)
    ]
    points.insert(2, {**points[0], "value": "many"})
    points.insert(4, {"value": 1, "externalId": company["externalId"], "model": "Company"})
    result = client.push_metrics([Row(msgspec.json.encode(point)) for point in points])
    kinds = [outcome.kind for outcome in result.outcomes]
    assert [n for n, kind in enumerate(kinds) if kind is OutcomeKind.REJECTED] == [2, 4]
    assert kinds.count(OutcomeKind.ACCEPTED) == len(box.metrics) == 5
    activities = [Row(msgspec.json.encode({"email": "kim@acme.example", "action": "login"})) for _ in range(3)]
    assert {outcome.kind for outcome in client.push_activities(activities).outcomes} == {OutcomeKind.ACCEPTED}
    client.push_activity(activities[0])
    client.push_segment({"type": "track", "userId": "kim@acme.example", "event": "login"})
    assert len(box.activities) == 5


def test_a_refused_create_is_reported_and_not_repeated() -> None:
    for position in ("400", "500_text"):
        with sandbox(switches={"refused_create": position}) as box, client_on(box) as client:
            before = len(box.calls)
            with pytest.raises(Exception, match="name required") as caught:
                client.create(model("companies"), {"status": "customer"})
            assert len(box.calls) == before + 1
            assert isinstance(caught.value, PayloadError) == (position == "400")
