"""Keeps what Planhat holds of the models that the run writes to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from planhat_api.destination.comparison import Comparison
from planhat_api.destination.look import Look, look_at
from planhat_api.errors import AccessError, NotFoundError
from planhat_api.models.registry import all_models
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Sequence

    from planhat_api import PlanhatClient, Row
    from planhat_api.destination.matching import HeldRow
    from planhat_api.models.registry import Model
    from target_planhat.tenant.custom_fields import CustomFields

__all__ = ["Destination", "UnreadableModelError"]


_COMPANIES = "companies"


class UnreadableModelError(SettingsError):
    """The token may not read a model, so that nothing can be compared with it."""


class Destination:
    """A look at each model. It is taken when it is first needed, and again when it is too old.

    Attributes:
        reads_whole: Whether each look reads the whole list, because the number of its records is needed.
    """

    def __init__(
        self,
        client: Callable[[], PlanhatClient],
        custom_fields: Callable[[], CustomFields],
        logger: logging.Logger,
        most_seconds: float,
        batch_rows: int,
    ) -> None:
        """Prepare to look.

        Args:
            client: Gives the client of the run.
            custom_fields: Gives the custom fields of the tenant.
            logger: Logs each look with its calls.
            most_seconds: Age of a look at most.
            batch_rows: Rows of a full batch.
        """
        self._client = client
        self._custom_fields = custom_fields
        self._logger = logger
        self._most_seconds = most_seconds
        self._batch_rows = batch_rows
        self._fields: dict[str, set[str]] = {}
        self._looks: dict[str, Look] = {}
        self._fields_looked_at: dict[str, frozenset[str]] = {}
        self._spent: dict[str, int] = {}
        self._are_shared = False
        self._unreadable: dict[str, str] = {}
        self._is_planning = most_seconds == float("inf")
        self._deleted: dict[str, set[str]] = {}
        # Only while single records are looked at, so there are few.
        self._planned: dict[str, list[Row]] = {}
        self._planned_companies: dict[str, str] = {}
        self.reads_whole = False

    def expect(self, model: Model, fields: Collection[str]) -> None:
        """Note that a stream writes these fields of a model."""
        self._fields.setdefault(model.path, set()).update(fields)

    def note_planned_company(self, references: Sequence[str]) -> None:
        """Note that the run plans to create a company with these references. No record belongs to it yet."""
        self._planned_companies.update(dict.fromkeys(references, f"planned {references[0]}"))

    def _company_id(self, reference: str) -> str | None:
        return self._existing_company(reference) or self._planned_companies.get(reference)

    def _existing_company(self, reference: str) -> str | None:
        companies = self._client().companies
        if companies.known(reference) is None:
            self.share_companies()
        return companies.find(reference)

    def share_companies(self) -> None:
        """Tell the client the companies of a look that is not too old, so that it need not read them for their keys.

        Only the thread that looks may call it.
        """
        look = self._looks.get(_COMPANIES)
        if look is None or self._are_shared or self._is_old(look):
            return
        self._are_shared = True
        records = [*look.index.each_record()]
        known = [record for record in records if record is not None]
        are_all = look.whole and look.complete and len(known) == len(records) and look.index.shows_all_fields
        self._client().companies.learn(known, are_all=are_all)

    def look_at(self, model: Model, rows: Sequence[Row]) -> Look:
        """A look at a model that is not too old and knows the records of these rows.

        Raises:
            UnreadableModelError: The token may not read the model.
        """
        if model.path in self._unreadable:
            raise UnreadableModelError(self._unreadable[model.path])
        fields = self._fields.get(model.path, set())
        if self._is_planning:
            # Later streams of the model need no other look, which would not show the rows of the plan.
            fields = fields | _writable(_whole(model))
        look = self._looks.get(model.path)
        has_fields = fields <= self._fields_looked_at.get(model.path, frozenset())
        if look is None or self._is_old(look) or not has_fields or not look.covers(rows):
            look = self._look(_whole(model), frozenset(fields), rows)
        return look

    def _is_old(self, look: Look) -> bool:
        return time.monotonic() - look.taken_at > self._most_seconds

    def _look(self, model: Model, fields: frozenset[str], rows: Sequence[Row]) -> Look:
        before = self._looks.pop(model.path, None)
        if before is not None:
            before.index.close()
        began = time.monotonic()
        client = self._client()
        try:
            # After a full batch, as many rows are likely to come again.
            more = len(rows) if len(rows) >= self._batch_rows else 0
            spent = self._spent.get(model.path, 0)
            look = look_at(
                client, model, fields, rows, self._company_id, whole=self.reads_whole, other_gets=spent + more
            )
        except (AccessError, NotFoundError) as error:
            self._unreadable[model.path] = str(error)
            raise UnreadableModelError(str(error)) from error
        self._spent[model.path] = 0 if look.whole else spent + look.calls
        what = f"{len(look.index)} records" if look.whole else f"the records of {len(rows)} rows"
        seconds = time.monotonic() - began
        self._logger.info("Looked at %s in Planhat: %s, %d calls, %.1f s", model.path, what, look.calls, seconds)
        for planhat_id in self._deleted.get(model.path, ()):
            look.index.note_deleted(planhat_id)
        for row in self._planned.pop(model.path, ()):
            look.index.note_stored(row, look.index.find([row])[0].held, None, is_planned=True)
        self._looks[model.path] = look
        self._fields_looked_at[model.path] = fields
        if model.path == _COMPANIES:
            self._are_shared = False
        return look

    def comparison(self, model: Model, fields: Collection[str]) -> Comparison:
        """Compares rows with the records of a model.

        Args:
            model: The model.
            fields: Top-level fields of the rows. The custom fields of the tenant are needed only if ``custom`` is among
                them.
        """
        custom_types = self._custom_fields().type_names(model) if "custom" in fields else {}
        return Comparison(model, custom_types, self._existing_company)

    def known(self, model: Model) -> Look | None:
        """The look at a model, whatever its age; None if there is none."""
        return self._looks.get(model.path)

    def note_written(self, model: Model) -> None:
        """Note that the run wrote rows of a model. Looks at models whose rows change with them are taken again."""
        if model.path == _COMPANIES:
            self._are_shared = False
        for path, fields in model.side_effects.items():
            mapped = self._fields.get(path, set())
            if path in self._looks and ("*" in fields or mapped.intersection(fields)):
                self._looks.pop(path).index.close()

    def note_planned(self, model: Model, row: Row, held: HeldRow | None) -> None:
        """Note that the plan writes a row, so that later rows are compared with what it makes of the record."""
        look = self._looks[model.path]
        look.index.note_stored(row, held, None, is_planned=True)
        if not look.whole:
            self._planned.setdefault(model.path, []).append(row)

    def note_dropped(self, model: Model, row: Row) -> None:
        """Note that the plan no longer creates the record of a row."""
        look = self._looks.get(model.path)
        held = look.index.find([row])[0].held if look is not None else None
        if look is not None and held is not None:
            look.index.forget(held)

    def note_deleted(self, model: Model, planhat_id: str) -> None:
        """Note that the run deleted a record, or that its plan does, so that later looks show it."""
        if self._is_planning:
            self._deleted.setdefault(model.path, set()).add(planhat_id)
        if model.path in self._looks:
            self._looks[model.path].index.note_deleted(planhat_id)

    def close(self) -> None:
        """Delete the temporary files."""
        for look in self._looks.values():
            look.index.close()
        self._looks.clear()


def _writable(model: Model) -> set[str]:
    return set(model.properties) - model.read_only


def _whole(model: Model) -> Model:
    """The model of which a model is a view. Its list has the rows of all views."""
    return next((one for one in all_models().values() if one.path == model.path and one.view_of is None), model)
