"""What the delivery ledger notes of each row that is sent."""

from __future__ import annotations

import hashlib
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import msgspec

__all__ = ["CallRecord", "Entry", "EntryState", "digest_of"]

_DIGEST_SIZE = 16  # bytes


class EntryState(IntEnum):
    """What is known of a row that was sent."""

    IN_DOUBT = 0
    """Its call had no answer yet."""
    DELIVERED = 1
    """Planhat accepted it."""
    NOT_STORED = 2
    """It was refused, or did not arrive, or a STATE covers it. A row with this content is a new one."""
    CLOSED = 3
    """It was delivered, and the run ended at the moment when it wrote a STATE after it."""


class Entry(NamedTuple):
    """One row in the ledger.

    Attributes:
        digest: Identifies its content.
        stream: Its stream in the input.
        after: How many STATE messages the input had before it.
        slot: The day that it is for, if it is a metric point: a digest. Empty for other rows.
        dimension: The metric; empty for other rows.
        model: Model of its record.
        day: The day, counted since 1970-01-01.
        value: The value that was sent; None if it went along with the next entry of the same call.
        before: What the day held before this run; None for nothing.
        is_known: Whether it is known what the day held.
        earlier: Values that the run had sent for this day before, and that Planhat accepted.
        rule: How the metric combines the values of a day; empty if this is not known.
        external_id: External id of its record.
        others: The days beside the day that the point may be for, as distances (Q26).
    """

    digest: bytes
    stream: str = ""
    after: int = 0
    slot: bytes = b""
    dimension: str = ""
    model: str = ""
    day: int = 0
    value: float | None = None
    before: float | None = None
    is_known: bool = False
    earlier: tuple[float, ...] = ()
    rule: str = ""
    external_id: str = ""
    others: tuple[int, ...] = ()


class CallRecord(msgspec.Struct, array_like=True):
    """The rows of one call.

    Attributes:
        at: When the call began, in seconds since 1970-01-01.
        entries: The rows.
    """

    at: float
    entries: list[Entry]


def digest_of(stream: str, content: bytes) -> bytes:
    """Identifies the content of a row of a stream."""
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE, salt=_salt(stream)).digest()


@lru_cache(maxsize=1_000)
def _salt(stream: str) -> bytes:
    return hashlib.blake2b(stream.encode(errors="surrogatepass"), digest_size=_DIGEST_SIZE).digest()
