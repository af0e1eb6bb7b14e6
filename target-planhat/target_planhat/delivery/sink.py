"""Takes the records of one stream, gathers them in batches, hands the batches on and enters the outcomes."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from singer_sdk.sinks import BatchSink

from planhat_api import PlanhatError, Row
from planhat_api.bulk import upsert as bulk
from target_planhat.delivery.model_order import parents_of
from target_planhat.errors import InputError
from target_planhat.outcomes.outcome import Verdict, Verdicts
from target_planhat.rows.keys import key_in
from target_planhat.rows.merging import collapse
from target_planhat.rows.record_schema import RecordSchema, SchemaFaultError
from target_planhat.rows.routing import find_route
from target_planhat.rows.row import Item, RefusedRowError
from target_planhat.rows.schema_check import check_key_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    from target_planhat.intake.messages import RecordMessage
    from target_planhat.rows.values import Json
    from target_planhat.target import TargetPlanhat

    Settled = tuple[Sequence[Item], Sequence[Verdict]]
    """Rows with the verdict on each."""

__all__ = ["PlanhatSink", "columns_of"]


class PlanhatSink(BatchSink):
    """Base of the sinks. Subclasses say how a record becomes a row, and how rows get to Planhat.

    The SDK's validation is off because an invalid record would end the run or stay in the batch; here it is rejected.
    Nothing is read from the SDK's batch context: the batch is this object's own, whichever way records come in.
    """

    collapses = False
    """Whether rows with the same key in one batch become one."""
    apart = False
    """Whether rows that share a key must not go out in one call."""
    most_bytes = bulk.MOST_BYTES
    """Bytes the client puts in one call."""

    def __init__(
        self, target: TargetPlanhat, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Check that the columns of the stream can work.

        Raises:
            SettingsError: They cannot. Nothing of the stream was sent.
            InputError: The schema of the stream is not JSON Schema.
        """
        self._declared_keys = tuple(key_properties or ())
        check_key_columns(stream_name, schema, self._declared_keys)
        super().__init__(target, stream_name, schema, None)
        self.target = target
        self.run = target.run
        self.settings = self.run.settings.of_stream(stream_name)
        self.route = find_route(stream_name, self.settings.model)
        self.model = self.route.model
        self.input_stream = target.input_stream
        self._uncounted = 0
        self.declared_schema = self.original_schema
        # The SDK would turn dates into objects by these; what Planhat wants is known from its model.
        self.schema = {**schema, "properties": {name: _without_format(entry) for name, entry in columns_of(schema)}}
        try:
            self._record_schema = RecordSchema(self.declared_schema)
        except SchemaFaultError as err:
            msg = f"stream {stream_name!r}: {err}"
            raise InputError(msg) from err
        self.prepare()
        self.batch = self.run.batch_for(self)

    # What the SDK asks for

    @property
    def key_properties(self) -> Sequence[str]:
        """The keys the tap names. Their absence from a record is handled here, not by the SDK."""
        return self._declared_keys

    @property
    def include_sdc_metadata_properties(self) -> bool:
        """Never: they are no fields of Planhat."""
        return False

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """None: `take` validates."""
        return None

    @property
    def current_size(self) -> int:
        """Records of the batch, those of other streams included."""
        return len(self.batch)

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached its number of rows or bytes."""
        return self.batch.is_full

    @property
    def max_size(self) -> int:
        """Rows of a batch."""
        return self.run.settings.batch_size_rows

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Take a record that came through the SDK."""
        del context
        self.take(record)

    def process_batch(self, context: dict[str, Any]) -> None:
        """Hand the batch on. Its outcomes are entered when the next one is handed on, or when the run settles."""
        del context
        self.send_parents()
        for sink in self.batch.sinks.values():
            sink.count_for_sdk()
        items, distinct = self.batch.take(everything=not self.batch.is_under_pressure)
        if items:
            self.send(items, distinct=distinct)
        else:
            self.run.note_batch()

    def activate_version(self, new_version: int) -> None:
        """Nothing: rows of an older version stay in Planhat."""
        self.logger.info("ACTIVATE_VERSION %s: rows of older versions stay in Planhat", new_version)

    # What subclasses say

    @abstractmethod
    def prepare(self) -> None:
        """Check columns, keys and settings before the first record."""

    @abstractmethod
    def build(self, record: Mapping[str, Any]) -> tuple[Row, tuple[str, ...] | None]:
        """The row of a record, with its key.

        Raises:
            RefusedRowError: The record cannot become a row.
        """

    @abstractmethod
    def deliver(self, items: Sequence[Item], *, distinct: bool) -> Iterator[Settled]:
        """Send rows of any stream of the batch; runs on the sender's thread.

        Args:
            items: The rows.
            distinct: It is sure that no two of them share a key.

        Yields:
            Rows whose fate is known. Without an error that is each of them, in any order.
        """

    # Records in

    def take(self, record: Mapping[str, Any]) -> None:
        """Make a record part of the batch, or reject it."""
        message = self.target.reader.message
        try:
            self.check_schema(record)
            item = self.item_of(record, message.raw, message.attempt)
        except RefusedRowError as err:
            match = self.key_of(record) or key_in(record, self._declared_keys)
            self._refuse_message(match, str(err), self.target.origin(self.stream_name))
        else:
            item.origin = self.target.origin(self.stream_name)
            self.add_all([item])

    def refuse_line(self, message: RecordMessage) -> None:
        """Reject a line that was meant to be a record; it did not come through the SDK."""
        self._uncounted += 1
        match = self.key_of(message.record) or key_in(message.record, self._declared_keys)
        self._refuse_message(match, message.fault or "it cannot be read", (message.stream, message.copy))

    def refuse_unmapped(self, record: Mapping[str, Any], keys: Sequence[str], reason: str) -> None:
        """Reject a record out of which a stream map makes none for this sink.

        Args:
            record: The record as it came in.
            keys: Its keys.
            reason: Why.
        """
        self._uncounted += 1
        self._refuse_message(key_in(record, keys), reason, self.target.origin(self.stream_name))
        if self.is_full:
            self.target.drain_one(self)

    def _refuse_message(self, match: tuple[str, ...] | None, reason: str, origin: tuple[str, str | None]) -> None:
        """Reject the record at hand, which is no row.

        Args:
            match: What identifies it, if known.
            reason: Why.
            origin: The stream it came in, and the one stream it is for, if it is not for all that maps make of it.
        """
        message = self.target.reader.message
        item = Item(
            b"{}", {}, match, message.raw, attempt=message.attempt, origin=origin, place="" if match else message.place
        )
        self.refuse(item, reason)

    def item_of(self, record: Mapping[str, Any], raw: bytes, attempt: int) -> Item:
        """The row of a record, with all that is known of it.

        Raises:
            RefusedRowError: The record cannot become a row.
        """
        row, match = self.build(record)
        return Item(row.body, row.keys, match, raw, attempt=attempt)

    def refuse(self, item: Item, reason: str) -> None:
        """Reject a record before it is sent. The policy is asked when the batch is out."""
        item.sink = self
        self._note_taken(1)
        self.batch.refuse()
        self.run.enter(item, Verdict(Verdicts.REJECTED, reason=reason))

    def take_directly(self, record: Mapping[str, Any]) -> None:
        """Take a record that did not come through the SDK."""
        self._uncounted += 1
        self.take(record)

    def count_for_sdk(self) -> None:
        """Count, for the SDK's metrics, what did not come through it."""
        self.tally_record_read(self._uncounted)
        self.record_counter_metric.increment(self._uncounted)
        self._uncounted = 0

    def take_messages(self, lines: Sequence[bytes], start: int) -> int:
        """Take whole RECORD messages the short way, from a place on; the number taken.

        It may be less than there are, because a message needs the general way or because enough were taken at once.
        """
        del lines, start
        return 0

    def add_all(self, items: list[Item]) -> None:
        """Make rows part of the batch; send it each time the next row has no room in it."""
        self._note_taken(len(items))
        for item in items:
            item.sink = self
        while items:
            items = self.batch.add(items)
            if items or self.is_full:
                self.target.drain_one(self)

    def _note_taken(self, number: int) -> None:
        """Note that the records at hand are in the books, whatever ends the run from here on."""
        self.run.summary.take(self.stream_name, number)
        self.target.reader.taken = number

    def key_of(self, record: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key of a record that could not become a row, to name it by."""
        del record
        return None

    def label_of(self, item: Item) -> str:
        """What identifies a row of this stream, for logs."""
        return item.label

    def check_schema(self, record: Mapping[str, Any]) -> None:
        """Check a record against the schema the tap announced.

        Raises:
            RefusedRowError: It does not fit, or lacks a key the tap named.
        """
        missing = [name for name in self._declared_keys if name not in record]
        if missing:
            msg = f"the record lacks its key {', '.join(missing)}"
            raise RefusedRowError(msg)
        if self.run.settings.validate_records:
            reason = self._record_schema.unfit(record)
            if reason is not None:
                raise RefusedRowError(reason)

    # Batches out

    def keep_repeatable(self) -> None:
        """Keep only those rows of the batch which do no harm when they come twice."""
        self.batch.keep(lambda item: self.collapses and item.match is not None)

    def send_parents(self) -> None:
        """Send what is pending of the models this one refers to."""
        parents = parents_of(self.model.path)
        for sink in self.run.batch_owners():
            if sink.model.path in parents:
                self.target.drain_one(sink)

    def send(self, items: list[Item], *, distinct: bool = False) -> None:
        """Put rows of the batch's streams on the wire, once those before are through.

        Args:
            items: The rows.
            distinct: It is sure that no two of them share a key.
        """
        self.run.sender.settle()
        if self.collapses and self.run.held:
            items, distinct = self._with_held(items), False
        self.run.sender.submit(lambda: self._try(items, distinct=distinct), lambda result: self._enter(*result))

    def _with_held(self, items: list[Item]) -> list[Item]:
        """Rows, with those of the same records that wait: held back any longer, they would undo what is sent now."""
        upserts = [item for item in items if not item.delete]
        return collapse([*self.run.held.take(upserts), *items])

    def _try(self, items: Sequence[Item], *, distinct: bool) -> tuple[list[Settled], PlanhatError | None]:
        """What is known of the rows, and why the rest is not: it comes again with the next run."""
        settled: list[Settled] = []
        try:
            for some in self.deliver(items, distinct=distinct):
                settled.append(some)  # noqa: PERF402 # what came before an error is kept
        except PlanhatError as err:
            return settled, err
        return settled, None

    def _enter(self, settled: Sequence[Settled], error: PlanhatError | None) -> None:
        for items, verdicts in settled:
            self._enter_some(items, verdicts)
        if error is not None:
            raise error
        self.run.note_batch()

    def _enter_some(self, items: Sequence[Item], verdicts: Sequence[Verdict]) -> None:
        kinds = Counter(map(attrgetter("kind"), verdicts))
        sinks = set(map(attrgetter("sink"), items))
        plain = len(sinks) == 1 and not (self.run.receipts or self.run.held or any(map(attrgetter("parts"), items)))
        if plain and not any(kind.is_reject for kind in kinds):
            (sink,) = sinks
            for kind, number in kinds.items():
                self.run.summary.count(sink.stream_name, kind, number)
        else:
            for item, verdict in zip(items, verdicts, strict=True):
                item.sink.enter(item, verdict)

    def enter(self, item: Item, verdict: Verdict) -> None:
        """Enter the outcome of one row of this stream."""
        self.run.enter(item, verdict)


def columns_of(schema: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The columns that a schema declares, with the schema of each."""
    return list(schema.get("properties", {}).items())


def _without_format(column: Json) -> Json:
    """A column without date formats at any depth the SDK looks at."""
    if not isinstance(column, dict):
        return column
    branches = {
        name: [_without_format(entry) for entry in column[name]] for name in ("anyOf", "oneOf") if name in column
    }
    return {name: value for name, value in {**column, **branches}.items() if name != "format"}
