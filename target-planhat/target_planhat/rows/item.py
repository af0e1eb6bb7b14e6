"""A row with its record and its stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planhat_api import Row
from planhat_api.logs import one_line
from target_planhat.record_line import record_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_api.models.registry import Model
    from target_planhat.record_line import Expectation
    from target_planhat.stream_settings import Ownership

__all__ = ["Item", "StreamInfo"]

_LONGEST_KEY = 300


@dataclass(frozen=True, eq=False)
class StreamInfo:
    """What a row must know about its stream. If the SCHEMA of a stream changes, new rows get a new object.

    Attributes:
        name: Its name, after stream maps.
        input_stream: The stream of its records in the input.
        model: Model of its rows.
        mode: The mode for its rows: upsert, update, insert or duplicate.
        keyables: Keys of its rows, in the order in which Planhat tries them.
        merges_by_key: Whether rows with the same key are for one record, so that they are merged.
        label: Gives the key of a row, for logs.
        fields: Fields of its rows, without the single custom fields.
        ownership: The rule of each field that is not always written, by name: ``phase`` or ``custom.Tier``.
    """

    name: str
    input_stream: str
    model: Model
    mode: str
    keyables: tuple[str, ...]
    merges_by_key: bool
    label: Callable[[Item], str]
    fields: frozenset[str] = frozenset()
    ownership: Mapping[str, Ownership] = field(default_factory=dict)


class Item(Row, eq=False, gc=False):
    """A row for Planhat, with what is known about its record.

    Attributes:
        source: The record as it was read, one JSON object; or the whole message with the record.
        is_message: Whether `source` is the whole message.
        column: The column of its value, if each of several columns of its record gives a point; None otherwise.
        attempt: Number of attempts, including this one.
        delete: Whether the record must be deleted.
        overtaken: Whether a later row that may be for the same record was sent while this row waited.
        origin: The stream of the record in the input and, if stream maps make several streams of it, the one of this
            row; None if the stream is known from `stream`.
        parts: The rows that were merged into this row, in order; empty if it was not merged.
        stream: Its stream. It is set before the row is counted.
        place: Its place in the input, if it may have no key; for messages.
        expected: What the record must look like in Planhat, if the row comes from a plan.
        after_states: How many STATE messages the input had before it. It is set only if Planhat adds such rows each
            time they are sent.
        changed: The fields that the run changes in the record, each with its values before and after; None if nobody
            asks for them.
    """

    source: bytes = b"{}"
    is_message: bool = False
    column: str | None = None
    attempt: int = 1
    delete: bool = False
    overtaken: bool = False
    origin: tuple[str, str | None] | None = None
    parts: list[Item] | tuple[()] = ()
    stream: StreamInfo = None  # type: ignore[assignment] # see above
    place: str = ""
    expected: Expectation | None = None
    after_states: int = 0
    changed: Mapping[str, Any] | None = None

    @property
    def raw(self) -> bytes:
        """The record as it was read, one JSON object."""
        return record_in(self.source) if self.is_message else self.source

    @property
    def mode(self) -> str:
        """The mode for the row: upsert, update, insert or duplicate."""
        return self.stream.mode if self.stream else "upsert"

    @property
    def label(self) -> str:
        """The row's key, for logs."""
        if self.match:
            return one_line(f"{self.match[0]}={self.match[1]}", _LONGEST_KEY)
        if not self.raw.startswith(b"{"):
            return "a row that cannot be read"
        return f"a row without a key, {self.place}" if self.place else "a row without a key"
