"""Routes requests to the main API and to the analytics host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from planhat_api.models.registry import all_models
from planhat_sandbox import auth
from planhat_sandbox.activities import push_activities, push_activity, push_segment
from planhat_sandbox.bulk_answer import bulk_answer
from planhat_sandbox.lists import Lists, whole_number
from planhat_sandbox.messages import ApiError, Request, Response, json_response, text_response
from planhat_sandbox.metrics import push_metrics, read_metrics
from planhat_sandbox.rendering import Renderer
from planhat_sandbox.single_rows import SingleRows
from planhat_sandbox.tickets import TicketUpsert
from planhat_sandbox.upsert import Upsert

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_api.models.registry import Model
    from planhat_sandbox.bulk_call import BulkCall
    from planhat_sandbox.store import Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["ANALYTICS_PREFIX", "Router"]

ANALYTICS_PREFIX = "analytics-host"
_LARGEST_BULK = 5000
_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"


class Router:
    """Answers the requests of one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        """Take the tenant."""
        self._tenant = tenant
        renderer = Renderer(tenant)
        self._lists = Lists(tenant, renderer)
        self._single_rows = SingleRows(tenant, renderer)
        # A view has the same path as its model.
        self._models = {found.path: found for found in all_models().values() if found.view_of is None}

    def answer(self, request: Request) -> Response:
        """The answer to one call.

        Raises:
            ApiError: The call is answered with an error status.
        """
        if request.method == "OPTIONS":
            return Response(204, headers={"Allow": _METHODS})
        if request.method == "HEAD":
            # Only the headers of this answer are sent.
            request = replace(request, method="GET")
        if len(request.body) > self._tenant.switches.number("body_limit_mb") * 1024 * 1024:
            raise ApiError(413, "Payload Too Large")
        host, _, path = request.path.partition("/")
        if host == ANALYTICS_PREFIX:
            return self._analytics(request, path)
        auth.check_api_token(self._tenant, request.headers)
        return self._main(request)

    def _main(self, request: Request) -> Response:
        head, _, tail = request.path.partition("/")
        if head == "myprofile" and not tail and self._tenant.switches["myprofile"] == "present":
            return self._single_rows.my_profile()
        model = self._models.get(head)
        if model is None or not model.operations & {"list", "get"}:
            raise ApiError(404, f"Cannot {request.method} /{head}")
        with self._tenant.store.lock:
            return self._of_model(model, request, unquote(tail))

    def _of_model(self, model: Model, request: Request, key: str) -> Response:
        if request.method == "GET":
            return self._single_rows.get(model, key) if key else self._list(model, request)
        if key:
            return self._of_row(model, request, key)
        if request.method == "PUT" and "bulk_upsert" in model.operations:
            return self._bulk(model, request.json(), request.bulk_call)
        if request.method == "POST" and "create" in model.operations:
            return self._single_rows.create(model, request.json())
        raise ApiError(404, f"Cannot {request.method} /{model.path}")

    def _of_row(self, model: Model, request: Request, key: str) -> Response:
        if request.method == "PUT" and "update" in model.operations:
            return self._single_rows.update(model, key, request.json())
        if request.method == "DELETE" and "delete" in model.operations:
            return self._single_rows.delete(model, key)
        if request.method == "POST" and key == "duplicate" and "duplicate" in model.operations:
            return self._duplicate(model, request.json())
        raise ApiError(404, f"Cannot {request.method} /{model.path}/{key}")

    def _list(self, model: Model, request: Request) -> Response:
        if model.path == "leancompanies":
            return self._lists.lean(request.query)
        if model.path == "dimensiondata":
            offset = whole_number(request.query.get("offset"), 0)
            return read_metrics(self._tenant, request.query, offset, self._lists.limit(model, request.query))
        return self._lists.answer(model, request.query)

    def _bulk(self, model: Model, items: Value, bulk_call: BulkCall | None = None) -> Response:
        if model.path == "tickets" and isinstance(items, dict):
            items = [items]
        if not isinstance(items, list):
            raise ApiError(400, "The body must be an array")
        if len(items) > _LARGEST_BULK:
            raise ApiError(400, f"At most {_LARGEST_BULK} items in one request")
        upsert = TicketUpsert(self._tenant) if model.path == "tickets" else Upsert(self._tenant, model, bulk_call)
        with self._tenant.store.undoable() as undo:
            results = [upsert.item(item) for item in items]
            return bulk_answer(model, results, self._tenant.switches, undo)

    def _duplicate(self, model: Model, body: Value) -> Response:
        """Copy time entries, with the answer of a bulk upsert."""
        ids = body.get("ids") if isinstance(body, dict) else None
        if not isinstance(ids, list):
            raise ApiError(400, "ids required")
        rows = [self._tenant.store[model.path].get(str(row_id)) or {} for row_id in ids]
        copies = [{name: value for name, value in row.items() if name not in model.read_only} for row in rows]
        return self._bulk(model, copies)

    def _analytics(self, request: Request, path: str) -> Response:
        if request.method != "POST":
            raise ApiError(404, f"Cannot {request.method} /{path}")
        if path == "dock/segment":
            auth.check_segment(self._tenant, request.headers)
            push: Callable[[Tenant, Value], Response] = push_segment
        else:
            push = self._push_of(path)
        if push is push_metrics:
            auth.check_metrics(self._tenant, request.headers)
        body = request.json()
        with self._tenant.store.lock:
            return push(self._tenant, body)

    def _push_of(self, path: str) -> Callable[[Tenant, Value], Response]:
        head, _, tenant_token = path.rpartition("/")
        pushes: dict[str, Callable[[Tenant, Value], Response]] = {
            "dimensiondata": push_metrics,
            "analytics": push_activity,
            "analytics/bulk": push_activities,
        }
        if head not in pushes or tenant_token != self._tenant.tenant_token:
            raise ApiError(404, "There is no such tenant or path")
        return pushes[head]

    def refused(self, error: ApiError) -> Response:
        """The answer for an error."""
        if self._tenant.switches["error_body"] == "text":
            return text_response(error.text, error.status)
        return json_response({"error": error.text}, error.status)
