"""A record on its way to Planhat, and what is known of the stream it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from planhat_api import Row
from planhat_api.logs import one_line
from target_planhat.record_line import record_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_api.models.registry import Model

__all__ = ["Item", "StreamFacts"]

_LONGEST_KEY = 300


@dataclass(frozen=True, eq=False)
class StreamFacts:
    """A stream as its rows need to know it, wherever they are. A stream whose SCHEMA changes has new ones.

    Attributes:
        name: Its name, which stream maps may have given it.
        input_stream: The stream in which its records came in.
        model: Model its rows go to.
        mode: What may be done with its rows: upsert, update, insert or duplicate.
        keyables: Keys that its rows carry, in the order in which Planhat tries them.
        collapses: Whether rows with the same key are one record, of which one row is sent.
        label: Tells what identifies a row of it, for logs.
    """

    name: str
    input_stream: str
    model: Model
    mode: str
    keyables: tuple[str, ...]
    collapses: bool
    label: Callable[[Item], str]


class Item(Row, eq=False, gc=False):
    """One record on its way: the row Planhat gets, with what is known of the record.

    Attributes:
        source: What came in: the record, one JSON object; or the whole message with the record in it.
        is_message: Whether `source` is the whole message.
        attempt: How often it has been tried, this time included.
        delete: Whether the row is to be deleted.
        overtaken: Whether a later row that may mean the same record went out while this one waited.
        origin: The stream it came in, and which copy of it this is if stream maps make several; None if its stream is
            made of one stream alone.
        parts: The records that were made this one row, in their order; empty for a row that is one record.
        stream: The stream it belongs to; it has one from the moment on in which it is in the books.
        place: Where it stands in the input, if it was looked at on its own: it may have no key to name it by.
    """

    source: bytes = b"{}"
    is_message: bool = False
    attempt: int = 1
    delete: bool = False
    overtaken: bool = False
    origin: tuple[str, str | None] | None = None
    parts: list[Item] | tuple[()] = ()
    stream: StreamFacts = None  # type: ignore[assignment] # see above
    place: str = ""

    @property
    def raw(self) -> bytes:
        """The record as it came in, one JSON object."""
        return record_in(self.source) if self.is_message else self.source

    @property
    def mode(self) -> str:
        """What may be done with the row: upsert, update or insert."""
        return self.stream.mode if self.stream else "upsert"

    @property
    def label(self) -> str:
        """The row's key, for logs."""
        if self.match:
            return one_line(f"{self.match[0]}={self.match[1]}", _LONGEST_KEY)
        if not self.raw.startswith(b"{"):
            return "a row that cannot be read"
        return f"a row without a key, {self.place}" if self.place else "a row without a key"
