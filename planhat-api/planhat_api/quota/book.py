"""The book of a tenant: which calls got a turn, who waits for one, and whether there is a pause."""

from __future__ import annotations

import secrets
from itertools import accumulate, chain, pairwise

import msgspec
from msgspec import Struct, field

from planhat_api.quota.pause import Pause

__all__ = ["Book", "Ticket", "read_book", "write_book"]


class Ticket(Struct, frozen=True, array_like=True):
    """The place of a caller who waits for a turn.

    Attributes:
        caller: Random name of the caller.
        backfill: Whether the caller lets all others go first.
        number: Its number in the queue; the lowest goes first.
        back_at: When the caller promised to ask again, in milliseconds.
    """

    caller: str
    backfill: bool
    number: int
    back_at: int


class Book(Struct, frozen=True):
    """The book of a tenant. All times are in milliseconds, on the clock of the store that keeps the book.

    Attributes:
        name: Random name, which tells a book from one that was lost.
        stamps: When calls got a turn, the oldest first, at least those of the last window.
        pause: The pause after a 429.
        backfill_at: When the next call of a backfill would be due if all of them came evenly.
        tickets: Those who wait, in no order.
        next_number: Number of the next one who has to wait.
    """

    name: str = field(default_factory=lambda: secrets.token_hex(4))
    stamps: tuple[int, ...] = ()
    pause: Pause = Pause()
    backfill_at: float = 0.0
    tickets: tuple[Ticket, ...] = ()
    next_number: int = 0


class _Text(Struct, rename={"first_stamp": "first", "next_number": "next"}):
    """A book in a store. Stamps are short there: the first one, and the time from each to the next."""

    name: str
    first_stamp: int
    gaps: list[int]
    pause: Pause
    backfill_at: float
    tickets: tuple[Ticket, ...]
    next_number: int


_decoder = msgspec.json.Decoder(_Text)
_encoder = msgspec.json.Encoder()


def write_book(book: Book) -> bytes:
    """The book as JSON."""
    first = book.stamps[0] if book.stamps else -1
    gaps = [later - earlier for earlier, later in pairwise(book.stamps)]
    return _encoder.encode(_Text(book.name, first, gaps, book.pause, book.backfill_at, book.tickets, book.next_number))


def read_book(text: bytes | None) -> Book:
    """The book that was written as JSON; a new one if there is none, or if nobody can read it."""
    if text is None:
        return Book()
    try:
        read = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Book()
    stamps = tuple(accumulate(chain([read.first_stamp], read.gaps))) if read.first_stamp >= 0 else ()
    return Book(read.name, stamps, read.pause, read.backfill_at, read.tickets, read.next_number)
