"""Counts the calls of this process: in the store with all others, and alone while the store cannot be used."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from planhat_api.errors import ConfigurationError
from planhat_api.quota import turns
from planhat_api.quota.stores.memory import MemoryStore
from planhat_api.quota.stores.store import StoreError

if TYPE_CHECKING:
    from planhat_api.quota.book import Book
    from planhat_api.quota.limits import Limits
    from planhat_api.quota.stores.opening import Place
    from planhat_api.quota.stores.store import Change, Store
    from planhat_api.quota.turns import Answer, Caller
    from planhat_api.timing.deadline import Deadline

__all__ = ["Counting"]

_TRIED_AGAIN = 30.0
_LONGEST_FAREWELL = 1.0
_T = TypeVar("_T")
_log = logging.getLogger("planhat_api")


class Counting:
    """Asks the book of the tenant for turns. Any number of threads may use it.

    This process always keeps a book of its own calls. It goes by that book, with its share of the quota, while the
    store cannot be used. Then the calls that it made meanwhile go into the book of the store. If that book was lost,
    all its own calls of the last window go there.
    """

    def __init__(self, limits: Limits, place: Place | None, workers: int | None, deadline: Deadline) -> None:
        """Connect with the store. If that fails, this process counts alone for now.

        Args:
            limits: The limits of all processes together.
            place: Where the book is; None if this process counts alone.
            workers: How many processes share the quota at most; None if nobody knows.
            deadline: When it is set, no more time is spent on a store that does not answer.

        Raises:
            ConfigurationError: The store can never be used with this setting.
        """
        self._limits = limits
        self._place = place
        self._deadline = deadline
        self._alone = MemoryStore()
        self._share = limits.share(workers or place.workers) if place else limits
        self._store: Store | None = None
        self._using = threading.Lock()
        self._away = False
        self._try_at = 0.0
        self._known = ""
        self._owed: list[float] = []
        self._owes_pause = False
        self._closed = False
        if place:
            self._open(place)

    @property
    def is_shared(self) -> bool:
        """Whether this process counts together with others now."""
        return self._place is not None and not self._away

    @property
    def share(self) -> str:
        """What this process may do alone while the store cannot be used; empty if it can."""
        calls, window = self._share.rates[0]
        return f"at most {calls} in {window / 1000:.0f} s" if self._away else ""

    def ask(self, caller: Caller) -> Answer:
        """Ask for a turn."""
        try:
            answer = self._in_store(lambda book, now: turns.ask(book, now, caller, self._limits))
        except StoreError:
            answer = self._alone.transact(lambda book, now: turns.ask(book, now, caller, self._share))
            if not answer.back_in and self._place:
                self._owed.append(time.monotonic())
        else:
            if not answer.back_in:
                self._alone.transact(lambda book, now: (turns.enter(book, now, [0], self._share), None))
        return answer

    def leave(self, *names: str) -> None:
        """Take callers out of the queue that do not want a turn any more."""

        def change(book: Book, _now: int) -> tuple[Book, None]:
            return turns.leave(book, frozenset(names)), None

        self._alone.transact(change)
        try:
            self._in_store(change)
        except StoreError:
            # Others take its place anyway when it does not come back.
            return

    def pause(self, milliseconds: int) -> None:
        """Let nobody have a turn for some time."""

        def change(book: Book, now: int) -> tuple[Book, None]:
            return turns.paused(book, now, milliseconds), None

        self._alone.transact(change)
        try:
            self._in_store(change)
        except StoreError:
            self._owes_pause = True

    def spare(self, *, backfill: bool) -> int:
        """How many calls could have a turn now."""
        try:
            return self._in_store(lambda book, now: (book, turns.spare(book, now, self._limits, backfill=backfill)))
        except StoreError:
            return self._alone.transact(
                lambda book, now: (book, turns.spare(book, now, self._share, backfill=backfill))
            )

    def close(self, *waiting: str) -> None:
        """Close the store.

        Args:
            waiting: Callers who will not come back.
        """
        self._closed = True
        if not self._using.acquire(timeout=_LONGEST_FAREWELL):
            # The store does not answer the thread that uses it.
            return
        try:
            if self._store and waiting:
                with suppress(StoreError):
                    self._store.transact(lambda book, _now: (turns.leave(book, frozenset(waiting)), None))
            self._drop()
        finally:
            self._using.release()

    def _open(self, place: Place) -> None:
        try:
            self._store = place.connect()
        except StoreError as error:
            self._go_away(place, error)

    def _in_store(self, change: Change[_T]) -> _T:
        """Change the book in the store.

        Raises:
            StoreError: This process counts alone.
        """
        place = self._place
        if place is None or (self._away and time.monotonic() < self._try_at):
            raise StoreError
        # While the store is away, only one thread tries it, and no other waits for that.
        if not self._using.acquire(blocking=not self._away):
            raise StoreError
        try:
            if self._closed or (self._away and time.monotonic() < self._try_at):
                raise StoreError
            return self._tried(place, change)
        finally:
            self._using.release()

    def _tried(self, place: Place, change: Change[_T]) -> _T:
        try:
            try:
                result = self._once(place, change)
            except StoreError:
                if self._away or self._deadline.is_set:
                    raise
                # The server may have started again, or someone on the way forgot the connection.
                result = self._once(place, change)
        except StoreError as error:
            self._go_away(place, error)
            raise
        if self._away:
            self._away = False
            _log.info("The quota store %s can be used again", place.shown)
        return result

    def _once(self, place: Place, change: Change[_T]) -> _T:
        owed, owes_pause = len(self._owed), self._owes_pause
        try:
            self._store = self._store or _connected(place)
            name, result = self._store.transact(lambda book, now: self._with_debts(book, now, change, owed))
        except BaseException:
            # Whatever went wrong, and also if a signal came: nothing half done may stay on the connection.
            self._drop()
            raise
        self._known = name
        del self._owed[:owed]
        self._owes_pause = self._owes_pause and not owes_pause
        return result

    def _with_debts(self, book: Book, now: int, change: Change[_T], owed: int) -> tuple[Book, tuple[str, _T]]:
        """The change, after calls and a pause that the book does not know yet."""
        is_lost = book.name != self._known
        ages, pause = self._own() if is_lost or owed or self._owes_pause else ([], 0)
        if not is_lost:
            moment = time.monotonic()
            ages = [round((moment - at) * 1000) for at in self._owed[:owed]]
        if ages:
            book = turns.enter(book, now, ages, self._limits)
        if pause and (is_lost or self._owes_pause):
            book = turns.paused(book, now, pause)
        after, result = change(book, now)
        return after, (after.name, result)

    def _own(self) -> tuple[list[int], int]:
        """The calls of this process in the last window, by how long ago they were, and the pause that it knows."""
        window = self._limits.window
        return self._alone.transact(
            lambda book, now: (
                book,
                ([now - stamp for stamp in book.stamps if now - stamp < window], book.pause.left(now)),
            )
        )

    def _go_away(self, place: Place, error: StoreError) -> None:
        self._try_at = time.monotonic() + _TRIED_AGAIN
        if self._away:
            return
        self._away = True
        _log.warning(
            "The quota store %s cannot be used (%s); this process now counts only its own calls, %s "
            "(calls_per_minute divided by quota_workers), until the store is back",
            place.shown,
            error,
            self.share,
        )

    def _drop(self) -> None:
        store, self._store = self._store, None
        if store:
            store.close()


def _connected(place: Place) -> Store:
    try:
        return place.connect()
    except ConfigurationError as error:
        # It was right when the program began.
        raise StoreError(str(error)) from None
