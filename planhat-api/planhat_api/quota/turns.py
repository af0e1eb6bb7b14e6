"""Decides who gets a turn when. Nothing here reads a clock or keeps anything.

Every function takes the book of a tenant and the present moment on the clock of its store, and gives the book as it is
afterwards. All times are in milliseconds.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import structs

from planhat_api.quota.book import Book, Ticket

if TYPE_CHECKING:
    from planhat_api.quota.limits import Limits

__all__ = ["GRACE", "Answer", "Caller", "Reason", "ask", "enter", "leave", "paused", "spare"]

GRACE = 3_000
"""How late a caller may ask again before others take its place."""

_SOON = 1_000
_LATER = 2_000
_NEXT_IN_LINE = 8
_LONGEST_PROMISE = 30_000


class Reason(Enum):
    """Why a caller has to wait."""

    NONE = "it does not"
    PAUSE = "Planhat answered 429"
    STEP = "the first calls after a pause go out one after the other"
    QUOTA = "no turn is free"
    OTHERS = "others go first"


@dataclass(frozen=True, slots=True)
class Caller:
    """A call that wants a turn.

    Attributes:
        name: A random name, the same each time it asks.
        backfill: Whether it lets all others go first, and keeps to the pace of backfills.
        number: Its number in the queue, from an earlier answer; -1 at first.
        book: Name of the book of that answer.
    """

    name: str
    backfill: bool = False
    number: int = -1
    book: str = ""

    def told(self, answer: Answer) -> Caller:
        """The caller as it asks again after an answer."""
        return replace(self, number=answer.number, book=answer.book)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told.

    Attributes:
        back_in: When to ask again; 0 if the caller has its turn.
        turn_in: When there will probably be a turn, not before ``back_in``.
        reason: Why there is none now.
        number: Number in the queue.
        book: Name of the book in which the caller has this number.
    """

    back_in: int
    turn_in: int
    reason: Reason
    number: int
    book: str


def ask(book: Book, now: int, caller: Caller, limits: Limits) -> tuple[Book, Answer]:
    """Give the caller a turn, or a place in the queue and a moment to come back."""
    book = _tidied(book, now, limits)
    others = tuple(ticket for ticket in book.tickets if ticket.caller != caller.name)
    number = _number(book, caller)
    ahead = sum((ticket.backfill, ticket.number) < (caller.backfill, number) for ticket in others)
    due = _due(book, now, ahead, limits)
    lets_others_go = False
    if caller.backfill:
        normal = sum(not ticket.backfill for ticket in others)
        lets_others_go = normal > 0
        due = max(due, _pace_due(book, now, ahead - normal, limits))
    if due <= now and not lets_others_go:
        return _with_turn(book, now, caller, others, limits), Answer(0, 0, Reason.NONE, number, book.name)
    reason = _reason(book, now, limits)
    longest = _SOON if ahead < _NEXT_IN_LINE else _LATER
    longest = _LONGEST_PROMISE if reason is Reason.PAUSE else longest
    back_at = min(due, now + longest) if due > now else now + longest
    ticket = Ticket(caller.name, caller.backfill, number, back_at)
    after = structs.replace(book, tickets=(*others, ticket), next_number=max(book.next_number, number + 1))
    return after, Answer(back_at - now, max(due, back_at) - now, reason, number, book.name)


def leave(book: Book, names: frozenset[str]) -> Book:
    """Take callers out of the queue that do not want a turn any more."""
    left = tuple(ticket for ticket in book.tickets if ticket.caller not in names)
    return book if len(left) == len(book.tickets) else structs.replace(book, tickets=left)


def paused(book: Book, now: int, time: int) -> Book:
    """Let nobody have a turn for some time, because Planhat answered 429."""
    return structs.replace(book, pause=book.pause.extended(now, time))


def enter(book: Book, now: int, ages: list[int], limits: Limits) -> Book:
    """Count calls that went out without this book, by how long ago that was."""
    book = _tidied(book, now, limits)
    stamps = list(book.stamps)
    for age in ages:
        insort(stamps, now - age)
    return structs.replace(book, stamps=tuple(stamps))


def spare(book: Book, now: int, limits: Limits, *, backfill: bool) -> int:
    """How many calls could have a turn now, beside those who wait already."""
    book = _tidied(book, now, limits)
    if book.pause.left(now):
        return 0
    free = min(most - (len(book.stamps) - _first_counted(book, now, time)) for most, time in limits.rates)
    free = min(free, 1) if book.pause.is_slow(now) else free
    if backfill:
        behind = now - (_arrival(book, now, limits) - limits.tolerance)
        free = min(free, int(behind // limits.pace) + 1 if behind >= 0 else 0)
    return max(0, free - len(book.tickets))


def _tidied(book: Book, now: int, limits: Limits) -> Book:
    """The book without what is over, and without what cannot be true because the clock was set back."""
    stamps = book.stamps[_first_counted(book, now, limits.window) :]
    if stamps and stamps[-1] > now:
        # The calls were made. But what is too far away was written by a clock that was wrong by far.
        stamps = tuple(min(stamp, now) for stamp in stamps if stamp <= now + limits.window)
    tickets = tuple(
        ticket for ticket in book.tickets if ticket.back_at - _LONGEST_PROMISE <= now <= ticket.back_at + GRACE
    )
    return structs.replace(book, stamps=stamps, tickets=tickets)


def _first_counted(book: Book, now: int, time: int) -> int:
    """Index of the first stamp that is not older than a time."""
    return bisect_left(book.stamps, now - time + 1)


def _number(book: Book, caller: Caller) -> int:
    """The number of the caller. It keeps the one that it has, also if its ticket was dropped because it came late."""
    return caller.number if 0 <= caller.number < book.next_number and caller.book == book.name else book.next_number


def _due(book: Book, now: int, place: int, limits: Limits) -> int:
    """Moment at which a turn is free for the one who has so many others before it."""
    due = book.pause.due(now, place)
    count = len(book.stamps)
    for most, time in limits.rates:
        # The turn is free when this call is too old to count. Those before the caller take the turns of older ones.
        index = count - most + place
        # It may be a call that is still to come: then it takes the turn of another one as soon as that is free.
        later = max(0, -(-(index - count + 1) // most))
        index -= later * most
        if index >= 0 or later:
            due = max(due, (book.stamps[index] if index >= 0 else now) + (later + (index >= 0)) * time)
    return due


def _arrival(book: Book, now: int, limits: Limits) -> float:
    """When the next call of a backfill would be due if all of them came evenly.

    One that begins, or has stood still for a whole window, has nothing to make up for. Otherwise its first calls would
    take the turns that are meant for others.
    """
    if book.backfill_at <= now - limits.window:
        return now + limits.tolerance
    # What is further away than it can be was written before the clock was set back.
    return max(now, min(book.backfill_at, now + limits.tolerance + limits.pace))


def _pace_due(book: Book, now: int, place: int, limits: Limits) -> int:
    """Moment at which the pace of backfills allows the call of one that has so many others before it."""
    return int(-(-(_arrival(book, now, limits) - limits.tolerance + place * limits.pace) // 1))


def _with_turn(book: Book, now: int, caller: Caller, others: tuple[Ticket, ...], limits: Limits) -> Book:
    arrival = book.backfill_at
    if caller.backfill:
        arrival = _arrival(book, now, limits) + limits.pace
    return structs.replace(
        book,
        stamps=(*book.stamps, now),
        pause=book.pause.after_call(now),
        backfill_at=arrival,
        tickets=others,
    )


def _reason(book: Book, now: int, limits: Limits) -> Reason:
    if book.pause.left(now):
        return Reason.STEP if book.pause.is_step() else Reason.PAUSE
    return Reason.QUOTA if _due(book, now, 0, limits) > now else Reason.OTHERS
