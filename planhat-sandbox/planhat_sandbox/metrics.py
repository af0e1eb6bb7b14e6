"""Accepts and lists metric points (B81)."""

from __future__ import annotations

import math
import random
import re
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from planhat_sandbox.clock import EPOCH, day_number
from planhat_sandbox.messages import ApiError, Response, json_response
from planhat_sandbox.outcomes import key_text
from planhat_sandbox.points import Accepted, Pushed, Range, Reading, Series
from planhat_sandbox.values import InvalidValueError, is_day, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["METRIC_MODELS", "metric_book", "metric_cells", "push_metrics", "read_metrics", "reading"]

METRIC_MODELS = {"Company": "companies", "EndUser": "endusers", "Asset": "assets", "Project": "projects"}
_DIMENSION_ID = re.compile(r"[A-Za-z0-9._\- ]+")
_MOMENT = {"type": "string", "format": "date-time"}
_SECONDS_A_DAY = 86_400
# Seconds by which the clock that ends the day of a point differs from UTC, by position of `metric_day` (Q26).
_AHEAD = {"utc": 0, "minus_8": -8 * 3600, "plus_9": 9 * 3600}
_FIRST_DAY, _LAST_DAY = day_number(date.min), day_number(date.max)


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
    rows = tenant.points.page(wanted, offset, limit, reading(tenant))
    return Response(200, b"[" + b",".join(rows) + b"]", rows=len(rows))


def reading(tenant: Tenant) -> Reading:
    """How lists show the values of a day at present."""
    switches = tenant.switches
    return Reading(switches["metric_combine"], switches["metric_last"] == "time", switches["metric_zero"] == "missing")


def metric_book(tenant: Tenant) -> list[Row]:
    """Every accepted point in the order of arrival: ``{item, landed, readable_at}``.

    ``readable_at`` is in seconds since 1970-01-01 (UTC), and None for a point that did not land.
    """
    return [
        {"item": point.item, "landed": point.landed, "readable_at": point.readable_at}
        for point in tenant.points.accepted
    ]


def metric_cells(tenant: Tenant) -> list[Row]:
    """The values that were pushed and landed: ``{dimensionId, model, externalId, day, values}``.

    There is one entry for each metric, record and day. ``day`` is a date without time. ``values`` are in the order of
    arrival, and also contain those that cannot be read yet.
    """
    cells: dict[tuple[str, str, str | None, int], list[float]] = {}
    for point in tenant.points.accepted:
        if point.day is not None:
            item = point.item
            cell = (item["dimensionId"], _model(item), key_text(item["externalId"]), point.day)
            cells.setdefault(cell, []).append(item["value"])
    return [
        {
            "dimensionId": dimension,
            "model": model,
            "externalId": external_id,
            "day": (EPOCH + timedelta(days=day)).isoformat(),
            "values": values,
        }
        for (dimension, model, external_id, day), values in cells.items()
    ]


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
    series = _series(tenant, item)
    if series is None:
        points.accepted.append(Accepted(item))
        return
    time = _time(tenant, item)
    day = min(max(time // _SECONDS_A_DAY, _FIRST_DAY), _LAST_DAY)
    readable_at = tenant.clock.seconds() + _delay(tenant, len(points.accepted))
    points.add(series, int(day), Pushed(item["value"], time, readable_at))
    points.accepted.append(Accepted(item, int(day), readable_at))


def _time(tenant: Tenant, item: Row) -> float:
    """The time of a point in seconds since 1970-01-01, by the clock that ends its day (Q26).

    A date without a time of day is the start of its own day by any clock.
    """
    sent = item.get("date") or tenant.clock.stamp()
    utc = _seconds(written("date", sent, _MOMENT, tenant.switches))
    return utc if is_day(sent) else utc + _AHEAD[tenant.switches["metric_day"]]


@lru_cache(maxsize=4096)
def _seconds(stamp: str) -> float:
    """Seconds since 1970-01-01 (UTC) of a date in the form of Planhat."""
    hours, minutes, seconds = stamp[11:-1].split(":")
    start = day_number(date.fromisoformat(stamp[:10])) * _SECONDS_A_DAY
    return start + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _delay(tenant: Tenant, position: int) -> float:
    """Seconds until lists return the point at a position in the order of arrival (B83)."""
    least, most = tenant.switches.span("metrics_delay_seconds")
    if least == most:
        return least
    return random.Random(f"{tenant.seed} {position}").uniform(least, most)  # noqa: S311 - repeatable, no secret


def _model(item: Row) -> str:
    return str(item.get("model", "Company"))


def _series(tenant: Tenant, item: Row) -> Series | None:
    model = _model(item)
    collection = tenant.store[METRIC_MODELS[model]]
    found = collection.find("externalId", key_text(item["externalId"]))
    if not found:
        return None
    company = found[0] if model == "Company" else collection.column("companyId").get(found[0])
    name = tenant.name_of("companies", company)
    return Series(item["dimensionId"], model, found[0], str(company), str(name))
