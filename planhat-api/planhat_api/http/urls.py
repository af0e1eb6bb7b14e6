"""Builds the path and the query of a call from a model."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from planhat_api.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planhat_api.models.registry import Model

__all__ = ["checked_operation", "list_query", "page_limit", "record_path"]

_FORMS = ("extid-", "srcid-")
ALL_FIELDS = "*"


def checked_operation(model: Model, operation: str) -> None:
    """Check that Planhat offers an operation for a model.

    Raises:
        ConfigurationError: Planhat does not offer it.
    """
    if operation not in model.operations:
        raise ConfigurationError(
            setting="model", message=f"{model.file} has no {operation}; it has {', '.join(sorted(model.operations))}"
        )


def record_path(model: Model, operation: str, key: str) -> str:
    """The URL path of one record.

    Args:
        model: Its model.
        operation: ``get``, ``update`` or ``delete``.
        key: ``_id``, ``extid-`` and the external id, or ``srcid-`` and the source id (B21).

    Raises:
        ConfigurationError: The key is empty, which would be the URL of the list (B20), or the operation does not take
            keys of this form.
    """
    checked_operation(model, operation)
    form = next((form for form in _FORMS if key.startswith(form)), "_id")
    bare = key.removeprefix(form) if form in _FORMS else key
    if not bare.strip() or bare in {".", ".."}:
        raise ConfigurationError(setting="key", message=f"is empty; {operation} of {model.file} needs one record")
    allowed = model.url_keys.get(operation, ("_id",))
    if form not in allowed:
        raise ConfigurationError(
            setting="key", message=f"{operation} of {model.file} does not take {form}; it takes {', '.join(allowed)}"
        )
    return f"{model.path}/{quote(key, safe='')}"


def list_query(  # noqa: PLR0913 - each is a parameter of Planhat's lists
    model: Model,
    *,
    offset: int,
    limit: int | None,
    sort: str | None,
    select: str | Sequence[str] | None,
    params: Mapping[str, str] | None,
) -> dict[str, str]:
    """The query of a list call.

    Parameters that the model's list does not take are left out. The value ``"*"`` becomes all fields of the model.
    """
    query = {
        name: ",".join(_all_fields(model)) if value == ALL_FIELDS else str(value)
        for name, value in (params or {}).items()
    }
    if select:
        fields = _all_fields(model) if select == ALL_FIELDS else [select] if isinstance(select, str) else select
        query["select"] = ",".join(fields)
    if sort and model.sortable:
        query["sort"] = sort
    if model.paged:
        query["offset"] = str(offset)
        query["limit"] = str(page_limit(model, limit))
    return query


def page_limit(model: Model, limit: int | None) -> int:
    """Rows to request: never more than the documented maximum (Q4)."""
    wanted = limit or model.page.ask or 1
    return min(wanted, model.page.max) if model.page.max else wanted


def _all_fields(model: Model) -> list[str]:
    return [name for name in model.properties if name not in model.secret]
