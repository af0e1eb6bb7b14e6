"""Reads the answer of a bulk upsert (B66)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.http.call import GarbledError, NestedError
from planhat_api.jsontext import decode, nests_deeply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.http.call import Answer

__all__ = ["STATUSES_WITH_RESULTS", "BulkAnswer", "read_bulk"]

# B71, Q16: answers with these statuses can be complete, with some of the rows stored.
STATUSES_WITH_RESULTS = frozenset({400, 403})

_COUNTS = ("created", "updated", "nonupdates")
_KNOWN = frozenset({*_COUNTS, "insertsKeys", "updatesKeys", "modified", "upsertedIds"})


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """The answer of one bulk call.

    Attributes:
        status: HTTP status; 200 proves nothing (B70).
        has_results: Whether the body has the form of a bulk answer. If not, only ``text`` is useful.
        created: Number of created rows; None if not given.
        updated: Number of updated rows; None if not given.
        nonupdates: Number of unchanged rows; None if not given.
        inserts: Keys of each created row, including ``_id``.
        updates: Keys of each updated row.
        errors: Items of all lists whose names end in errors (B68).
        text: The body for messages, shortened and redacted.
    """

    status: int
    has_results: bool
    created: int | None = None
    updated: int | None = None
    nonupdates: int | None = None
    inserts: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    text: str = ""


def read_bulk(answer: Answer) -> BulkAnswer:
    """Read one answer.

    Raises:
        GarbledError: The status is 2xx and the body is not a bulk answer, or errors in the body nest too deeply.
    """
    body = _object(answer.body)
    errors = [item for name, items in body.items() if name.lower().endswith("errors") for item in _listed(items)]
    if nests_deeply(errors):
        message = "an error that it lists"
        raise NestedError(message)
    if not (errors or _KNOWN & body.keys()):
        if answer.succeeded:
            message = "not the answer of a bulk upsert"
            raise GarbledError(message)
        return BulkAnswer(answer.status, has_results=False, text=answer.text)
    inserts = [keys for keys in _listed(body.get("insertsKeys")) if isinstance(keys, dict)]
    updates = [keys for keys in _listed(body.get("updatesKeys")) if isinstance(keys, dict)]
    return BulkAnswer(
        answer.status,
        has_results=True,
        created=_count(body, "created", len(inserts)),
        updated=_count(body, "updated", len(updates)),
        nonupdates=_count(body, "nonupdates", 0),
        inserts=inserts,
        updates=updates,
        errors=errors,
        text=answer.text,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return value
    return [] if value in (None, "", {}, 0) else [value]


def _count(body: Mapping[str, Any], name: str, listed: int) -> int | None:
    value = body.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        return len(value)
    # Without a count, the list is counted. Without both, nothing is known.
    return listed or None
