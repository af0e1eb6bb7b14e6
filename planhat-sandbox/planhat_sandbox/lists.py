"""Answers list calls (B25 to B38)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import TYPE_CHECKING

from planhat_sandbox.clock import day_number
from planhat_sandbox.concurrent_changes import ConcurrentChanges
from planhat_sandbox.email_case import compared
from planhat_sandbox.messages import ApiError, Response, json_response
from planhat_sandbox.tenant import collection_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_api.models.registry import Model
    from planhat_sandbox.rendering import Renderer
    from planhat_sandbox.store import Collection, Value
    from planhat_sandbox.switches import Switches
    from planhat_sandbox.tenant import Tenant

    Filter = tuple[str, Callable[[Value], bool]]

__all__ = ["Lists", "whole_number"]

# Where the page sizes of a model are unknown (B26).
_DEFAULT_PAGE = 100
_LARGEST_PAGE = 2000
_NPS_EXPIRY_DAYS = 360
_ARCHIVE_SWITCHED = frozenset({"issues", "conversations", "tickets", "workflows"})
_KEPT_VIEWS = 32


@dataclass(frozen=True)
class _View:
    version: int
    ids: list[str]


class Lists:
    """Answers list calls of one tenant. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, renderer: Renderer) -> None:
        """Take the tenant, and what renders its rows."""
        self._tenant = tenant
        self._renderer = renderer
        self._views: dict[tuple[Value, ...], _View] = {}
        self._requests = count()
        self._changes_by_others = ConcurrentChanges(tenant)

    def answer(self, model: Model, query: Mapping[str, str]) -> Response:
        """One page as a bare array.

        Raises:
            ApiError: The limit is above the maximum, and the switch says to refuse it.
        """
        limit = self.limit(model, query)
        offset = whole_number(query.get("offset"), 0)
        self._changes_by_others.before_list(collection_path(model), offset)
        ids = self._view(model, query)[offset : offset + limit]
        select = frozenset(name.strip() for name in query["select"].split(",")) if query.get("select") else None
        return Response(200, self._renderer.page(model, ids, select), rows=len(ids))

    def lean(self, query: Mapping[str, str]) -> Response:
        """Every company with its keys, in one answer."""
        companies = self._tenant.store["companies"]
        columns = {name: companies.column(name) for name in ("name", "externalId", "sourceId", "status")}
        statuses = _ids(query.get("status"))
        rows = []
        for row_id in companies.ids():
            row = {name: column[row_id] for name, column in columns.items()}
            status = row.pop("status")
            if any(query.get(key) and query[key] != row[key] for key in ("externalId", "sourceId")):
                continue
            if statuses is None or status in statuses:
                rows.append({"_id": row_id, **{name: value for name, value in row.items() if value is not None}})
        return json_response(rows, rows=len(rows))

    def limit(self, model: Model, query: Mapping[str, str]) -> int:
        """The most rows that one call returns.

        Raises:
            ApiError: As for ``answer``.
        """
        switches = self._tenant.switches
        largest = int(switches.number("page_max")) or model.page.max or _LARGEST_PAGE
        limit = whole_number(query.get("limit"), 0)
        if not limit:
            return min(model.page.default or _DEFAULT_PAGE, largest)
        if limit <= largest or switches["limit_above_max"] == "honour":
            return limit
        if switches["limit_above_max"] == "refuse":
            raise ApiError(400, f"limit must not be above {largest}")
        return largest

    def _view(self, model: Model, query: Mapping[str, str]) -> list[str]:
        collection = self._tenant.store[collection_path(model)]
        switches = self._tenant.switches
        sort = query.get("sort")
        wanted = sorted((name, query[name]) for name in query if name in model.parameters)
        key = (model.path, tuple(wanted), sort, switches.generation, self._tenant.clock.today())
        view = self._views.get(key)
        if view is not None and view.version == collection.version:
            ids = view.ids
        else:
            ids = self._sorted(collection, self._matching(model, collection, query), sort)
            while len(self._views) >= _KEPT_VIEWS:
                del self._views[next(iter(self._views))]
            self._views[key] = _View(collection.version, ids)
        if not self._honoured(sort):
            return self._shuffled(ids) if switches["default_sort"] == "random" else ids
        # Sorting is stable, so shuffling before only changes the order of equal rows.
        return ids if switches["equal_rows"] == "stable" else self._sorted(collection, self._shuffled(ids), sort)

    def _shuffled(self, ids: list[str]) -> list[str]:
        shuffled = ids.copy()
        random.Random(next(self._requests)).shuffle(shuffled)  # noqa: S311 - repeatable, no secret
        return shuffled

    def _matching(self, model: Model, collection: Collection, query: Mapping[str, str]) -> list[str]:
        filters = [*self._hidden(model, query), *_asked(model, query, self._tenant.switches)]
        ids = collection.ids()
        for name, passes in filters:
            column = collection.column(name)
            ids = [row_id for row_id in ids if passes(column[row_id])]
        return ids

    def _hidden(self, model: Model, query: Mapping[str, str]) -> list[Filter]:
        """Filters of a list without parameters."""
        if model.path == "tickets":
            return [("type", lambda value: value == "ticket"), *self._archived(model)]
        if model.path == "endusers" and query.get("archived") != "true":
            return [("archived", lambda value: not value)]
        if model.path == "tasks":
            return self._tasks(query)
        if model.path == "nps":
            days = whole_number(query.get("npsExpiryDay"), _NPS_EXPIRY_DAYS)
            first = self._tenant.clock.today() - days
            return [("dateAnswered", lambda value: value is None or _day(value) >= first)]
        return self._archived(model)

    def _archived(self, model: Model) -> list[Filter]:
        if model.path not in _ARCHIVE_SWITCHED or self._tenant.switches["archived_rows"] == "listed":
            return []
        return [("isArchived" if model.path == "workflows" else "archived", lambda value: not value)]

    def _tasks(self, query: Mapping[str, str]) -> list[Filter]:
        if query.get("isArchived") != "true":
            return [("isArchived", lambda value: not value)]
        return [] if self._tenant.switches["tasks_is_archived_true"] == "all" else [("isArchived", bool)]

    def _honoured(self, sort: str | None) -> bool:
        switches = self._tenant.switches
        field = (sort or "").removeprefix("-")
        return bool(field) and switches["sort"] == "honoured" and field not in switches.names("sort_ignored_fields")

    def _sorted(self, collection: Collection, ids: list[str], sort: str | None) -> list[str]:
        if not sort or not self._honoured(sort):
            return sorted(ids, reverse=True) if self._tenant.switches["default_sort"] == "newest_first" else ids
        field, descending = sort.removeprefix("-"), sort.startswith("-")
        if field == "_id":
            return sorted(ids, reverse=descending)
        column = collection.column(field)
        nulls = 0 if self._tenant.switches["sort_nulls"] == "low" else 9
        return sorted(ids, key=lambda row_id: _rank(column[row_id], nulls), reverse=descending)


def _asked(model: Model, query: Mapping[str, str], switches: Switches) -> list[Filter]:
    """Filters from the model's own parameters; other parameters are ignored (B38)."""
    filters: list[Filter] = []
    companies = _ids(query.get("companyId")) if "companyId" in model.parameters else None
    if companies is not None:
        field = "_id" if model.path == "companies" else (model.company or "companyId").removesuffix("[]")
        filters.append((field, lambda value: bool(_held(value) & companies)))
    own = _OWN_PARAMETERS.get(model.path)
    return filters if own is None else [*filters, *own(query, switches)]


def _enduser_filters(query: Mapping[str, str], switches: Switches) -> list[Filter]:
    names = {"email": "email", "euId": "_id"}
    return [_equals(field, query[name], switches) for name, field in names.items() if query.get(name)]


def _equals(field: str, wanted: str, switches: Switches) -> Filter:
    sought = compared(field, wanted, switches)
    return field, lambda value: bool(compared(field, value, switches) == sought)


def _task_filters(query: Mapping[str, str], _: Switches) -> list[Filter]:
    endusers = _ids(query.get("enduserIds"))
    if endusers is None:
        return []
    return [("endusers", lambda value: any(_id_of(item) in endusers for item in value or ()))]


def _ticket_filters(query: Mapping[str, str], switches: Switches) -> list[Filter]:
    filters = [_equals(name, query[name], switches) for name in ("status", "email") if query.get(name)]
    search = query.get("search", "").casefold()
    if search:
        filters.append(("snippet", lambda value: search in str(value or "").casefold()))
    return filters


def _churn_filters(query: Mapping[str, str], _: Switches) -> list[Filter]:
    filters: list[Filter] = []
    if query.get("downgrades") in {"only", "excluded"}:
        only = query["downgrades"] == "only"
        filters.append(("onlyDowngrade", lambda value: bool(value) is only))
    if query.get("from"):
        filters.append(("churnDate", lambda value: str(value or "")[:10] >= query["from"]))
    if query.get("to"):
        filters.append(("churnDate", lambda value: str(value or "")[:10] <= query["to"]))
    return filters


_OWN_PARAMETERS: dict[str, Callable[[Mapping[str, str], Switches], list[Filter]]] = {
    "endusers": _enduser_filters,
    "tasks": _task_filters,
    "tickets": _ticket_filters,
    "churn": _churn_filters,
}


def whole_number(text: str | None, default: int) -> int:
    """A parameter as a number from 0 on; any other value counts as missing."""
    return int(text) if text and text.isdecimal() else default


def _ids(text: str | None) -> frozenset[str] | None:
    return frozenset(text.split(",")) if text else None


def _held(value: Value) -> frozenset[Value]:
    return frozenset(value if isinstance(value, list) else [value])


def _id_of(item: Value) -> Value:
    return (item.get("id") or item.get("_id")) if isinstance(item, dict) else item


def _day(stamp: str) -> int:
    return day_number(date.fromisoformat(stamp[:10]))


def _rank(value: Value, nulls: int) -> tuple[int, Value]:
    if value is None:
        return (nulls, 0)
    if isinstance(value, (bool, int, float)):
        return (1, value)
    return (2, value) if isinstance(value, str) else (3, 0)
