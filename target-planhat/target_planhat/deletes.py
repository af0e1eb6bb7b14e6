"""Deletes rows the source says are gone: one call each, by Planhat's id, never more than allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import NotFoundError, PayloadError
from target_planhat.fates import Verdict, Verdicts
from target_planhat.mapping import DELETED_AT
from target_planhat.row import RefusedRowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api import PlanhatClient
    from planhat_api.registry import Model
    from target_planhat.row import Item

__all__ = ["Deletes", "is_deleted"]

_PREFIXES = {"externalId": "extid-", "extId": "extid-", "sourceId": "srcid-"}


def is_deleted(record: Mapping[str, object]) -> bool:
    """Whether the source says that the row is gone."""
    return record.get(DELETED_AT) is not None


class Deletes:
    """The deletes of one run."""

    def __init__(self, client: PlanhatClient, *, enabled: bool, limit: int) -> None:
        """None done yet.

        Args:
            client: Deletes, and looks ids up.
            enabled: Whether rows are deleted at all; without, they are skipped.
            limit: How many rows of the run may be deleted.
        """
        self._client = client
        self._enabled = enabled
        self._left = limit
        self._limit = limit

    def delete(self, model: Model, item: Item) -> Verdict:
        """Delete one row; a row that is not there counts as skipped."""
        if not self._enabled:
            return Verdict(Verdicts.SKIPPED, reason="deleted at the source; hard_delete is off")
        try:
            self._check(model, item)
            planhat_id = self._planhat_id(model, item)
            self._left -= 1
            if self._client.delete(model, planhat_id):
                return Verdict(Verdicts.DELETED, planhat_id)
        except NotFoundError:
            pass
        except (PayloadError, RefusedRowError) as err:
            return Verdict(Verdicts.REJECTED, reason=str(err))
        return Verdict(Verdicts.SKIPPED, reason="it is not in Planhat")

    def _check(self, model: Model, item: Item) -> None:
        key = item.match[0] if item.match else None
        if key is None:
            msg = "no key to delete by"
        elif key != "_id" and _PREFIXES.get(key) not in model.url_keys.get("get", ()):
            msg = f"not deleted: {model.name} cannot be looked up by {key}"
        elif self._left <= 0:
            msg = f"not deleted: max_deletes is {self._limit}"
        else:
            return
        raise RefusedRowError(msg)

    def _planhat_id(self, model: Model, item: Item) -> str:
        """Planhat deletes by `_id` only (B21); other keys are looked up, where the model allows it."""
        key, value = (item.match or ("", ""))[:2]
        return value if key == "_id" else str(self._client.get(model, _PREFIXES[key] + value)["_id"])
