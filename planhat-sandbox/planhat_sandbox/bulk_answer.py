"""The answer to a bulk upsert: counts, keys, errors and status (B66 to B72)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from planhat_sandbox.messages import Response, json_response
from planhat_sandbox.outcomes import Fate, Result, key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api.models.registry import Model
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.switches import Switches

__all__ = ["bulk_answer"]

_FAILED = frozenset({Fate.INSERT_FAILED, Fate.UPDATE_FAILED, Fate.INVALID, Fate.FORBIDDEN})
_WITH_VALIDATION = frozenset({"timeentries", "timesheets"})


def bulk_answer(model: Model, results: Sequence[Result], switches: Switches, undo: Callable[[], None]) -> Response:
    """The response to one bulk call. ``undo`` takes back what was stored, where a switch asks for that."""
    failed = [result for result in results if result.fate in _FAILED]
    status = _status(results, failed, switches)
    nothing_stored = (status == HTTPStatus.FORBIDDEN and switches["bulk_forbidden"] == "nothing") or (
        status == HTTPStatus.BAD_REQUEST and switches["bulk_failure"] == "400_nothing"
    )
    if nothing_stored:
        undo()
        results = failed
    return json_response(_body(model, results, switches), status, rows=len(results))


def _status(results: Sequence[Result], failed: Sequence[Result], switches: Switches) -> int:
    if not failed:
        return 200
    if any(result.fate is Fate.FORBIDDEN for result in failed):
        return 403
    if len(failed) == len(results) or switches["bulk_failure"] != "206":
        return 400
    return 206


def _body(model: Model, results: Sequence[Result], switches: Switches) -> Row:
    by_fate: dict[Fate, list[Result]] = {fate: [] for fate in Fate}
    for result in results:
        by_fate[result.fate].append(result)

    def errors(fate: Fate) -> list[Value]:
        return [_error(model, result, switches["error_items"]) for result in by_fate[fate]]

    created, updated = by_fate[Fate.CREATED], by_fate[Fate.UPDATED]
    body: Row = {
        "created": len(created),
        "createdErrors": errors(Fate.INSERT_FAILED),
        "insertsKeys": [result.keys for result in created],
        "updated": len(updated),
        "updatedErrors": errors(Fate.UPDATE_FAILED),
        "updatesKeys": [result.keys for result in updated],
        "nonupdates": len(by_fate[Fate.UNCHANGED]),
        "modified": [result.row_id for result in updated],
        "upsertedIds": [result.row_id for result in created],
        "permissionErrors": errors(Fate.FORBIDDEN),
    }
    if model.path in _WITH_VALIDATION or by_fate[Fate.INVALID]:
        body["validationErrors"] = errors(Fate.INVALID)
    return body


def _error(model: Model, result: Result, shape: str) -> Value:
    """One entry of an error array; its shape is an open question (Q1)."""
    if shape == "text":
        return result.error
    key = _key(model, result.item)
    if shape == "text_with_key":
        named = "".join(f"{name} {value}: " for name, value in key.items())
        return f"{named}{result.error}"
    if shape == "object_keys":
        return {**key, "error": result.error}
    if shape == "object_bare":
        return {"error": result.error}
    return {"item": result.item, "error": result.error}


def _key(model: Model, item: Value) -> dict[str, str]:
    """The key of highest priority the item carries."""
    for name in model.keyables if isinstance(item, dict) else ():
        key = key_text(item.get(name))
        if key is not None:
            return {name: key}
    return {}
