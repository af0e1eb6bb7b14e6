"""Inserts and deletes rows between the list calls of a scan (B29)."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_sandbox.tenant import Tenant

__all__ = ["ConcurrentChanges"]

_KEYS = ("externalId", "sourceId", "extId", "email")


class ConcurrentChanges:
    """Changes rows of one tenant, always the same rows for the same seed and calls. Callers hold the lock of the store.

    The number of changes of a path is limited to its number of rows at the start, so that a scan can end.
    """

    def __init__(self, tenant: Tenant) -> None:
        """Take the tenant."""
        self._tenant = tenant
        self._left: dict[str, int] = {}
        self._rng: dict[str, random.Random] = {}

    def before_list(self, path: str, offset: int) -> None:
        """Change rows, unless this is the first call of a scan."""
        wanted = int(self._tenant.switches.number("moving_rows"))
        if not wanted or not offset:
            return
        kind = self._tenant.switches["moving_kind"]
        for _ in range(wanted):
            if kind != "deletes":
                self._insert(path)
            if kind != "inserts":
                self._delete(path)

    def _drawn(self, path: str) -> str | None:
        ids = self._tenant.store[path].ids()
        left = self._left.setdefault(path, len(ids))
        if not left or not ids:
            return None
        self._left[path] = left - 1
        rng = self._rng.setdefault(path, random.Random(f"{self._tenant.seed} {path}"))  # noqa: S311 - repeatable, no secret
        return rng.choice(ids)

    def _insert(self, path: str) -> None:
        row_id = self._drawn(path)
        row = self._tenant.store[path].get(row_id or "")
        if row is None:
            return
        row["_id"] = self._tenant.ids.make()
        for name in _KEYS:
            if row.get(name):
                row[name] = f"moved-{row['_id']}"
        self._tenant.store[path].put(row)
        self._tenant.moves.append({"path": path, "kind": "insert", "_id": row["_id"]})

    def _delete(self, path: str) -> None:
        row_id = self._drawn(path)
        if row_id is not None:
            self._tenant.store[path].remove(row_id)
            self._tenant.moves.append({"path": path, "kind": "delete", "_id": row_id})
