"""The streams made from the models, and how each is read."""

from __future__ import annotations

import sys
from abc import abstractmethod
from dataclasses import replace
from datetime import datetime, timezone
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from planhat_api.errors import AccessError, NotFoundError
from planhat_api.falling import UnprovenError
from tap_planhat.asked import Asked
from tap_planhat.bookmark import Bookmark
from tap_planhat.catalog import KEY, ORIGINAL
from tap_planhat.incremental import Changes, Reading, WholeList
from tap_planhat.list_pass import ListPass
from tap_planhat.moved_rows import MovedRows
from tap_planhat.progress import Changed, Progress
from tap_planhat.record_path import RecordPath
from tap_planhat.settings import texts_in
from tap_planhat.shapes import Shape, decode_record
from tap_planhat.source import source_of

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from planhat_api import Page
    from planhat_api.registry import Model
    from tap_planhat.tap import TapPlanhat

_FEW_KEYS = 3


class PlanhatStream(RecordPath):
    """A stream of one model. Subclasses say where its pages come from."""

    # Records keep every property Planhat sends, known or not; converting is the business of ``Shape``.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    # Whether the run reads the stream from its start, and not only what is new.
    reads_all = True

    def __init__(self, tap: TapPlanhat, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream of a model with the schema it announces."""
        super().__init__(tap, schema=schema, name=model.stream)
        self.model = model
        self.client = tap.client
        self._summary = tap.summary
        self.primary_keys = (KEY,)
        self._doubts: list[str] = []

    @abstractmethod
    def pages(self, context: Context | None) -> Iterator[Page]:
        """Every page of the stream, with only the rows to emit, in the order of reading."""

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        for page in self.read(context):
            for body in page.raw:
                yield decode_record(bytes(body))

    @override
    def read(self, context: Context | None) -> Iterator[Page]:
        """The pages to emit.

        A list the token may not see, or the tenant does not have, ends here with a warning (B39).
        """
        progress, calls = self.new_progress(), self.client.calls
        try:
            for page in self.pages(context):
                self.page = page
                if not progress.pages and page.raw:
                    self._warn_of_few_fields(page)
                progress.page(len(page.raw))
                yield page
        except (AccessError, NotFoundError) as error:
            if progress.pages:
                raise
            self.logger.warning("Skipped '%s': Planhat does not let this token read it. %s", self.name, error)
            self._summary.skip(self.name)
            return
        finally:
            self._summary.add(self.name, records=progress.rows, calls=self.client.calls - calls)
        self.page = None
        self._tell_of_missing(context)
        self._activate_unless_in_doubt()
        if not context:
            progress.done(self.changed())

    def changed(self) -> Changed | None:
        """What a read of the latest changes looked for; None when all rows were read."""
        return None

    @property
    def source(self) -> Mapping[str, str]:
        """Where the rows come from, for the state."""
        from planhat_api import Connection  # noqa: PLC0415 -- HTTP is slow to import

        return source_of(Connection.from_settings(self.config))

    def doubt(self, reason: str) -> None:
        """Note that the read is not proven to have brought every row, or only rows of the stream.

        Args:
            reason: Why, for people.
        """
        if reason not in self._doubts:
            self._doubts.append(reason)

    def _activate_unless_in_doubt(self) -> None:
        if not self._doubts:
            self.activate_version()
        elif self.is_versioned:
            self.logger.warning(
                "No ACTIVATE_VERSION for '%s', so rows that are gone stay: %s", self.name, "; ".join(self._doubts)
            )

    def asked(self, context: Context | None) -> Iterable[Asked]:
        """What settings ask for, once the part of the stream with this context, and all before it, is read."""
        del context
        return ()

    def _tell_of_missing(self, context: Context | None) -> None:
        for asked in self.asked(context) if self.dry_run_rows is None else ():
            # Of what was there before, a run that reads the latest changes brings only some.
            if (self.reads_all or not asked.came) and (told := asked.told(f"rows of '{self.name}'")):
                self.logger.warning("%s", told)

    def new_progress(self) -> Progress:
        """The teller of progress for one read."""
        return Progress(self.logger, self.name)

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        if self.only_fields is not None:
            row = {name: value for name, value in row.items() if name in self.only_fields}
        return self.shape.convert(row)

    @cached_property
    def shape(self) -> Shape:
        """The shape the catalog announces, which the catalog handed in may have changed."""
        epoch_days = [name for name, field in self.model.properties.items() if field.get("format") == "epoch-day"]
        return Shape(self.effective_schema, epoch_days=epoch_days, secret=self.model.secret)

    @cached_property
    def only_fields(self) -> frozenset[str] | None:
        """The fields to emit when the catalog leaves some out; None when it leaves out none.

        Who picks fields gets exactly those: fields the catalog does not know are left out then, so that the
        result is the same whether or not the choice is pushed down to Planhat.
        """
        names = self.effective_schema["properties"]
        selected = frozenset(name for name in names if self.mask["properties", name])
        return None if len(selected) == len(names) else selected

    def asked_fields(self) -> Sequence[str] | None:
        """The fields to ask Planhat for; None for all it gives."""
        if not self.config["push_down_select"] or self.only_fields is None:
            return None
        needed = {
            *self.only_fields,
            KEY,
            *self.fields_looked_at(),
            *([self.model.updated.field] if self.replication_key or self.is_versioned else []),
        }
        return [name for name in self.effective_schema["properties"] if name in needed and name != ORIGINAL]

    def fields_looked_at(self) -> Iterable[str]:
        """Fields that decide whether a row belongs to the stream."""
        return ()

    @property
    def dry_run_rows(self) -> int | None:
        """How many rows a test run reads at most; None in an ordinary run."""
        return None if self.ABORT_AT_RECORD_COUNT is None else self.ABORT_AT_RECORD_COUNT + 1

    def _warn_of_few_fields(self, page: Page) -> None:
        if self.asked_fields() is not None or not self.model.paged:
            return
        fields = decode_record(bytes(page.raw[0])).keys()
        if len(fields) <= _FEW_KEYS:
            self.logger.warning(
                "Rows of '%s' hold only the fields %s. Planhat may want to be asked for fields by name: select the "
                "fields you need in the catalog and set push_down_select.",
                self.name,
                ", ".join(sorted(fields)),
            )


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
                yield self.wanted(_without(page, seen))
                if moved or number < len(passes):
                    seen.update(key for key in page.ids if key)
        if moved:
            yield from self._moved_meanwhile(moved, seen)
        if bookmark:
            stamps = [reading.newest for reading in readings if reading.newest]
            bookmark.move(at_start=readings[0].at_start, newest=max(stamps, default=None), not_after=started)

    def _moved_rows(self, passes: Sequence[ListPass]) -> MovedRows | None:
        """What finds rows that move from pass to pass, where a loader would retire them."""
        if not self.is_versioned or len(passes) == 1 or self.dry_run_rows:
            return None
        return MovedRows(passes, self.model.updated.field or "")

    def _moved_meanwhile(self, moved: MovedRows, seen: set[str]) -> Iterator[Page]:
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


class LeanCompanies(PlanhatStream):
    """Ids, keys and names of all companies, in one unpaged answer."""

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        yield self.client.lean_companies()


class ArchivableStream(ListStream):
    """A model whose archived rows only come when asked for."""

    @override
    def passes(self) -> Sequence[Mapping[str, str]]:
        return self.model.passes if self.config["include_archived"] else ({},)


class Nps(ListStream):
    """NPS answers, as far back as the setting says."""

    @override
    def passes(self) -> Sequence[Mapping[str, str]]:
        return ({"npsExpiryDay": str(self.config["nps_expiry_days"])},)


class Users(ListStream):
    """Users, with the fields a plain list leaves out."""

    @override
    def passes(self) -> Sequence[Mapping[str, str]]:
        return self.model.passes if self.config["users_all_fields"] else ({},)


class _Typed(msgspec.Struct, gc=False):
    type: Any = None


_decode_type = msgspec.json.Decoder(_Typed).decode


def _type_of(body: msgspec.Raw) -> str | None:
    """The type a row tells; None when it tells none."""
    kind = _decode_type(body).type
    return kind if isinstance(kind, str) else None


class Conversations(ListStream):
    """Conversations, narrowed by type here since the list has no documented filter for it."""

    def types(self) -> frozenset[str] | None:
        """The types to pass on; None for all."""
        chosen = texts_in(self.config, "conversation_types")
        return frozenset(chosen) if chosen else None

    @override
    def fields_looked_at(self) -> Iterable[str]:
        return () if self.types() is None else ("type",)

    @override
    def scope(self) -> dict[str, Any]:
        types = self.types()
        return {**super().scope(), "types": None if types is None else sorted(types)}

    @override
    def wanted(self, page: Page) -> Page:
        types = self.types()
        if types is None:
            return page
        found = [_type_of(body) for body in page.raw]
        self._asked_types.note(found)
        if None in found:
            self._tell_of_untold_types()
        return _only(page, [kind is None or kind in types for kind in found])

    def _tell_of_untold_types(self) -> None:
        reason = "rows do not tell their type"
        if reason not in self._doubts:
            self.logger.warning(
                "Some rows of '%s' do not tell their type, so they are passed on whatever they are. Planhat may want "
                "to be asked for fields by name: select the fields you need in the catalog and set "
                "push_down_select.",
                self.name,
            )
        self.doubt(reason)

    @override
    def asked(self, context: Context | None) -> Iterable[Asked]:
        return (self._asked_types,) if self.reads_all else ()

    @cached_property
    def _asked_types(self) -> Asked:
        return Asked("conversation_types", sorted(set(texts_in(self.config, "conversation_types"))))


class Notes(Conversations):
    """The conversations of type note."""

    # The same list as conversations: reading it twice has to be asked for.
    selected_by_default = False

    @override
    def asked(self, context: Context | None) -> Iterable[Asked]:
        return ()

    @override
    def types(self) -> frozenset[str]:
        return frozenset(self.model.constants.values())


def _without(page: Page, seen: set[str]) -> Page:
    """A page without the rows an earlier pass brought."""
    return _only(page, [key is None or key not in seen for key in page.ids]) if seen else page


def _only(page: Page, wanted: Sequence[bool]) -> Page:
    if all(wanted):
        return page
    return replace(page, raw=list(compress(page.raw, wanted)), ids=list(compress(page.ids, wanted)))
