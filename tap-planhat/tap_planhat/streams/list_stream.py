"""Reads a model from its list, whole or as far as rows changed."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
    Metadata,
    MetadataMapping,
    StreamMetadata,
)

from planhat_api.lists.falling import UnprovenError
from tap_planhat.streams.archived_rows import ArchivedRows
from tap_planhat.streams.base import PlanhatStream
from tap_planhat.streams.bookmark import Bookmark, Coverage
from tap_planhat.streams.incremental import Changes, Reading, Stamps, WholeList, latest_at_front, latest_stamp
from tap_planhat.streams.list_pass import ListPass
from tap_planhat.streams.moved_rows import MovedRows
from tap_planhat.streams.progress import Changed

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from planhat_api import Page
    from planhat_api.models.registry import Model
    from tap_planhat.streams.host import Host


class ListStream(PlanhatStream):
    """A model read from its list, in as many passes as it takes to see every row."""

    scope_settings = "The settings that say which rows belong to the stream"
    """Names of the settings that decide on the scope, for people."""

    def __init__(self, host: Host, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream, to be read whole as long as no catalog says otherwise."""
        super().__init__(host, model, schema)
        self._changes: Sequence[Changes] = ()
        self._since: datetime | None = None
        self._now = datetime.now(timezone.utc)

    @property
    @override
    def metadata(self) -> MetadataMapping:
        """What the catalog says of the stream: by which field it can be read incrementally, if by any."""
        found = super().metadata
        root, field = found.get(()), self.model.updated.field
        if isinstance(root, StreamMetadata) and field and not root.valid_replication_keys:
            root.valid_replication_keys = [field]
        return found

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take the catalog: its replication method decides, and the key can only be the field that tells changes."""
        super().apply_catalog(catalog)
        field = self.model.updated.field
        if self.replication_method != REPLICATION_INCREMENTAL:
            self.replication_key = None
        elif field is None:
            self.logger.info("All rows of '%s' are read: they do not tell when they changed", self.name)
            self.forced_replication_method, self.replication_key = REPLICATION_FULL_TABLE, None
        else:
            if self.replication_key not in {None, field}:
                self.logger.warning(
                    "The catalog names %s as replication key of '%s', which does not tell every change: %s is read by",
                    self.replication_key,
                    self.name,
                    field,
                )
            self.forced_replication_method, self.replication_key = REPLICATION_INCREMENTAL, field
            if column := self.metadata.get(("properties", field)):
                column.inclusion = Metadata.InclusionType.AUTOMATIC

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        self._now = datetime.now(timezone.utc)
        passes = [self._list_pass(parameters) for parameters in self.passes()]
        bookmark = self._bookmark() if self._is_incremental else None
        if bookmark:
            self._since = bookmark.since(self.config["incremental_lookback_minutes"])
            self.reads_all = self._since is None
        at_start = self._front(passes) if bookmark and self.reads_all else None
        readings = self._readings(passes)
        moved = self._moved_rows(passes)
        archived = self._archived_rows()
        seen: set[str] = set()
        for number, reading in enumerate(readings, start=1):
            for page in reading.pages():
                if archived:
                    archived.look(page)
                yield self.wanted(_unseen(page, seen))
                if moved or number < len(passes):
                    seen.update(key for key in page.ids if key)
        if moved:
            yield from self._moved_meanwhile(moved, passes[:-1], seen)
        if archived and not archived.seen:
            self.doubt("none of them is archived, and whether the list leaves out archived rows is not known (Q17)")
        if bookmark:
            self._move(bookmark, at_start)

    def _front(self, passes: Sequence[ListPass]) -> datetime | None:
        """The latest stamp there is, before anything is read: a call for each pass."""
        return latest_stamp(*(latest_at_front(rows, self._stamps()) for rows in passes))

    def _stamps(self) -> Stamps:
        return Stamps(self.model.updated.field or "", self._now)

    def _move(self, bookmark: Bookmark, at_start: datetime | None) -> None:
        looked_at = sum(changes.looked_at for changes in self._changes)
        stamped = sum(changes.stamped for changes in self._changes)
        newest = latest_stamp(*(changes.newest for changes in self._changes))
        if looked_at and not stamped:
            self.logger.warning(
                "No row of '%s' tells in %s when it changed: every run reads all rows, whatever the catalog says",
                self.name,
                self.model.updated.field,
            )
        bookmark.move(
            at_start=latest_stamp(at_start, self._changes[0].at_start),
            newest=newest,
            all_ahead=bool(stamped) and newest is None,
        )

    def _moved_rows(self, passes: Sequence[ListPass]) -> MovedRows | None:
        """What finds rows that move from pass to pass, where a loader would retire them."""
        if not self.is_versioned or len(passes) == 1 or self.dry_run_rows:
            return None
        return MovedRows(passes, self._stamps())

    def _archived_rows(self) -> ArchivedRows | None:
        """What looks whether the list shows archived rows, where a loader would retire those that it hides."""
        mark = self.model.maybe_hidden
        return ArchivedRows(mark) if mark and self.is_versioned else None

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

    def _readings(self, passes: Sequence[ListPass]) -> Sequence[Reading]:
        """One for each pass over the list."""
        if not self._is_incremental:
            return [WholeList(rows) for rows in passes]
        self._changes = [Changes(rows, self._stamps(), bound=self._since, logger=self.logger) for rows in passes]
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
            in_flight=1 if self.dry_run_rows else self.config["parallel_calls"],
            recognise=self.recognise,
            doubt=self.doubt,
        )

    def _known_fields(self) -> Sequence[str]:
        return [name for name in self.model.properties if name not in self.model.secret]

    def _bookmark(self) -> Bookmark:
        """How far the stream was read before."""
        bookmark = self._told_by(self.get_context_state(None))
        if bookmark.void:
            self.logger.warning("%s: reading all rows of '%s' again", bookmark.void, self.name)
        return bookmark

    def _told_by(self, state: dict[str, Any]) -> Bookmark:
        coverage = Coverage(self.scope(), self.source, self.scope_settings)
        return Bookmark(state, self.model.updated.field or "", coverage=coverage, now=self._now)

    @override
    def activate_version(self) -> None:
        """Send ACTIVATE_VERSION. Rows that this read did not bring are gone then, so no bookmark vouches for them."""
        super().activate_version()
        state = self.tap_state.get("bookmarks", {}).get(self.name)
        if state is not None:
            bookmark = self._told_by(state)
            if bookmark.void:
                bookmark.forget()


def _unseen(page: Page, seen: set[str]) -> Page:
    """A page without the rows that an earlier pass brought."""
    return page.at([rank for rank, key in enumerate(page.ids) if key is None or key not in seen]) if seen else page
