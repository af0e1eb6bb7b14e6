"""Reads the daily metric values, window of days after window of days."""

from __future__ import annotations

import sys
from functools import cached_property
from logging import DEBUG, INFO
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_planhat.asked import Asked
from tap_planhat.progress import Progress
from tap_planhat.settings import first_day, last_day, texts_in
from tap_planhat.streams import PlanhatStream
from tap_planhat.values import to_epoch_day
from tap_planhat.windows import Windows, day_of

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from planhat_api import Page
    from planhat_api.registry import Model
    from tap_planhat.tap import TapPlanhat

_FIRST_DAY = "first_day"
_FILTERS = "filters"


class DimensionData(PlanhatStream):
    """Daily metric values, bookmarked by day.

    The bookmark is the last day that was read to its end. A run starts ``lookback_days`` before it, since points of
    past days still change (B83), and moves it after each window, so that a run that was stopped goes on where it was.
    Beside it stands the first day of the stretch that was read without a gap. A start before that day reads all again.
    """

    def __init__(self, tap: TapPlanhat, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream, incremental by day."""
        super().__init__(tap, model, schema)
        self.replication_key = "time"
        self._windows: Windows | None = None

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        return self._partitions

    @cached_property
    def _partitions(self) -> list[dict[str, Any]] | None:
        kind = self.config["partition_by"]
        if kind == "dimension":
            return [{"dimensionId": dimension} for dimension in self._dimension_ids]
        if kind == "company":
            companies = self._company_ids or [key for key in self.client.lean_companies().ids if key]
            return [{"companyId": company} for company in companies]
        return None

    @override
    def new_progress(self) -> Progress:
        return Progress(self.logger, remaining=lambda: self._windows.remaining() if self._windows else 1.0)

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        first, last = self._first_day(context), last_day(self.config)
        self.reads_all = first == self._start_day
        self._windows = Windows(
            first, last, days=self.config["window_days"], page_size=self.dry_run_rows or self.model.page.ask or 1
        )
        self.log("Reading the days %s to %s", day_of(first), day_of(last), level=DEBUG if context else INFO)
        while window := self._windows.next():
            rows = 0
            for company, dimension in self._filters(context):
                for page in self.client.dimension_data(
                    first_day=window.first,
                    last_day=window.last,
                    company_id=company,
                    dimension_id=dimension,
                    limit=self.dry_run_rows,
                    in_flight=1 if self.dry_run_rows else self.config["pages_in_flight"],
                    recognise=self.recognise,
                ):
                    rows += len(page)
                    if page.raw:
                        self._asked["dimension_ids"].note([dimension])
                        self._asked["company_ids"].note([company])
                    yield page
            self._windows.held(rows)
            self._bookmark(context, window.last)

    @property
    @override
    def is_versioned(self) -> bool:
        """False: days outside those read are not gone."""
        return False

    @property
    def _is_full_table(self) -> bool:
        return self.replication_method == REPLICATION_FULL_TABLE

    def _filters(self, context: Context | None) -> list[tuple[str | None, str | None]]:
        """Company and dimension of each series of calls that one window takes."""
        fixed = context or {}
        companies: Sequence[str | None] = [fixed["companyId"]] if "companyId" in fixed else self._company_ids or [None]
        dimensions: Sequence[str | None] = (
            [fixed["dimensionId"]] if "dimensionId" in fixed else self._dimension_ids or [None]
        )
        return [(company, dimension) for company in companies for dimension in dimensions]

    def _first_day(self, context: Context | None) -> int:
        start = self._start_day
        state = self.get_context_state(context)
        bookmark = to_epoch_day(state.get("replication_key_value"))
        if bookmark is None or self._is_full_table:
            return start
        if state.get(_FILTERS, {}) != self._filters_in_state:
            self.logger.warning("dimension_ids or company_ids changed since the last run: reading all days again")
            self._forget(state)
            return start
        if self.config.get("start_date") and start < state.get(_FIRST_DAY, start):
            self.logger.info("Days before %s were never read: reading from the start again", day_of(state[_FIRST_DAY]))
            self._forget(state)
            return start
        if start > int(bookmark) + 1:
            self.logger.warning(
                "The days from %s to %s are left out: start_date is later than the bookmark",
                day_of(int(bookmark) + 1),
                day_of(start - 1),
            )
            self._forget(state)
            return start
        lookback: int = self.config["lookback_days"]
        return max(start, int(bookmark) - lookback)

    @staticmethod
    def _forget(state: dict[str, Any]) -> None:
        for name in ("replication_key_value", _FIRST_DAY, _FILTERS):
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
    def _start_day(self) -> int:
        return first_day(self.config)

    @cached_property
    def _dimension_ids(self) -> list[str]:
        return sorted(set(texts_in(self.config, "dimension_ids")))

    @cached_property
    def _company_ids(self) -> list[str]:
        return sorted(set(texts_in(self.config, "company_ids")))

    @property
    def _filters_in_state(self) -> dict[str, list[str]]:
        """What was not read, so that a change of it is noticed; a partition's own filter stands in its context."""
        kind = self.config["partition_by"]
        return {
            name: ids
            for name, ids, own in (
                ("company_ids", self._company_ids, "company"),
                ("dimension_ids", self._dimension_ids, "dimension"),
            )
            if ids and kind != own
        }

    def _bookmark(self, context: Context | None, day: int) -> None:
        """Note that every day up to this one was read; never moves back."""
        if self._is_full_table:
            return
        state = self.get_context_state(context)
        former = to_epoch_day(state.get("replication_key_value"))
        state.setdefault(_FIRST_DAY, self._start_day)
        if self._filters_in_state:
            state[_FILTERS] = self._filters_in_state
        state["replication_key"] = self.replication_key
        state["replication_key_value"] = f"{day_of(max(day, int(former or day)))}T00:00:00.000Z"
