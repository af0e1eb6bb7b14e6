"""Takes the rows of a stream from a plan, where they are finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.item import Item, StreamInfo
from target_planhat.rows.keys import key_in
from target_planhat.rows.made_rows import MadeRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_planhat.record_line import Expectation
    from target_planhat.rows.declared_stream import DeclaredStream
    from target_planhat.rows.rules.row_rules import RowRules

__all__ = ["PlanRows"]


class PlanRows:
    """The rows of one stream of a plan. Nothing is mapped or converted.

    Attributes:
        stream_info: What its rows must know about the stream.
        gives_one_row_each: Always False: what a row expects to find stands beside its record.
    """

    gives_one_row_each = False

    def __init__(self, declared: DeclaredStream, rules: RowRules) -> None:
        """Take the stream and the rules for its rows."""
        self._keyables = rules.model.keyables
        self.stream_info = StreamInfo(
            name=declared.name,
            input_stream=declared.input_stream,
            model=rules.model,
            mode="upsert",
            keyables=rules.model.keyables,
            merges_by_key=rules.merges_by_key,
            label=lambda item: item.label,
            fields=frozenset(declared.schema.get("properties", {})),
        )

    def of_record(
        self,
        record: Mapping[str, Any],
        raw: bytes,
        attempt: int,
        expected: Expectation | None,
        column: str | None = None,
    ) -> MadeRows:
        """The row in a record of a plan.

        Args:
            record: The row as it is sent.
            raw: The same as JSON.
            attempt: Number of attempts, including this one.
            expected: What it expects to find.
            column: Always None: a plan holds no points.

        Raises:
            RefusedRowError: The record does not say what it expects to find.
        """
        del column
        if expected is None:
            msg = "the plan does not say what it expects to find"
            raise RefusedRowError(msg)
        keys = {name: str(record[name]) for name in self._keyables if record.get(name)}
        item = Item(
            raw,
            keys,
            expected.key,
            raw,
            attempt=attempt,
            delete=expected.action == "delete",
            stream=self.stream_info,
            expected=expected,
        )
        return MadeRows([item])

    def of_messages(self, lines: Sequence[bytes], start: int) -> MadeRows:
        """No rows, see ``gives_one_row_each``."""
        del lines, start
        return MadeRows([], 0)

    def key_of(self, record: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The key of a record without a row, for messages."""
        return key_in(record, self._keyables)
