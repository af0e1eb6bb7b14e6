"""Accepts user activities, which no list returns (B84)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.models.registry import model as model_of
from planhat_sandbox.company_match import named_company
from planhat_sandbox.email_case import rows_with
from planhat_sandbox.messages import ApiError, Response, json_response, text_response
from planhat_sandbox.outcomes import RowError, key_text
from planhat_sandbox.upsert import Upsert
from planhat_sandbox.values import InvalidValueError

if TYPE_CHECKING:
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["push_activities", "push_activity", "push_segment"]

_ENDUSER_KEYS = ("externalId", "euExtId", "id")


def push_activities(tenant: Tenant, items: Value) -> Response:
    """Accept an array of activities."""
    if not isinstance(items, list):
        raise ApiError(400, "The body must be an array")
    for item in items:
        _take(tenant, item, "bulk")
    return _answer(tenant, len(items))


def push_activity(tenant: Tenant, item: Value) -> Response:
    """Accept one activity."""
    _take(tenant, item, "one")
    return _answer(tenant, 1)


def push_segment(tenant: Tenant, event: Value) -> Response:
    """Accept one event in Segment's form."""
    _take(tenant, event, "segment")
    return _answer(tenant, 1)


def _answer(tenant: Tenant, count: int) -> Response:
    position = tenant.switches["analytics_answer"]
    if position == "json":
        return json_response({"status": "ok"}, rows=count)
    response = text_response("" if position == "empty" else "OK")
    response.rows = count
    return response


def _take(tenant: Tenant, item: Value, endpoint: str) -> None:
    if not isinstance(item, dict):
        return
    person = _person(item) if endpoint == "segment" else item
    if endpoint == "bulk" and tenant.switches["activity_key"] != "any":
        other_names = set(_ENDUSER_KEYS) - {tenant.switches["activity_key"]}
        person = {name: value for name, value in item.items() if name not in other_names}
    enduser = _enduser(tenant, person)
    if enduser is None:
        enduser = _new_enduser(tenant, person)
    tenant.activities.append({"endpoint": endpoint, "enduserId": enduser, "item": item})


def _person(event: Row) -> Row:
    sent = event.get("traits")
    traits: Row = sent if isinstance(sent, dict) else {}
    external = event.get("userId") or event.get("user_id")
    return {
        "email": traits.get("email"),
        "externalId": external,
        "name": traits.get("name"),
        "companyExternalId": traits.get("companyId"),
    }


def _enduser(tenant: Tenant, person: Row) -> str | None:
    endusers = tenant.store["endusers"]
    for name in _ENDUSER_KEYS:
        found = endusers.find("externalId", key_text(person.get(name)))
        if found:
            return _meant(tenant, found, person)
    found = rows_with(endusers, "email", key_text(person.get("email")), tenant.switches)
    return _meant(tenant, found, person) if found else None


def _meant(tenant: Tenant, found: list[str], person: Row) -> str:
    """Choose one of several endusers: the one in the company of the payload, else the primary one, else any (B96)."""
    if len(found) == 1:
        return found[0]
    companies, primary = (tenant.store["endusers"].column(name) for name in ("companyId", "primary"))
    company = named_company(tenant, person.get("companyId") or f"extid-{person.get('companyExternalId')}")
    found = [row_id for row_id in found if companies[row_id] == company] or found
    return next((row_id for row_id in found if primary[row_id]), found[0])


def _new_enduser(tenant: Tenant, person: Row) -> str | None:
    """Create an enduser for an unknown person if the company is known (B86)."""
    row = {name: person[name] for name in ("email", "firstName", "lastName", "name") if person.get(name)}
    external = next((key for name in _ENDUSER_KEYS if (key := key_text(person.get(name)))), None)
    if external:
        row["externalId"] = external
    row |= {name: person[name] for name in ("companyId", "companyExternalId") if person.get(name)}
    try:
        return str(Upsert(tenant, model_of("endusers")).create(row)["_id"])
    except (RowError, InvalidValueError):
        return None
