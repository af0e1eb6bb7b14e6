"""Base of the sinks whose rows come out of a column plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_planhat.delivery.resending import deliver
from target_planhat.delivery.sink import PlanhatSink, columns_of
from target_planhat.errors import SettingsError
from target_planhat.outcomes.outcome import Verdict, plain_verdicts
from target_planhat.rows.fast_rows import FastRows
from target_planhat.rows.keys import KeyRule, key_rule
from target_planhat.rows.loader_columns import DeletionMarks
from target_planhat.rows.mapping import Resolver
from target_planhat.rows.planning import FEW, left_out, plan_columns
from target_planhat.rows.routing import Way
from target_planhat.rows.row import Item, RefusedRowError, RowBuilder, StreamPlan
from target_planhat.rows.schema_types import NoTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planhat_api import Outcome, Row
    from planhat_api.models.registry import Model
    from target_planhat.delivery.resending import Repeats, Send
    from target_planhat.delivery.sink import Settled
    from target_planhat.rows.fast_rows import QuickCheck
    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["MappedSink", "leading"]


class MappedSink(PlanhatSink):
    """Rows by a column plan."""

    can_delete = False
    """Whether rows that are marked as deleted at the source can be deleted in Planhat."""

    @property
    def written_model(self) -> Model:
        """The model as this way writes it."""
        return self.model

    def prepare(self) -> None:
        """Check columns, keys and settings."""
        if "custom" in self.written_model.properties:
            self._send_custom_fields()
        custom = self.run.custom_fields.of(self.written_model)
        resolver = Resolver(self.written_model, custom, self.settings)
        plan = plan_columns(self.stream_name, self.declared_schema, self.written_model, custom, self.settings)
        rule = self.key_rule(plan)
        self._marks = self._deletion_marks(plan)
        self._noticed: set[str] = set()
        stream = StreamPlan(self.written_model, plan, rule, resolver, self.settings, self._marks)
        self.builder = RowBuilder(stream, self._notice, self.checker())
        self.check_plan(plan)
        self._tell_of_prefix()
        self._fast = self._fast_rows(stream)
        if plan.left_out:
            self.logger.info("Columns of %s left out: %s", self.stream_name, left_out(plan))

    def _tell_of_prefix(self) -> None:
        """A prefix that no column has is seldom meant; columns that the schema does not declare may have it."""
        prefix, columns = self.settings.custom_prefix, [name for name, _ in columns_of(self.declared_schema)]
        if not prefix or any(name.startswith(prefix) for name in columns):
            return
        near = next((name for name in columns if name.lower().startswith(prefix.lower())), None)
        hint = f"; {near!r} begins with it in other case" if near else ""
        self.logger.warning(
            "streams.%s.custom_prefix: no column of the stream begins with %r%s", self.stream_name, prefix, hint
        )

    def _deletion_marks(self, plan: ColumnPlan) -> DeletionMarks:
        if plan.deleted_column is not None and not self.can_delete:
            msg = f"streams.{self.stream_name}.deleted_column: rows that go to {self.model.name} cannot be deleted"
            raise SettingsError(msg)
        return DeletionMarks(
            plan.deleted_column, heeds_time=self.can_delete, known=self.settings.columns, tell=self._tell_of_mark
        )

    def _tell_of_mark(self, column: str) -> None:
        remedy = f". To heed it, set streams.{self.stream_name}.deleted_column: {column}" if self.can_delete else ""
        self.logger.warning(
            "Column %s marks rows of %s as deleted, but they are sent like all others%s",
            column,
            self.stream_name,
            remedy,
        )

    def _send_custom_fields(self) -> None:
        """Custom fields that come with the run must be there before their names are looked up."""
        for sink in self.run.batch_owners():
            if sink.route.way is Way.SINGLE and sink.current_size:
                self.target.drain_one(sink)
                self.run.sender.settle()

    def checker(self) -> Callable[[dict[str, Any]], None] | None:
        """Check of a finished row in place of the rules for keys; None keeps those."""
        return None

    def key_rule(self, plan: ColumnPlan) -> KeyRule:
        """Which keys the rows carry."""
        return key_rule(self.stream_name, self.model, plan, self.settings)

    def check_plan(self, plan: ColumnPlan) -> None:
        """Complain of a plan that cannot work this way."""

    def _notice(self, column: str, reason: str) -> None:
        """Tell once of a column that the schema did not announce; of very many, tell that there are more."""
        if column in self._noticed or len(self._noticed) > FEW:
            return
        self._noticed.add(column)
        if len(self._noticed) > FEW:
            self.logger.warning("Further columns of %s are left out and not named here", self.stream_name)
        else:
            self.logger.warning("Column %s of %s left out: %s", column, self.stream_name, reason)

    def item_of(self, record: Mapping[str, Any], raw: bytes, attempt: int) -> Item:
        """The row of a record; of one that is gone at the source only the key counts."""
        if self._marks.is_deleted(record, raw):
            row, match = self.builder.key_of(record)
            return Item(row.body, row.keys, match, raw, attempt=attempt, delete=True)
        return super().item_of(record, raw, attempt)

    def build(self, record: Mapping[str, Any]) -> tuple[Row, tuple[str, ...] | None]:
        """The row of a record, with its key."""
        return self.builder.build(record)

    def quick_check(self) -> QuickCheck | None:
        """What `checker` looks at, for rows that are built from bytes.

        Raises:
            NoTypeError: Rows of this stream cannot be.
        """
        if self.checker() is not None:
            raise NoTypeError
        return None

    def _fast_rows(self, stream: StreamPlan) -> FastRows | None:
        try:
            return FastRows(stream, self.declared_schema, self.input_stream, self._declared_keys, self.quick_check())
        except NoTypeError:
            self.logger.debug("Records are decoded one by one: the schema of the stream says more than types")
            return None

    def take_messages(self, lines: Sequence[bytes], start: int) -> int:
        """Take whole RECORD messages the short way, from a place on; the number taken."""
        items = [] if self._fast is None else self._fast.build(lines, start)
        self._uncounted += len(items)
        self.add_all(items)
        return len(items)

    def key_of(self, record: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key of a record that could not become a row, to name it by."""
        try:
            return self.builder.key_of(record)[1]
        except RefusedRowError:
            return None

    def send_rows(self, items: Sequence[Item], send: Send, repeats: Repeats) -> Iterator[Settled]:
        """Send rows in as many calls as it takes; what does not add up in the answers is logged.

        Yields:
            All of them; with an error those whose fate is known, before it is raised.
        """
        delivery = deliver(items, send, repeats)
        for note in delivery.notes:
            self.logger.warning("%s", note)
        if delivery.error is None:
            yield items, self._verdicts(delivery.outcomes)
            return
        settled = delivery.settled()
        yield [items[index] for index in settled], self._verdicts([delivery.outcomes[index] for index in settled])
        raise delivery.error

    def _verdicts(self, outcomes: Sequence[Outcome]) -> list[Verdict]:
        if self.run.receipts:
            return [Verdict.of(outcome) for outcome in outcomes]
        return plain_verdicts(outcomes)


def leading(values: Sequence[object]) -> int:
    """How many values from the first are not empty."""
    return next((place for place, value in enumerate(values) if not value), len(values))
