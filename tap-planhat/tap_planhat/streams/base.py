"""What all streams have in common: how records become messages, and what is told of a read."""

from __future__ import annotations

import sys
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.conform import TypeConformanceLevel

from planhat_api.errors import AccessError, NotFoundError
from tap_planhat.records.record_path import RecordPath
from tap_planhat.records.record_types import EPOCH_DAY
from tap_planhat.records.schemas import KEY, ORIGINAL
from tap_planhat.records.shapes import Shape, decode_record
from tap_planhat.streams.passed_on import part_passed_on
from tap_planhat.streams.progress import Changed, Progress
from tap_planhat.streams.source import source_of

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context, Record

    from planhat_api import Page
    from planhat_api.models.registry import Model
    from tap_planhat.streams.asked import Asked
    from tap_planhat.streams.host import Host

_FEW_KEYS = 3


class PlanhatStream(RecordPath):
    """A stream of one model. Subclasses say where its pages come from."""

    # Records keep every property Planhat sends, known or not; converting is the business of ``Shape``.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    # Whether the run reads the stream from its start, and not only what is new.
    reads_all = True

    def __init__(self, host: Host, model: Model, schema: dict[str, Any]) -> None:
        """Make the stream of a model with the schema it announces."""
        super().__init__(host.tap, schema=schema, name=model.stream)
        self.model = model
        self.client = host.client
        self._summary = host.summary
        self._custom_days = host.custom_days
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
            if self._summary.skip(self.name):
                self.logger.warning("Skipped '%s': Planhat does not let this token read it. %s", self.name, error)
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
        """Where the rows come from, and what of them is passed on, for the state."""
        from planhat_api import Connection  # noqa: PLC0415 -- HTTP is slow to import

        part = part_passed_on(self.name, self._tap.streams, self.only_fields, self.config)
        return source_of(Connection.from_settings(self.config), part)

    def doubt(self, reason: str) -> None:
        """Note that the read is not proven to have brought every row, or only rows of the stream.

        Args:
            reason: Why, for people.
        """
        if reason not in self._doubts:
            self._doubts.append(reason)

    def _activate_unless_in_doubt(self) -> None:
        if self.is_versioned and not self.has_version and self.dry_run_rows is None:
            self.doubt("records that leave in batches have no version")
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
                self.doubt(told)

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
        return Shape(
            self.effective_schema,
            epoch_days=[name for name, field in self.model.properties.items() if field.get("format") == EPOCH_DAY],
            custom_days=self._custom_days(self.model),
            secret=self.model.secret,
        )

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
            *([self.model.maybe_hidden] if self.is_versioned else []),
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
