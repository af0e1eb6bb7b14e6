"""Reads the daily metric values in windows of days."""

from __future__ import annotations

import sys
from functools import cached_property, partial
from logging import DEBUG, INFO
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from planhat_api.lists.known_list import ListRead
from planhat_api.values.dates import day_of, today
from tap_planhat.records.values import to_epoch_day
from tap_planhat.settings import first_day, last_day, texts_in
from tap_planhat.streams.base import PlanhatStream
from tap_planhat.streams.day_coverage import DayCoverage, ReadSpan
from tap_planhat.streams.day_windows import DayWindow, DayWindows
from tap_planhat.streams.progress import Progress
from tap_planhat.streams.requested_values import RequestedValues
from tap_planhat.streams.source import SOURCE, change_of_source

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from planhat_api import Page
    from planhat_api.lists.started import StartedList

    _Points = tuple[Iterator[Page], ListRead]
    from planhat_api.models.registry import Model
    from tap_planhat.streams.shared import SharedServices

PARTITION = "dimensionId"
"""The field that distinguishes the partitions of the stream in its state."""

_DAYS_READ = "days_read"
_FILTERS = "filters"
_ROWS_PER_DAY, _IN_ORDER = "rows_per_day", "in_order"
# States without ``days_read`` cover the days from this one to the bookmark.
_FIRST_DAY = "first_day"
_FEW = 3
_FEW_ROWS = 20_000
_FEW_DAYS = 7
_OVER_EVERYWHERE = 1
"""Days after which a day has ended in every time zone: it is not known which one Planhat uses (Q26)."""


class DimensionData(PlanhatStream):
    """Daily metric values, with a bookmark by day.

    The bookmark is the last day that was read. The state also says which days were read and when. A run reads the days
    that the settings request, except those that were read more than ``lookback_days`` after themselves, because points
    of past days still change (B83). The state is updated after each window, so that a run after an interrupted one
    continues where that stopped.
    """

    def __init__(self, shared: SharedServices, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream, incremental by day."""
        super().__init__(shared, model, schema)
        self.replication_key = "time"
        self._windows: DayWindows | None = None
        self._prepared: tuple[DayCoverage, Sequence[DayWindow]] | None = None
        self._started: tuple[DayWindow, tuple[Iterable[Page], ListRead]] | None = None

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
    def prepare_start(self) -> Callable[[], StartedList] | None:
        if self._partitions:
            return None
        known, due = self._prepared = self._prepare(None)
        windows = self._windows_of(None, known, due)
        window = windows.next()
        if window is None or windows.rows_per_day is None:
            return None
        # A page of all that a window holds may be too large to stay in memory beside the pages of other streams.
        if windows.rows_per_day * (window.last - window.first + 1) > _FEW_ROWS:
            return None
        return partial(self._start, window)

    def _start(self, window: DayWindow) -> StartedList:
        pages, found = self._points(window, *self._series(None)[0])
        started = self.client.start(pages)
        self._started = window, (started, found)
        return started

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        (known, due), self._prepared = self._prepared or self._prepare(context), None
        requested = last_day(self.config) - first_day(self.config) + 1
        self.reads_all = sum(span.last - span.first + 1 for span in due) == requested
        self._windows = self._windows_of(context, known, due)
        self.log("Reading %s", _days_text(due), level=DEBUG if context else INFO)
        while window := self._windows.next():
            began = today()
            rows, in_order, page_rows = 0, True, None
            for company, dimension in self._series(context):
                pages, found = self._take_started(window) or self._points(window, company, dimension)
                for page in pages:
                    rows += len(page)
                    if page.raw:
                        self._requested["dimension_ids"].mark_found([dimension])
                        self._requested["company_ids"].mark_found([company])
                    yield page
                    del page  # As in the caller.
                in_order = in_order and (found.lowest is not None or not found.rows)
                page_rows = found.page_rows or page_rows
            self._windows.adjust_size(rows, in_order=in_order, page_rows=page_rows)
            known.mark_read(window, began, self._lookback)
            self._bookmark(context, known)

    def _prepare(self, context: Context | None) -> tuple[DayCoverage, Sequence[DayWindow]]:
        """The days that earlier runs read, and those to read."""
        known = self._known(context)
        return known, self._due(known)

    def _windows_of(self, context: Context | None, known: DayCoverage, due: Sequence[DayWindow]) -> DayWindows:
        # A run that reads many days may have been interrupted, and it must make progress even if it always is. So it
        # begins with few days.
        is_usual = known.last is not None and known.unread(due) <= _FEW_DAYS
        state = self.get_context_state(context) if is_usual else {}
        rows_per_day = state.get(_ROWS_PER_DAY)
        return DayWindows(
            due,
            rows_per_day=rows_per_day if isinstance(rows_per_day, int) else None,
            page_size=self.dry_run_rows or self.model.page.ask or 1,
            in_order=state.get(_IN_ORDER) is True,
        )

    def _points(self, window: DayWindow, company: str | None, dimension: str | None) -> _Points:
        """The points of some days, and what is found out about their list once all pages were taken."""
        found = ListRead()
        pages = self.client.dimension_data(
            first_day=window.first,
            last_day=window.last,
            company_id=company,
            dimension_id=dimension,
            limit=self.dry_run_rows,
            in_flight=1 if self.dry_run_rows else self.config["parallel_calls"],
            conforming_ids=self.conforming_ids,
            found=found,
            tally=self.tally,
        )
        return pages, found

    def _take_started(self, window: DayWindow) -> tuple[Iterable[Page], ListRead] | None:
        """The points of the first list, if their read was started and is for the same days."""
        started, self._started = self._started, None
        return started[1] if started and started[0] == window else None

    @property
    @override
    def is_versioned(self) -> bool:
        """False, because days that were not read still exist."""
        return False

    @property
    def _is_full_table(self) -> bool:
        return self.replication_method == REPLICATION_FULL_TABLE

    def _series(self, context: Context | None) -> list[tuple[str | None, str | None]]:
        """Company and dimension of each list that has to be read for one window."""
        dimensions: Sequence[str | None] = [context[PARTITION]] if context else self._dimension_ids or [None]
        companies: Sequence[str | None] = self._company_ids or [None]
        return [(company, dimension) for company in companies for dimension in dimensions]

    def _due(self, known: DayCoverage) -> Sequence[DayWindow]:
        """The days to read."""
        first, last = first_day(self.config), last_day(self.config)
        if known.last is not None and first > known.last + 1:
            self.logger.warning(
                "The days from %s to %s are not read, because start_date is after them and no earlier run read them",
                day_of(known.last + 1),
                day_of(first - 1),
            )
        return known.days_to_read(first, last, self._lookback, today())

    def _known(self, context: Context | None) -> DayCoverage:
        """The days that earlier runs read."""
        state = self.get_context_state(context)
        number = to_epoch_day(state.get("replication_key_value"))
        if number is None or self._is_full_table:
            return DayCoverage()
        former = state.get(_FILTERS) or {}
        filters_changed = any(former.get(name, []) != ids for name, ids in self._filters.items())
        changed = "dimension_ids or company_ids" if filters_changed else change_of_source(state, self.source)
        if changed:
            self.logger.warning("%s changed since the last run: reading all days again", changed)
            self._forget(state)
            return DayCoverage()
        bookmark = int(number)
        if _DAYS_READ in state:
            # A user who sets the bookmark back by hand wants the days after it to be read again.
            return DayCoverage.from_state(state[_DAYS_READ], today()).limited_to(bookmark)
        if _FIRST_DAY not in state:
            self.logger.warning(
                "The state holds only the last day that was read, %s: the days before it count as read. Remove the "
                "bookmark of '%s' from the state to read them",
                day_of(bookmark),
                self.name,
            )
        first = state.get(_FIRST_DAY, first_day(self.config))
        return DayCoverage([ReadSpan(first, bookmark, read_on=min(bookmark, today()))])

    @staticmethod
    def _forget(state: dict[str, Any]) -> None:
        for name in ("replication_key_value", _DAYS_READ, _FIRST_DAY, _FILTERS, _ROWS_PER_DAY, _IN_ORDER, SOURCE):
            state.pop(name, None)

    @override
    def requested_values(self, context: Context | None) -> Iterable[RequestedValues]:
        is_last = not self._partitions or dict(context or {}) == self._partitions[-1]
        return self._requested.values() if is_last else ()

    @cached_property
    def _requested(self) -> dict[str, RequestedValues]:
        wanted = {"dimension_ids": self._dimension_ids, "company_ids": self._company_ids}
        return {name: RequestedValues(name, ids) for name, ids in wanted.items()}

    @property
    def _lookback(self) -> int:
        """Days after which a day is settled; it has ended in every time zone then."""
        return max(int(self.config["lookback_days"]), _OVER_EVERYWHERE)

    @cached_property
    def _dimension_ids(self) -> list[str]:
        return sorted(set(texts_in(self.config, "dimension_ids")))

    @cached_property
    def _company_ids(self) -> list[str]:
        return sorted(set(texts_in(self.config, "company_ids")))

    @property
    def _filters(self) -> dict[str, list[str]]:
        """The filters of the read, so that a change of them is noticed. A partition has its own filter in its context.

        Empty lists are written too: tools that merge states keep what is left out.
        """
        filters = {"company_ids": self._company_ids}
        return filters if self._partitions else {**filters, "dimension_ids": self._dimension_ids}

    def _bookmark(self, context: Context | None, known: DayCoverage) -> None:
        """Write into the state which days were read."""
        if self._is_full_table or known.last is None:
            return
        state = self.get_context_state(context)
        state[_FILTERS] = self._filters
        state.pop(_FIRST_DAY, None)
        state[SOURCE] = dict(self.source)
        state[_DAYS_READ] = known.to_state()
        if self._windows and self._windows.rows_per_day is not None:
            state[_ROWS_PER_DAY] = self._windows.rows_per_day
            state[_IN_ORDER] = self._windows.in_order
        state["replication_key"] = self.replication_key
        state["replication_key_value"] = f"{day_of(known.last)}T00:00:00.000Z"


def _days_text(due: Sequence[DayWindow]) -> str:
    """The days to read, for the log."""
    if not due:
        return "no day: all days that the settings request were already read"
    spans = [f"{day_of(span.first)} to {day_of(span.last)}" for span in due[:_FEW]]
    more = f" and {len(due) - _FEW} more spans" if len(due) > _FEW else ""
    return f"the days {', '.join(spans)}{more}"
