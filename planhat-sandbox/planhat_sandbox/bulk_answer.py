"""Makes the answer to a bulk upsert (B66 to B72)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from planhat_sandbox.messages import Response, json_response
from planhat_sandbox.outcomes import Outcome, Result, key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from planhat_api.models.registry import Model
    from planhat_sandbox.store import Row, Value
    from planhat_sandbox.switches import Switches

__all__ = ["bulk_answer"]

_FAILED = frozenset({Outcome.INSERT_FAILED, Outcome.UPDATE_FAILED, Outcome.INVALID, Outcome.FORBIDDEN})
_WITH_VALIDATION = frozenset({"timeentries", "timesheets"})


def bulk_answer(model: Model, results: Sequence[Result], switches: Switches, undo: Callable[[], None]) -> Response:
    """The response to one bulk call. ``undo`` restores the rows if a switch requires it."""
    failed = [result for result in results if result.outcome in _FAILED]
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
    if any(result.outcome is Outcome.FORBIDDEN for result in failed):
        return 403
    if len(failed) == len(results) or switches["bulk_failure"] != "206":
        return 400
    return 206


def _body(model: Model, results: Sequence[Result], switches: Switches) -> Row:
    by_outcome: dict[Outcome, list[Result]] = {outcome: [] for outcome in Outcome}
    for result in results:
        by_outcome[result.outcome].append(result)

    def errors(outcome: Outcome) -> list[Value]:
        return [_error(model, result, switches["error_items"]) for result in by_outcome[outcome]]

    created, updated = by_outcome[Outcome.CREATED], by_outcome[Outcome.UPDATED]
    body: Row = {
        "created": len(created),
        "createdErrors": errors(Outcome.INSERT_FAILED),
        "insertsKeys": [result.keys for result in created],
        "updated": len(updated),
        "updatedErrors": errors(Outcome.UPDATE_FAILED),
        "updatesKeys": [result.keys for result in updated],
        "nonupdates": len(by_outcome[Outcome.UNCHANGED]),
        "modified": [result.row_id for result in updated],
        "upsertedIds": [result.row_id for result in created],
        "permissionErrors": errors(Outcome.FORBIDDEN),
    }
    if model.path in _WITH_VALIDATION or by_outcome[Outcome.INVALID]:
        body["validationErrors"] = errors(Outcome.INVALID)
    return body


def _error(model: Model, result: Result, shape: str) -> Value:
    """One entry of an error array. Its form is an open question (Q1)."""
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
    """The key with the highest priority in the item."""
    for name in model.keyables if isinstance(item, dict) else ():
        key = key_text(item.get(name))
        if key is not None:
            return {name: key}
    return {}
