"""Takes the records of one stream, gathers them in batches, hands the batches on and enters the outcomes."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from jsonschema.validators import validator_for
from singer_sdk.sinks import BatchSink

from planhat_api import PlanhatError, Row, bulk
from target_planhat.fates import Verdict, Verdicts
from target_planhat.keys import collapse
from target_planhat.order import parents_of, rank
from target_planhat.routing import find_route
from target_planhat.row import Item, RefusedRowError
from target_planhat.schema_check import check_key_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    from target_planhat.messages import RecordMessage
    from target_planhat.target import TargetPlanhat
    from target_planhat.values import Json

    Settled = tuple[Sequence[Item], Sequence[Verdict]]
    """Rows with the verdict on each."""

__all__ = ["PlanhatSink"]


class PlanhatSink(BatchSink):
    """Base of the sinks. Subclasses say how a record becomes a row, and how rows get to Planhat.

    The SDK's validation is off because an invalid record would end the run or stay in the batch; here it is rejected.
    Nothing is read from the SDK's batch context: the batch is this object's own, whichever way records come in.
    """

    collapses = False
    """Whether rows with the same key in one batch become one."""
    most_bytes = bulk.MOST_BYTES
    """Bytes the client puts in one call."""

    def __init__(
        self, target: TargetPlanhat, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Check that the columns of the stream can work.

        Raises:
            SettingsError: They cannot. Nothing of the stream was sent.
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
        self._empty_batch()
        self.declared_schema = self.original_schema
        # The SDK would turn dates into objects by these; what Planhat wants is known from its model.
        self.schema = {**schema, "properties": {name: _without_format(entry) for name, entry in _columns(schema)}}
        self._validator_of_schema = validator_for(self.declared_schema)(self.declared_schema)
        self.prepare()
        self.run.sinks.append(self)

    def _empty_batch(self) -> None:
        self._items: list[Item] = []
        self._refused = 0
        self._room = self.max_size
        self._room_bytes = min(self.run.settings.batch_size_bytes, self.most_bytes) - len("[]")

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
        """Records since the last batch."""
        return len(self._items) + self._refused

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached its number of rows or bytes."""
        return self._room <= 0 or self._room_bytes <= 0

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
        self._count_for_sdk()
        items = self._items
        self._empty_batch()
        if items:
            self.send(items)
        else:
            self.run.judge()

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
    def deliver(self, items: Sequence[Item]) -> Iterator[Settled]:
        """Send rows; runs on the sender's thread.

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
            self._refuse_message(message, record, str(err))
        else:
            self.add_all([item])

    def item_of(self, record: Mapping[str, Any], raw: bytes, attempt: int) -> Item:
        """The row of a record, with all that is known of it.

        Raises:
            RefusedRowError: The record cannot become a row.
        """
        row, match = self.build(record)
        return Item(row.body, row.keys, match, raw, attempt=attempt)

    def refuse_line(self, message: RecordMessage) -> None:
        """Reject a line that was meant to be a record; it did not come through the SDK."""
        self._uncounted += 1
        self._refuse_message(message, message.record, message.fault or "it cannot be read")

    def _refuse_message(self, message: RecordMessage, record: Mapping[str, Any], reason: str) -> None:
        match = self.key_of(record) or self._declared_key(record)
        self.refuse(Item(b"{}", {}, match, message.raw, attempt=message.attempt), reason)

    def refuse(self, item: Item, reason: str) -> None:
        """Reject a record before it is sent. The policy is asked when the batch is out."""
        self._refused += 1
        self._room -= 1
        self.run.enter(self, item, Verdict(Verdicts.REJECTED, reason=reason))

    def take_directly(self, record: Mapping[str, Any]) -> None:
        """Take a record that did not come through the SDK."""
        self._uncounted += 1
        self.take(record)

    def _count_for_sdk(self) -> None:
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
        while items:
            sizes = list(accumulate([len(item.body) + 1 for item in items[: self._room]]))
            cut = bisect_right(sizes, self._room_bytes)
            if cut == 0 and not self._items:
                # A row that is too large for any batch goes alone.
                cut = 1
            if cut:
                self._room -= cut
                self._room_bytes -= sizes[cut - 1]
                self._items += items[:cut]
                items = items[cut:]
            if items or self.is_full:
                self.target.drain_one(self)

    def key_of(self, record: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key of a record that could not become a row, to name it by."""
        del record
        return None

    def _declared_key(self, record: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key the tap gave a record."""
        for name in self._declared_keys:
            value = record.get(name)
            if isinstance(value, (str, int, float)):
                return (name, str(value))
        return None

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
            error = next(self._validator_of_schema.iter_errors(record), None)
            if error is not None:
                # The message of jsonschema quotes the value, which may be personal.
                where = ".".join(str(part) for part in error.absolute_path) or "the record"
                msg = f"{where} does not fit the schema of the stream ({error.validator})"
                raise RefusedRowError(msg)

    # Batches out

    def send_parents(self) -> None:
        """Send what is pending of the models this one refers to."""
        parents = parents_of(self.model.path)
        for sink in sorted(self.run.sinks, key=lambda sink: rank(sink.model)):
            if sink is not self and (sink.model.path in parents or self._is_older(sink)):
                self.target.drain_one(sink)

    def _is_older(self, sink: PlanhatSink) -> bool:
        """Whether rows of the same stream wait in a sink of an earlier schema."""
        mine = self.run.sinks.index(self)
        return sink.stream_name == self.stream_name and self.run.sinks.index(sink) < mine

    def send(self, items: list[Item]) -> None:
        """Put rows on the wire, once those before are through."""
        kept = collapse(items) if self.collapses else items
        self.run.sender.settle()
        if self.collapses and self.run.held:
            kept = self._with_held(kept)
        self.run.sender.submit(lambda: self._try(kept), lambda result: self._enter(*result))

    def _with_held(self, items: list[Item]) -> list[Item]:
        """Rows, with those of the same keys that wait: held back any longer, they would undo what is sent now."""
        upserts = [item for item in items if item.match is not None and not item.delete]
        waited = self.run.held.take(self, upserts)
        mine = []
        for sink, earlier in waited.items():
            if sink.stream_name == self.stream_name:
                mine += earlier
            else:
                sink.send(earlier)
        return collapse([*mine, *items])

    def _try(self, items: Sequence[Item]) -> tuple[list[Settled], PlanhatError | None]:
        """What is known of the rows, and why the rest is not: it comes again with the next run."""
        settled: list[Settled] = []
        try:
            for some in self.deliver(items):
                settled.append(some)  # noqa: PERF402 # what came before an error is kept
        except PlanhatError as err:
            return settled, err
        return settled, None

    def _enter(self, settled: Sequence[Settled], error: PlanhatError | None) -> None:
        for items, verdicts in settled:
            self._enter_some(items, verdicts)
        if error is not None:
            raise error
        self.run.judge()

    def _enter_some(self, items: Sequence[Item], verdicts: Sequence[Verdict]) -> None:
        kinds = Counter(map(attrgetter("kind"), verdicts))
        one_by_one = self.run.receipts or self.run.held or any(map(attrgetter("parts"), items))
        if one_by_one or any(kind.is_reject for kind in kinds):
            for item, verdict in zip(items, verdicts, strict=True):
                self.enter(item, verdict)
        else:
            for kind, number in kinds.items():
                self.run.summary.count(self.stream_name, kind, number)

    def enter(self, item: Item, verdict: Verdict) -> None:
        """Enter the outcome of one row."""
        self.run.enter(self, item, verdict)


def _columns(schema: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(schema.get("properties", {}).items())


def _without_format(column: Json) -> Json:
    """A column without date formats at any depth the SDK looks at."""
    if not isinstance(column, dict):
        return column
    branches = {
        name: [_without_format(entry) for entry in column[name]] for name in ("anyOf", "oneOf") if name in column
    }
    return {name: value for name, value in {**column, **branches}.items() if name != "format"}
