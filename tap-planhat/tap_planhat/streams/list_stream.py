"""Reads a model from its list, either all rows or only changed ones."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
    Metadata,
    MetadataMapping,
    StreamMetadata,
)

from planhat_api.lists.descending import UnprovenError
from tap_planhat.streams.archived_rows import ArchivedRows
from tap_planhat.streams.base import PlanhatStream
from tap_planhat.streams.bookmark import Bookmark, Coverage
from tap_planhat.streams.incremental import (
    ChangedRows,
    FullScan,
    PassReader,
    Timestamps,
    latest_timestamp,
)
from tap_planhat.streams.list_memory import ListMemory
from tap_planhat.streams.list_pass import ListPass
from tap_planhat.streams.missed_rows import MissedRows
from tap_planhat.streams.progress import Changed

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from planhat_api import Page
    from planhat_api.lists.started import StartedList
    from planhat_api.models.registry import Model
    from tap_planhat.streams.shared import SharedServices


@dataclass(frozen=True)
class _Reading:
    """One read of a stream.

    Attributes:
        passes: The passes over the list.
        readers: What reads each pass.
        bookmark: The bookmark of an incremental read; None otherwise.
    """

    passes: Sequence[ListPass]
    readers: Sequence[PassReader]
    bookmark: Bookmark | None


class ListStream(PlanhatStream):
    """A model that is read from its list, in as many passes as are needed to see every row."""

    scope_settings = "The settings that say which rows belong to the stream"
    """Names of the settings that decide on the scope, for messages."""

    def __init__(self, shared: SharedServices, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream. All rows are read unless the catalog says otherwise."""
        super().__init__(shared, model, schema)
        self._changes: Sequence[ChangedRows] = ()
        self._since: datetime | None = None
        self._now = datetime.now(timezone.utc)
        self._prepared: _Reading | None = None

    @property
    @override
    def metadata(self) -> MetadataMapping:
        """The metadata for the catalog, with the replication key if the stream has one."""
        found = super().metadata
        root, field = found.get(()), self.model.updated.field
        if isinstance(root, StreamMetadata) and field and not root.valid_replication_keys:
            root.valid_replication_keys = [field]
        return found

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Use the replication method of the catalog; the key can only be the field with the last change."""
        super().apply_catalog(catalog)
        field = self.model.updated.field
        if self.replication_method != REPLICATION_INCREMENTAL:
            self.replication_key = None
        elif field is None:
            self.logger.info("All rows of '%s' are read, because they have no field with their last change", self.name)
            self.forced_replication_method, self.replication_key = REPLICATION_FULL_TABLE, None
        else:
            if self.replication_key not in {None, field}:
                self.logger.warning(
                    "The catalog names %s as replication key of '%s', which does not show all changes: using %s",
                    self.replication_key,
                    self.name,
                    field,
                )
            self.forced_replication_method, self.replication_key = REPLICATION_INCREMENTAL, field
            if column := self.metadata.get(("properties", field)):
                column.inclusion = Metadata.InclusionType.AUTOMATIC

    @override
    def prepare_start(self) -> Callable[[], StartedList] | None:
        # Rows that move between several passes are found only if the read begins with a call of its own.
        if self.is_versioned and len(self.passes()) > 1:
            return None
        self._prepared = self._prepare()
        if not all(reader.may_start for reader in self._prepared.readers):
            return None
        return partial(self._start, self._prepared.readers)

    @staticmethod
    def _start(readers: Sequence[PassReader]) -> StartedList:
        first = last = readers[0].start()
        for reader in readers[1:]:
            # A row that moves to the next pass meanwhile has to be there when that one begins.
            last = reader.start(after=last)
        return first

    def _prepare(self) -> _Reading:
        self._now = datetime.now(timezone.utc)
        bookmark = self._bookmark() if self._is_incremental else None
        if bookmark:
            self._since = bookmark.since(self.config["incremental_lookback_minutes"], self.config["full_read_days"])
            self.reads_all = self._since is None
        passes = [self._list_pass(parameters) for parameters in self.passes()]
        return _Reading(passes, self._readers(passes), bookmark)

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        reading, self._prepared = self._prepared or self._prepare(), None
        passes, readers, bookmark = reading.passes, reading.readers, reading.bookmark
        missed = self._missed_rows(passes)
        archived = self._archived_rows()
        seen: set[str] = set()
        for number, reader in enumerate(readers, start=1):
            for page in reader.pages():
                if archived:
                    archived.look(page)
                yield self.wanted(_unseen(page, seen))
                if missed or number < len(passes):
                    seen.update(key for key in page.ids if key)
        if missed:
            yield from self._read_missed(missed, passes[:-1], seen)
        if archived and not archived.seen:
            self.doubt("no row is archived, and it is not known whether the list leaves out archived rows (Q17)")
        if bookmark:
            self._advance(bookmark)
        if self.dry_run_rows is None:
            for rows, reader in zip(passes, readers, strict=True):
                self._memory.note(rows.params, rows.found, read_whole=reader.read_whole)

    def _timestamps(self) -> Timestamps:
        return Timestamps(self.model.updated.field or "", self._now)

    def _advance(self, bookmark: Bookmark) -> None:
        looked_at = sum(changes.looked_at for changes in self._changes)
        with_timestamp = sum(changes.with_timestamp for changes in self._changes)
        newest = latest_timestamp(*(changes.newest for changes in self._changes))
        if looked_at and not with_timestamp:
            self.logger.warning(
                "No row of '%s' has a value in %s, its replication key: every run reads all rows",
                self.name,
                self.model.updated.field,
            )
        bookmark.advance(
            # A pass without rows needs no bookmark. The next one began before any row was written.
            at_start=next((changes.at_start for changes in self._changes if changes.looked_at), None),
            newest=newest,
            read_all=self.reads_all,
            all_in_future=bool(with_timestamp) and newest is None,
        )

    def _missed_rows(self, passes: Sequence[ListPass]) -> MissedRows | None:
        """Finds rows that move from pass to pass, if a loader would delete them."""
        if not self.is_versioned or len(passes) == 1 or self.dry_run_rows:
            return None
        return MissedRows(passes, self._timestamps())

    def _archived_rows(self) -> ArchivedRows | None:
        """Checks whether the list contains archived rows, if a loader would delete the rows that it leaves out."""
        field = self.model.maybe_hidden
        return ArchivedRows(field) if field and self.is_versioned else None

    def _read_missed(self, missed: MissedRows, earlier: Sequence[ListPass], seen: set[str]) -> Iterator[Page]:
        """Rows that moved to a pass after that pass was read.

        It is not known whether a row gets a new timestamp when it is archived or restored (Q25), so these passes are
        read once more. If it does, its timestamp also shows a row that moved several times.
        """
        for rows in earlier:
            for page in rows.all_rows():
                yield self.wanted(_unseen(page, seen))
                seen.update(key for key in page.ids if key)
        try:
            for page in missed.pages(seen):
                yield self.wanted(page)
        except UnprovenError as error:
            self.doubt(f"rows may have moved between two passes over the list ({error})")

    def passes(self) -> Sequence[Mapping[str, str]]:
        """The parameters of each pass; subclasses let settings change them."""
        return self.model.passes

    def wanted(self, page: Page) -> Page:
        """The page with only the rows that belong to the stream."""
        return page

    def scope(self) -> dict[str, Any]:
        """Which rows belong to the stream. A bookmark only covers rows that belonged to it when it was set."""
        return {"passes": [dict(parameters) for parameters in self.passes()]}

    @property
    def _is_incremental(self) -> bool:
        return self.replication_method == REPLICATION_INCREMENTAL and bool(self.replication_key)

    def _readers(self, passes: Sequence[ListPass]) -> Sequence[PassReader]:
        """One reader for each pass."""
        if not self._is_incremental:
            return [FullScan(rows) for rows in passes]
        self._changes = [
            ChangedRows(
                rows,
                self._timestamps(),
                bound=self._since,
                read_whole=self._memory.is_read_whole(rows.params),
                logger=self.logger,
            )
            for rows in passes
        ]
        return self._changes

    @override
    def changed(self) -> Changed | None:
        return Changed(self._since, sum(each.looked_at for each in self._changes)) if self._since else None

    def _list_pass(self, parameters: Mapping[str, str]) -> ListPass:
        own = dict(parameters)
        every_field = own.pop("select", None)
        return ListPass(
            self.client,
            self.model,
            params=own,
            select=self.requested_fields() or (self._known_fields() if every_field else None),
            limit=self.dry_run_rows,
            in_flight=1 if self.dry_run_rows else self.config["parallel_calls"],
            conforming_ids=self.conforming_ids,
            doubt=self.doubt,
            known=None if self.dry_run_rows else self._memory.known(own, is_proof=self._is_proof),
            tally=self.tally,
        )

    @property
    def _is_proof(self) -> bool:
        """Whether a call has to prove the end of a list, because others rely on the rows that it does not have."""
        return self.is_versioned or (self._is_incremental and self.reads_all)

    @cached_property
    def _memory(self) -> ListMemory:
        return ListMemory(self.get_context_state(None), self.source, self.config["full_read_days"])

    def _known_fields(self) -> Sequence[str]:
        return [name for name in self.model.properties if name not in self.model.secret]

    def _bookmark(self) -> Bookmark:
        """The bookmark of the last run."""
        bookmark = self._bookmark_in(self.get_context_state(None))
        if bookmark.invalid_reason:
            self.logger.warning("%s: reading all rows of '%s' again", bookmark.invalid_reason, self.name)
        return bookmark

    def _bookmark_in(self, state: dict[str, Any]) -> Bookmark:
        coverage = Coverage(self.scope(), self.source, self.scope_settings)
        return Bookmark(state, self.model.updated.field or "", coverage=coverage, now=self._now)

    @override
    def activate_version(self) -> None:
        """Send ACTIVATE_VERSION. The loader then deletes rows that were not read, so an older bookmark must go too."""
        super().activate_version()
        state = self.tap_state.get("bookmarks", {}).get(self.name)
        if state is not None:
            bookmark = self._bookmark_in(state)
            if bookmark.invalid_reason:
                bookmark.clear()


def _unseen(page: Page, seen: set[str]) -> Page:
    """The page without rows that were read before."""
    return page.at([rank for rank, key in enumerate(page.ids) if key is None or key not in seen]) if seen else page
