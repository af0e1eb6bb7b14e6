"""The base class of all streams of the tap."""

from __future__ import annotations

import sys
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel

from planhat_api.errors import AccessError, NotFoundError
from planhat_api.http.call import CallTally
from tap_planhat.records.conversion import RecordConverter, decode_record
from tap_planhat.records.page_stream import PageStream
from tap_planhat.records.record_types import EPOCH_DAY
from tap_planhat.records.schemas import KEY, ORIGINAL
from tap_planhat.streams.output_fingerprint import output_fingerprint
from tap_planhat.streams.progress import Changed, Progress
from tap_planhat.streams.source import source_of

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record

    from planhat_api import Page
    from planhat_api.lists.started import StartedList
    from planhat_api.models.registry import Model
    from tap_planhat.streams.requested_values import RequestedValues
    from tap_planhat.streams.shared import SharedServices

_FEW_KEYS = 3


class PlanhatStream(PageStream):
    """A stream of one model. Subclasses decide where its pages come from."""

    # Records keep every property that Planhat sends, known or not; ``RecordConverter`` converts their values.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    # Whether the run reads all rows, and not only changed ones.
    reads_all = True

    def __init__(self, shared: SharedServices, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream of a model."""
        super().__init__(shared.tap, schema=schema, name=model.stream)
        self.model = model
        self.client = shared.client
        self._summary = shared.summary
        self._custom_days = shared.custom_days
        self._first_lists = shared.first_lists
        self._definitions = shared.definitions
        self.tally = CallTally()
        self._calls_told = 0
        self.primary_keys = (KEY,)
        self._doubts: list[str] = []

    @abstractmethod
    def pages(self, context: Context | None) -> Iterator[Page]:
        """Every page of the stream, with only the rows to emit, in the order in which they are read."""

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        for page in self.read(context):
            for body in page.raw:
                yield decode_record(bytes(body))

    @override
    def read(self, context: Context | None) -> Iterator[Page]:
        """The pages to emit.

        If the token may not read the list, or the tenant does not have it, this ends with a warning (B39).
        """
        progress = self.new_progress()
        if self.dry_run_rows is None:
            self._first_lists.turn_of(self)
        try:
            for page in self.pages(context):
                self.page = page
                if not progress.pages and page.raw:
                    self._warn_of_few_fields(page)
                progress.page(len(page.raw))
                yield page
                # A large page must not stay in memory while the next one is read.
                self.page = None
                del page
        except (AccessError, NotFoundError) as error:
            if progress.pages:
                raise
            if self._summary.skip(self.name):
                self.logger.warning("Skipped '%s': this token cannot read it. %s", self.name, error)
            return
        finally:
            calls = self.tally.calls
            self._summary.add(self.name, records=progress.rows, calls=calls - self._calls_told)
            self._calls_told = calls
        self.page = None
        self._warn_of_missing_values(context)
        self._activate_unless_in_doubt()
        if not context:
            progress.done(self.changed())

    def prepare_start(self) -> Callable[[], StartedList] | None:
        """Prepare to read the first list before the turn of the stream.

        Returns:
            What begins the read, in any thread; None if it must not begin before the turn.
        """
        return None

    def changed(self) -> Changed | None:
        """What an incremental read looked for; None if all rows were read."""
        return None

    @property
    def source(self) -> Mapping[str, str]:
        """The source of the rows, as the state keeps it."""
        from planhat_api import Connection  # noqa: PLC0415 -- slow to import

        fingerprint = output_fingerprint(self.name, self._tap.streams, self.only_fields, self.config)
        return source_of(Connection.from_settings(self.config), fingerprint)

    def doubt(self, reason: str) -> None:
        """Note that rows may be missing, or that rows may not belong to the stream. No ACTIVATE_VERSION is sent then.

        Args:
            reason: The reason, for the log.
        """
        if reason not in self._doubts:
            self._doubts.append(reason)

    def _activate_unless_in_doubt(self) -> None:
        if self.is_versioned and not self.has_version and self.dry_run_rows is None:
            self.doubt("records in BATCH files have no version")
        if not self._doubts:
            self.activate_version()
        elif self.is_versioned:
            self.logger.warning(
                "No ACTIVATE_VERSION for '%s', so the loader keeps rows that were deleted: %s",
                self.name,
                "; ".join(self._doubts),
            )

    def requested_values(self, context: Context | None) -> Iterable[RequestedValues]:
        """The values that settings request, complete once the partition with this context is read."""
        del context
        return ()

    def _warn_of_missing_values(self, context: Context | None) -> None:
        for values in self.requested_values(context) if self.dry_run_rows is None else ():
            # An incremental run brings only some of the rows, so a missing value alone means nothing.
            if (self.reads_all or not values.any_found) and (message := values.missing_message(self.name)):
                self.logger.warning("%s", message)
                self.doubt(message)

    def new_progress(self) -> Progress:
        """The progress log of one read."""
        return Progress(self.logger, self.name)

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record | None:
        if self.only_fields is not None:
            row = {name: value for name, value in row.items() if name in self.only_fields}
        return self.converter.convert(row)

    @cached_property
    def converter(self) -> RecordConverter:
        """Converts records to the schema in the catalog, which may be the user's own catalog."""
        return RecordConverter(
            self.effective_schema,
            epoch_days=[name for name, field in self.model.properties.items() if field.get("format") == EPOCH_DAY],
            custom_days=self._custom_days(self.model),
            secret=self.model.secret,
        )

    @cached_property
    def only_fields(self) -> frozenset[str] | None:
        """The fields to emit if the catalog deselects some; None if it selects all.

        A user who selects fields gets exactly these. Fields that the catalog does not know are left out then, so that
        the result is the same with and without ``push_down_select``.
        """
        names = self.effective_schema["properties"]
        selected = frozenset(name for name in names if self.mask["properties", name])
        return None if len(selected) == len(names) else selected

    def requested_fields(self) -> Sequence[str] | None:
        """The fields to request from Planhat; None for all that it sends."""
        if not self.config["push_down_select"] or self.only_fields is None:
            return None
        needed = {
            *self.only_fields,
            KEY,
            *self.filter_fields(),
            *([self.model.updated.field] if self.replication_key or self.is_versioned else []),
            *([self.model.maybe_hidden] if self.is_versioned else []),
        }
        return [name for name in self.effective_schema["properties"] if name in needed and name != ORIGINAL]

    def filter_fields(self) -> Iterable[str]:
        """Fields that decide whether a row belongs to the stream."""
        return ()

    @property
    def dry_run_rows(self) -> int | None:
        """The most rows that a test run reads; None in an ordinary run."""
        return None if self.ABORT_AT_RECORD_COUNT is None else self.ABORT_AT_RECORD_COUNT + 1

    def _warn_of_few_fields(self, page: Page) -> None:
        if self.requested_fields() is not None or not self.model.paged:
            return
        fields = decode_record(bytes(page.raw[0])).keys()
        if len(fields) <= _FEW_KEYS:
            self.logger.warning(
                "Rows of '%s' have only the fields %s. Perhaps Planhat sends other fields only if they are requested "
                "by name: select the fields you need in the catalog and set push_down_select.",
                self.name,
                ", ".join(sorted(fields)),
            )
