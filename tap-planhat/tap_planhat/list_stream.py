"""Reads a model from its list, whole or as far as rows changed."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from planhat_api.falling import UnprovenError
from tap_planhat.bookmark import Bookmark
from tap_planhat.incremental import Changes, Reading, WholeList
from tap_planhat.list_pass import ListPass
from tap_planhat.moved_rows import MovedRows
from tap_planhat.progress import Changed
from tap_planhat.settings import texts_in
from tap_planhat.streams import PlanhatStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from planhat_api import Page
    from planhat_api.registry import Model
    from tap_planhat.tap import TapPlanhat


class ListStream(PlanhatStream):
    """A model read from its list, in as many passes as it takes to see every row."""

    def __init__(self, tap: TapPlanhat, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream, incremental when the settings say so."""
        super().__init__(tap, model, schema)
        self._catalog_says_incremental = False
        if self._may_be_incremental:
            self.replication_key = model.updated.field
        self._changes: Sequence[Changes] = ()
        self._since: datetime | None = None

    @property
    def _may_be_incremental(self) -> bool:
        chosen = texts_in(self.config, "incremental_streams")
        return bool(self.config["incremental"]) and self.name in (chosen or [self.name])

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take the catalog, but not its word that the stream is incremental when the settings say that it is not."""
        super().apply_catalog(catalog)
        if self._may_be_incremental or self.replication_method != REPLICATION_INCREMENTAL:
            return
        self._catalog_says_incremental = True
        self.replication_key = None
        self.forced_replication_method = REPLICATION_FULL_TABLE

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        started = datetime.now(timezone.utc)
        passes = [self._list_pass(parameters) for parameters in self.passes()]
        bookmark = self._bookmark()
        readings = self._readings(passes, bookmark)
        moved = self._moved_rows(passes)
        seen: set[str] = set()
        for number, reading in enumerate(readings, start=1):
            for page in reading.pages():
                yield self.wanted(_unseen(page, seen))
                if moved or number < len(passes):
                    seen.update(key for key in page.ids if key)
        if moved:
            yield from self._moved_meanwhile(moved, passes[:-1], seen)
        if bookmark:
            stamps = [reading.newest for reading in readings if reading.newest]
            bookmark.move(at_start=readings[0].at_start, newest=max(stamps, default=None), not_after=started)

    def _moved_rows(self, passes: Sequence[ListPass]) -> MovedRows | None:
        """What finds rows that move from pass to pass, where a loader would retire them."""
        if not self.is_versioned or len(passes) == 1 or self.dry_run_rows:
            return None
        return MovedRows(passes, self.model.updated.field or "")

    def _moved_meanwhile(self, moved: MovedRows, earlier: Sequence[ListPass], seen: set[str]) -> Iterator[Page]:
        """Rows that went to a pass that was read before.

        Whether a row that is archived or brought back gets a new stamp is not known (Q25), so those passes are read
        once more. Where it does, its stamp also tells of a row that went to and fro.
        """
        for rows in earlier:
            for page in rows.whole():
                yield self.wanted(_unseen(page, seen))
                seen.update(key for key in page.ids if key)
        try:
            for page in moved.pages(seen):
                yield self.wanted(page)
        except UnprovenError as error:
            self.doubt(f"rows may have moved between two passes over the list ({error})")

    def passes(self) -> Sequence[Mapping[str, str]]:
        """The parameters of each pass, with the user's word on hidden rows."""
        return self.model.passes

    def wanted(self, page: Page) -> Page:
        """A page with the rows that belong to the stream."""
        return page

    def scope(self) -> dict[str, Any]:
        """Which rows belong to the stream: a bookmark says nothing of rows that did not when it was set."""
        return {"passes": [dict(parameters) for parameters in self.passes()]}

    @property
    def _is_incremental(self) -> bool:
        return self.replication_method == REPLICATION_INCREMENTAL and bool(self.replication_key)

    def _readings(self, passes: Sequence[ListPass], bookmark: Bookmark | None) -> Sequence[Reading]:
        """One for each pass over the list."""
        if bookmark is None or not self.replication_key:
            return [WholeList(rows) for rows in passes]
        self._since = since = bookmark.since(self.config["incremental_lookback_minutes"])
        self.reads_all = since is None
        self._changes = [Changes(rows, self.replication_key, bound=since, logger=self.logger) for rows in passes]
        return self._changes

    @override
    def changed(self) -> Changed | None:
        return Changed(self._since, sum(each.looked_at for each in self._changes)) if self._since else None

    def _list_pass(self, parameters: Mapping[str, str]) -> ListPass:
        asked = dict(parameters)
        every_field = asked.pop("select", None)
        return ListPass(
            self.client,
            self.model,
            params=asked,
            select=self.asked_fields() or (self._known_fields() if every_field else None),
            limit=self.dry_run_rows,
            in_flight=1 if self.dry_run_rows else self.config["pages_in_flight"],
            recognise=self.recognise,
            doubt=self.doubt,
        )

    def _known_fields(self) -> Sequence[str]:
        return [name for name in self.model.properties if name not in self.model.secret]

    def _bookmark(self) -> Bookmark | None:
        """How far the stream was read before; None where it is read whole each time."""
        if self._catalog_says_incremental:
            self.logger.warning(
                "Reading all rows of '%s': its catalog was made for incremental reads, but the settings "
                "incremental and incremental_streams leave it out. Discover the catalog again, or change the settings.",
                self.name,
            )
        if not self._is_incremental or not self.replication_key:
            return None
        state = self.get_context_state(None)
        bookmark = Bookmark(state, self.replication_key, scope=self.scope(), source=self.source)
        if bookmark.void:
            self.logger.warning(
                "%s changed since the last run: reading all rows of '%s' again", bookmark.void, self.name
            )
        return bookmark


def _unseen(page: Page, seen: set[str]) -> Page:
    """A page without the rows that an earlier pass brought."""
    return page.at([rank for rank, key in enumerate(page.ids) if key is None or key not in seen]) if seen else page
