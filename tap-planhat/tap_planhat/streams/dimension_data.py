"""Reads the daily metric values, window of days after window of days."""

from __future__ import annotations

import sys
from functools import cached_property
from logging import DEBUG, INFO
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from planhat_api.values.dates import day_of, today
from tap_planhat.records.values import to_epoch_day
from tap_planhat.settings import first_day, last_day, texts_in
from tap_planhat.streams.asked import Asked
from tap_planhat.streams.base import PlanhatStream
from tap_planhat.streams.days_read import DaysRead, Stretch
from tap_planhat.streams.progress import Progress
from tap_planhat.streams.source import SOURCE, change_of_source
from tap_planhat.streams.windows import FIRST_WINDOW_DAYS, Window, Windows

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from planhat_api import Page
    from planhat_api.models.registry import Model
    from tap_planhat.streams.host import Host

PARTITION = "dimensionId"
"""What tells the parts of the stream apart, in the contexts of its state."""

_DAYS_READ = "days_read"
_FILTERS = "filters"
# States without ``days_read`` tell one stretch of days by this and the bookmark.
_FIRST_DAY = "first_day"
_FEW = 3
_OVER_EVERYWHERE = 1
"""Days after which a day is over everywhere: by which clock Planhat ends it is not known (Q26)."""


class DimensionData(PlanhatStream):
    """Daily metric values, bookmarked by day.

    The bookmark is the last day that was read. Beside it stands which days were read and when: a run reads those that
    the settings ask for and that were not read more than ``lookback_days`` after themselves, since points of past days
    still change (B83). What was read is noted after each window, so that a run that was stopped goes on where it was.
    """

    def __init__(self, host: Host, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream, incremental by day."""
        super().__init__(host, model, schema)
        self.replication_key = "time"
        self._windows: Windows | None = None

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        return self._partitions

    @cached_property
    def _partitions(self) -> list[dict[str, Any]] | None:
        if self.config["partition_by"] == "dimension":
            return [{PARTITION: dimension} for dimension in self._dimension_ids]
        return None

    @override
    def new_progress(self) -> Progress:
        return Progress(self.logger, self.name, remaining=lambda: self._windows.remaining() if self._windows else 1.0)

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        known = self._known(context)
        due = self._due(known)
        asked_for = last_day(self.config) - first_day(self.config) + 1
        self.reads_all = sum(span.last - span.first + 1 for span in due) == asked_for
        page_size = self.dry_run_rows or self.model.page.ask or 1
        self._windows = Windows(due, days=FIRST_WINDOW_DAYS, page_size=page_size)
        self.log("Reading %s", _told(due), level=DEBUG if context else INFO)
        while window := self._windows.next():
            began = today()
            rows = 0
            for company, dimension in self._series(context):
                for page in self.client.dimension_data(
                    first_day=window.first,
                    last_day=window.last,
                    company_id=company,
                    dimension_id=dimension,
                    limit=self.dry_run_rows,
                    in_flight=1 if self.dry_run_rows else self.config["parallel_calls"],
                    recognise=self.recognise,
                ):
                    rows += len(page)
                    if page.raw:
                        self._asked["dimension_ids"].note([dimension])
                        self._asked["company_ids"].note([company])
                    yield page
            self._windows.held(rows)
            known.note(window, began, self._lookback)
            self._bookmark(context, known)

    @property
    @override
    def is_versioned(self) -> bool:
        """False: days outside those read are not gone."""
        return False

    @property
    def _is_full_table(self) -> bool:
        return self.replication_method == REPLICATION_FULL_TABLE

    def _series(self, context: Context | None) -> list[tuple[str | None, str | None]]:
        """Company and dimension of each series of calls that one window takes."""
        dimensions: Sequence[str | None] = [context[PARTITION]] if context else self._dimension_ids or [None]
        companies: Sequence[str | None] = self._company_ids or [None]
        return [(company, dimension) for company in companies for dimension in dimensions]

    def _due(self, known: DaysRead) -> Sequence[Window]:
        """The days to read."""
        first, last = first_day(self.config), last_day(self.config)
        if known.last is not None and first > known.last + 1:
            self.logger.warning(
                "The days from %s to %s are left out: start_date is later than the last day that was read",
                day_of(known.last + 1),
                day_of(first - 1),
            )
        return known.due(first, last, self._lookback, today())

    def _known(self, context: Context | None) -> DaysRead:
        """The days that were read before."""
        state = self.get_context_state(context)
        number = to_epoch_day(state.get("replication_key_value"))
        if number is None or self._is_full_table:
            return DaysRead()
        former = state.get(_FILTERS) or {}
        filters_changed = any(former.get(name, []) != ids for name, ids in self._filters.items())
        changed = "dimension_ids or company_ids" if filters_changed else change_of_source(state, self.source)
        if changed:
            self.logger.warning("%s changed since the last run: reading all days again", changed)
            self._forget(state)
            return DaysRead()
        bookmark = int(number)
        if _DAYS_READ in state:
            # A bookmark that somebody set back by hand is meant to have the days after it read again.
            return DaysRead.from_state(state[_DAYS_READ], today()).until(bookmark)
        if _FIRST_DAY not in state:
            self.logger.warning(
                "The state tells only the last day that was read, %s: the days before it are taken as read. Clear the "
                "state of '%s' to have them read",
                day_of(bookmark),
                self.name,
            )
        first = state.get(_FIRST_DAY, first_day(self.config))
        return DaysRead([Stretch(first, bookmark, read_on=min(bookmark, today()))])

    @staticmethod
    def _forget(state: dict[str, Any]) -> None:
        for name in ("replication_key_value", _DAYS_READ, _FIRST_DAY, _FILTERS, SOURCE):
            state.pop(name, None)

    @override
    def asked(self, context: Context | None) -> Iterable[Asked]:
        is_last = not self._partitions or dict(context or {}) == self._partitions[-1]
        return self._asked.values() if is_last else ()

    @cached_property
    def _asked(self) -> dict[str, Asked]:
        wanted = {"dimension_ids": self._dimension_ids, "company_ids": self._company_ids}
        return {name: Asked(name, ids) for name, ids in wanted.items()}

    @property
    def _lookback(self) -> int:
        """Days after which a day is settled: when it is over by the clock of every tenant and machine, or later."""
        return max(int(self.config["lookback_days"]), _OVER_EVERYWHERE)

    @cached_property
    def _dimension_ids(self) -> list[str]:
        return sorted(set(texts_in(self.config, "dimension_ids")))

    @cached_property
    def _company_ids(self) -> list[str]:
        return sorted(set(texts_in(self.config, "company_ids")))

    @property
    def _filters(self) -> dict[str, list[str]]:
        """What was not read, so that a change of it is noticed; a partition's own filter stands in its context.

        Empty lists are written down too: where states are merged, what is left out stays as it was.
        """
        narrowed = {"company_ids": self._company_ids}
        return narrowed if self._partitions else {**narrowed, "dimension_ids": self._dimension_ids}

    def _bookmark(self, context: Context | None, known: DaysRead) -> None:
        """Write down which days were read."""
        if self._is_full_table or known.last is None:
            return
        state = self.get_context_state(context)
        state[_FILTERS] = self._filters
        state.pop(_FIRST_DAY, None)
        state[SOURCE] = dict(self.source)
        state[_DAYS_READ] = known.to_state()
        state["replication_key"] = self.replication_key
        state["replication_key_value"] = f"{day_of(known.last)}T00:00:00.000Z"


def _told(due: Sequence[Window]) -> str:
    """The days to read, for people."""
    if not due:
        return "no day: all that the settings ask for were read"
    spans = [f"{day_of(span.first)} to {day_of(span.last)}" for span in due[:_FEW]]
    more = f" and {len(due) - _FEW} more spans" if len(due) > _FEW else ""
    return f"the days {', '.join(spans)}{more}"
