"""Accepts and lists metric points (B81)."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import TYPE_CHECKING

from planhat_sandbox.clock import day_number
from planhat_sandbox.messages import ApiError, Response, json_response
from planhat_sandbox.outcomes import key_text
from planhat_sandbox.points import Range, Series
from planhat_sandbox.values import InvalidValueError, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["METRIC_MODELS", "push_metrics", "read_metrics"]

METRIC_MODELS = {"Company": "companies", "EndUser": "endusers", "Asset": "assets", "Project": "projects"}
_DIMENSION_ID = re.compile(r"[A-Za-z0-9._\- ]+")
_MOMENT = {"type": "string", "format": "date-time"}


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_CHECKS: tuple[tuple[str, Callable[[Row], bool]], ...] = (
    (
        "dimensionId must be specified",
        lambda item: isinstance(item.get("dimensionId"), str) and item["dimensionId"] != "",
    ),
    (
        "dimensionId holds characters that are not allowed",
        lambda item: _DIMENSION_ID.fullmatch(item["dimensionId"]) is not None,
    ),
    ("value must be a number", lambda item: _is_number(item.get("value"))),
    ("externalId is required", lambda item: key_text(item.get("externalId")) is not None),
    ("model must be one of " + ", ".join(METRIC_MODELS), lambda item: item.get("model", "Company") in METRIC_MODELS),
)


def push_metrics(tenant: Tenant, items: Value) -> Response:
    """Accept one point or an array. The answer is ``{processed, errors: [{item, error}]}``, always with 200 (B91)."""
    items = [items] if isinstance(items, dict) else items
    if not isinstance(items, list):
        raise ApiError(400, "The body must be an object or an array")
    errors = []
    for item in items:
        problem = _problem(tenant, item)
        if problem:
            errors.append({"item": item, "error": problem})
        else:
            _process(tenant, item)
    failed = len(errors) if tenant.switches["metrics_processed"] == "accepted" else 0
    return json_response({"processed": len(items) - failed, "errors": errors}, rows=len(items))


def read_metrics(tenant: Tenant, query: Mapping[str, str], offset: int, limit: int) -> Response:
    """One page of points.

    Raises:
        ApiError: ``from`` and ``to`` are missing, and the switch requires them (Q20).
    """
    first, last = _day(query.get("from")), _day(query.get("to"))
    if tenant.switches["dimensiondata_without_range"] == "refuse" and (first is None or last is None):
        raise ApiError(400, "from and to are required")
    wanted = Range(first, last, query.get("cId") or None, query.get("dimid") or None)
    rows = tenant.points.page(wanted, offset, limit, tenant.switches["metric_combine"])
    return Response(200, b"[" + b",".join(rows) + b"]", rows=len(rows))


def _day(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdecimal() else None


def _problem(tenant: Tenant, item: Value) -> str | None:
    """Why a point is refused; None if it is accepted."""
    if not isinstance(item, dict):
        return "item must be an object"
    try:
        written("date", item.get("date"), _MOMENT, tenant.switches)
    except InvalidValueError:
        return "date is not valid"
    return next((text for text, fits in _CHECKS if not fits(item)), None)


def _process(tenant: Tenant, item: Row) -> None:
    points = tenant.points
    points.accepted.append(item)
    series = _series(tenant, item)
    if series is None:
        points.dropped.append(item)
        return
    stamp = written("date", item.get("date") or tenant.clock.stamp(), _MOMENT, tenant.switches)
    delay = tenant.switches.number("metrics_delay_seconds")
    points.add(series, day_number(date.fromisoformat(stamp[:10])), item["value"], delay)
    points.landed.append(item)


def _series(tenant: Tenant, item: Row) -> Series | None:
    model = item.get("model", "Company")
    collection = tenant.store[METRIC_MODELS[model]]
    found = collection.find("externalId", key_text(item["externalId"]))
    if not found:
        return None
    company = found[0] if model == "Company" else collection.column("companyId").get(found[0])
    name = tenant.name_of("companies", company)
    return Series(item["dimensionId"], model, found[0], str(company), str(name))
