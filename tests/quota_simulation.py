"""Callers who ask the book for turns, on a clock that a test moves."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from planhat_api.quota import turns
from planhat_api.quota.book import Book, read_book, write_book
from planhat_api.quota.turns import GRACE, Caller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api.quota.limits import Limits

BEGIN = 1_800_000_000_000


@dataclass(frozen=True)
class Habits:
    """What a worker does. All times are in milliseconds.

    Attributes:
        begins: When it asks for the first time.
        late: It asks again at most so much later than it was told to.
        works: At most so long between a turn and the next question.
        calls: Turns that it wants.
        dies_after: It asks so many times and then never again, without a word.
        gives_up_after: It takes itself out of the queue when it has asked so many times for one turn.
    """

    backfill: bool = False
    begins: int = 0
    late: int = 30
    works: int = 300
    calls: int = 10**9
    dies_after: int = 10**9
    gives_up_after: int = 10**9


@dataclass
class Grant:
    """A turn.

    Attributes:
        at: When it was granted.
        asked: When the worker asked for it first.
        worker: Index of the worker.
    """

    at: int
    asked: int
    worker: int


@dataclass
class Simulation:
    """Workers and a book. It checks with each turn that nobody was passed over.

    Attributes:
        limits: The limits of all workers.
        grants: All turns so far, in order.
        questions: How many times somebody asked.
    """

    limits: Limits
    workers: Sequence[Habits]
    seed: int = 0
    book: Book = field(default_factory=Book)
    grants: list[Grant] = field(default_factory=list)
    questions: int = 0

    def run(self, end: int) -> list[Grant]:
        """Let the workers ask until a moment, which is counted from the beginning."""
        chance = random.Random(self.seed)
        numbers = count()
        queue: list[tuple[int, int, int, Caller, int, int]] = []
        asked_in_all = [0] * len(self.workers)
        granted = [0] * len(self.workers)

        def ask_at(at: int, worker: int, caller: Caller | None = None, asked: int = -1, times: int = 0) -> None:
            number = next(numbers)
            caller = caller or Caller(f"{worker}-{number}", self.workers[worker].backfill)
            heappush(queue, (at, number, worker, caller, at if asked < 0 else asked, times))

        for index, habits in enumerate(self.workers):
            ask_at(habits.begins, index)
        while queue and queue[0][0] <= end:
            at, _, worker, caller, asked, times = heappop(queue)
            habits = self.workers[worker]
            if asked_in_all[worker] >= habits.dies_after:
                continue
            if times >= habits.gives_up_after:
                self.book = turns.leave(self.book, frozenset([caller.name]))
                ask_at(at + habits.works, worker)
                continue
            asked_in_all[worker] += 1
            self.questions += 1
            before = read_book(write_book(self.book))
            self.book, answer = turns.ask(before, BEGIN + at, caller, self.limits)
            if answer.back_in:
                ask_at(
                    at + answer.back_in + chance.randint(0, habits.late), worker, caller.told(answer), asked, times + 1
                )
                continue
            self._check(before, BEGIN + at, caller)
            self.grants.append(Grant(at, asked, worker))
            granted[worker] += 1
            if granted[worker] < habits.calls:
                ask_at(at + chance.randint(0, habits.works), worker)
        return self.grants

    def most_in(self, time: int) -> int:
        """Most turns in any time of this length."""
        stamps = [grant.at for grant in self.grants]
        most = first = 0
        for index, stamp in enumerate(stamps):
            while stamps[first] <= stamp - time:
                first += 1
            most = max(most, index - first + 1)
        return most

    def _check(self, before: Book, now: int, caller: Caller) -> None:
        """Nobody is passed over: there was a turn for each one who waits before the one who got it."""
        waiting = [
            ticket for ticket in before.tickets if now <= ticket.back_at + GRACE and ticket.caller != caller.name
        ]
        number = caller.number if caller.number >= 0 else before.next_number
        if caller.backfill:
            assert not [ticket for ticket in waiting if not ticket.backfill]
        ahead = [ticket for ticket in waiting if (ticket.backfill, ticket.number) < (caller.backfill, number)]
        for most, time in self.limits.rates:
            used = sum(now - stamp < time for stamp in before.stamps)
            assert most - used > len(ahead)
