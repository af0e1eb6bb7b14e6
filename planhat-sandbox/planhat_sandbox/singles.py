"""Calls for one row: get, create, update, delete (B19 to B23, B73 to B78)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.models.registry import all_models
from planhat_sandbox.messages import Refusal, Response, json_response, text_response
from planhat_sandbox.outcomes import Fate, RowError
from planhat_sandbox.tenant import home
from planhat_sandbox.upsert import Upsert
from planhat_sandbox.values import UnfitValueError

if TYPE_CHECKING:
    from planhat_api.models.registry import Model
    from planhat_sandbox.present import Presenter
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.tenant import Tenant

__all__ = ["Singles"]


class Singles:
    """Answers calls for one row. Callers hold the lock of the store."""

    def __init__(self, tenant: Tenant, presenter: Presenter) -> None:
        """Args: tenant: Whose rows. presenter: Shows them."""
        self._tenant = tenant
        self._presenter = presenter

    def my_profile(self) -> Response:
        """The user the token belongs to."""
        users = self._tenant.store["users"]
        return json_response(next(users.rows(), {"nickName": "API user"}), rows=1)

    def get(self, model: Model, key: str) -> Response:
        """One row by id or by key.

        Raises:
            Refusal: 404.
        """
        if "get" not in model.operations:
            raise Refusal(404, f"Cannot GET /{model.path}/{key}")
        row_id = self._find(model, "get", key)
        return json_response(self._shown(model, row_id), rows=1)

    def create(self, model: Model, body: Value) -> Response:
        """Creates one row.

        Raises:
            Refusal: 400 or 500 with the reason, 403 when the token may not.
        """
        if not isinstance(body, dict):
            raise Refusal(400, "The body must be an object")
        try:
            row = Upsert(self._tenant, model).create(body)
        except (RowError, UnfitValueError) as error:
            if isinstance(error, RowError) and error.fate is Fate.VANISHED:
                return self._ignored()
            raise self._refused(error) from error
        return self._written(model, row["_id"], int(self._tenant.switches["create_status"]))

    def update(self, model: Model, key: str, body: Value) -> Response:
        """Changes one row; raises as ``get`` and ``create`` do."""
        if not isinstance(body, dict):
            raise Refusal(400, "The body must be an object")
        if "_id" in body and self._tenant.switches["put_with_id"] == "refused":
            raise Refusal(400, "_id cannot be set")
        row_id = self._find(model, "update", key)
        try:
            Upsert(self._tenant, model).change(row_id, body)
        except (RowError, UnfitValueError) as error:
            raise Refusal(403 if _forbidden(error) else 400, str(error)) from error
        return self._written(model, row_id, 200)

    def delete(self, model: Model, key: str) -> Response:
        """Deletes one row by ``_id``.

        Raises:
            Refusal: 404.
        """
        row_id = self._find(model, "delete", key)
        row = self._shown(model, row_id)
        self._tenant.store[home(model)].remove(row_id)
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
        return self._presenter.one(model, self._tenant.store[home(model)].get(row_id) or {})

    def _written(self, model: Model, row_id: str, status: int) -> Response:
        if self._tenant.switches["answers"] == "text":
            return text_response(f"{model.name} saved", status)
        return json_response(self._shown(model, row_id), status, rows=1)

    def _ignored(self) -> Response:
        """The answer to a create that was ignored.

        Nobody told what it is (Q23). The default is an object like any other answer, but with no row in it: it finds
        out clients that take every 200 for success.
        """
        position = self._tenant.switches["ignored_create"]
        if position == "empty_object":
            return json_response({})
        return text_response("Ignored" if position == "text" else "")

    def _refused(self, error: RowError | UnfitValueError) -> Refusal:
        if _forbidden(error):
            return Refusal(403, str(error))
        if self._tenant.switches["refused_create"] == "500_text":
            return Refusal(500, f"Failed to create: {error}")
        return Refusal(400, str(error))

    def _find(self, model: Model, operation: str, key: str) -> str:
        rows = self._tenant.store[home(model)]
        for prefix, names in (("extid-", ("externalId", "extId")), ("srcid-", ("sourceId",))):
            if key.startswith(prefix) and prefix in model.url_keys.get(operation, ()):
                found = [row_id for name in names if name in model.properties for row_id in rows.find(name, key[6:])]
                if found:
                    return found[0]
        if key in rows:
            return key
        raise Refusal(404, f"{model.name} not found")


def _forbidden(error: RowError | UnfitValueError) -> bool:
    return isinstance(error, RowError) and error.fate is Fate.FORBIDDEN
