"""Answers calls for one row (B19 to B23, B73 to B78)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.models.registry import all_models
from planhat_sandbox.messages import ApiError, Response, json_response, text_response
from planhat_sandbox.outcomes import Outcome, RowError
from planhat_sandbox.tenant import collection_path
from planhat_sandbox.upsert import Upsert
from planhat_sandbox.values import InvalidValueError

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_sandbox.rendering import Renderer
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["SingleRows"]


class SingleRows:
    """Answers calls for one row. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, renderer: Renderer) -> None:
        """Take the tenant, and what renders its rows."""
        self._tenant = tenant
        self._renderer = renderer

    def my_profile(self) -> Response:
        """The user of the token."""
        users = self._tenant.store["users"]
        return json_response(next(users.rows(), {"nickName": "API user"}), rows=1)

    def get(self, model: Model, key: str) -> Response:
        """One row by id or by key.

        Raises:
            ApiError: 404.
        """
        if "get" not in model.operations:
            raise ApiError(404, f"Cannot GET /{model.path}/{key}")
        row_id = self._find(model, "get", key)
        return json_response(self._shown(model, row_id), rows=1)

    def create(self, model: Model, body: Value) -> Response:
        """Create one row.

        Raises:
            ApiError: 400 or 500 with the reason, or 403 if the token may not create it.
        """
        if not isinstance(body, dict):
            raise ApiError(400, "The body must be an object")
        try:
            row = Upsert(self._tenant, model).create(body)
        except (RowError, InvalidValueError) as error:
            if isinstance(error, RowError) and error.outcome is Outcome.VANISHED:
                return self._ignored(body)
            raise self._refused(error) from error
        return self._written(model, row["_id"], int(self._tenant.switches["create_status"]))

    def update(self, model: Model, key: str, body: Value) -> Response:
        """Change one row; raises like ``get`` and ``create``."""
        if not isinstance(body, dict):
            raise ApiError(400, "The body must be an object")
        if "_id" in body and self._tenant.switches["put_with_id"] == "refused":
            raise ApiError(400, "_id cannot be set")
        row_id = self._find(model, "update", key)
        try:
            Upsert(self._tenant, model).change(row_id, body)
        except (RowError, InvalidValueError) as error:
            raise ApiError(403 if _forbidden(error) else 400, str(error)) from error
        return self._written(model, row_id, 200)

    def delete(self, model: Model, key: str) -> Response:
        """Delete one row by ``_id``.

        Raises:
            ApiError: 404.
        """
        row_id = self._find(model, "delete", key)
        row = self._shown(model, row_id)
        self._tenant.store[collection_path(model)].remove(row_id)
        if model.path == "companies" and self._tenant.switches["delete_cascade"] == "children":
            self._delete_children(row_id)
        position = self._tenant.switches["delete_answer"]
        if position == "object":
            return json_response(row)
        if position == "counts":
            return json_response({"n": 1, "ok": 1, "deletedCount": 1})
        if position == "no_content":
            return Response(204)
        return text_response("" if position == "empty" else "Deleted")

    def _delete_children(self, company_id: str) -> None:
        for model in all_models().values():
            if model.company in {"companyId", "cId"} and model.path in self._tenant.store:
                rows = self._tenant.store[model.path]
                for row_id in rows.find(model.company, company_id):
                    rows.remove(row_id)

    def _shown(self, model: Model, row_id: str) -> Row:
        return self._renderer.one(model, self._tenant.store[collection_path(model)].get(row_id) or {})

    def _written(self, model: Model, row_id: str, status: int) -> Response:
        if self._tenant.switches["answers"] == "text":
            return text_response(f"{model.name} saved", status)
        return json_response(self._shown(model, row_id), status, rows=1)

    def _ignored(self, body: Row) -> Response:
        """The answer to a create that was ignored.

        It is not known (Q23). The default is an object without a row, because it exposes clients that treat every 200
        as success.
        """
        position = self._tenant.switches["ignored_create"]
        if position == "empty_object":
            return json_response({})
        if position == "claimed":
            return json_response({**body, "_id": self._tenant.ids.make()}, rows=1)
        return text_response("Ignored" if position == "text" else "")

    def _refused(self, error: RowError | InvalidValueError) -> ApiError:
        if _forbidden(error):
            return ApiError(403, str(error))
        if self._tenant.switches["refused_create"] == "500_text":
            return ApiError(500, f"Failed to create: {error}")
        return ApiError(400, str(error))

    def _find(self, model: Model, operation: str, key: str) -> str:
        rows = self._tenant.store[collection_path(model)]
        for prefix, names in (("extid-", ("externalId", "extId")), ("srcid-", ("sourceId",))):
            if key.startswith(prefix) and prefix in model.url_keys.get(operation, ()):
                found = [row_id for name in names if name in model.properties for row_id in rows.find(name, key[6:])]
                if found:
                    return found[0]
        if key in rows:
            return key
        raise ApiError(404, f"{model.name} not found")


def _forbidden(error: RowError | InvalidValueError) -> bool:
    return isinstance(error, RowError) and error.outcome is Outcome.FORBIDDEN
