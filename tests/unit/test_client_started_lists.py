"""Lists that are read before their turn bring the same pages, and errors in their place."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from planhat_api import Page, UnavailableError
from planhat_api.lists.started import StartedList

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Pages:
    """An iterator of pages that tells how many were taken."""

    def __init__(self, sizes: list[int], error: Exception | None = None) -> None:
        self.sizes = sizes
        self.error = error
        self.taken = 0
        self.threads: list[str] = []

    def __iter__(self) -> Iterator[Page]:
        for offset, size in enumerate(self.sizes):
            self.taken += 1
            self.threads.append(threading.current_thread().name)
            yield Page(offset, b"x" * size, [], [], 1)
        if self.error:
            raise self.error


def _offsets(started: StartedList) -> list[int]:
    return [page.offset for page in started]


def test_a_list_that_fits_into_the_room_is_read_to_its_end_before_its_turn(pool: ThreadPoolExecutor) -> None:
    pages = Pages([10, 10, 10])
    started = StartedList(iter(pages), pool, room=100)
    pool.shutdown()
    assert pages.taken == 3
    assert started.held == 30
    assert _offsets(started) == [0, 1, 2]


def test_a_longer_list_is_read_up_to_the_page_that_exceeds_the_room(pool: ThreadPoolExecutor) -> None:
    pages = Pages([60, 60, 60, 60])
    started = StartedList(iter(pages), pool, room=100)
    pool.shutdown()
    assert pages.taken == 2
    assert started.held == 120
    assert _offsets(started) == [0, 1, 2, 3]
    assert pages.threads[2:] == [threading.current_thread().name] * 2


def test_without_room_only_the_first_page_is_taken(pool: ThreadPoolExecutor) -> None:
    pages = Pages([1, 1, 1])
    started = StartedList(iter(pages), pool, room=0)
    pool.shutdown()
    assert pages.taken == 1
    assert _offsets(started) == [0, 1, 2]


def test_an_error_comes_after_the_pages_before_it(pool: ThreadPoolExecutor) -> None:
    rest = iter(StartedList(iter(Pages([1, 1], UnavailableError("gone"))), pool))
    assert [next(rest).offset, next(rest).offset] == [0, 1]
    with pytest.raises(UnavailableError, match="gone"):
        next(rest)


def test_what_is_held_is_not_known_while_it_is_read(pool: ThreadPoolExecutor) -> None:
    may_go_on = threading.Event()

    def pages() -> Iterator[Page]:
        may_go_on.wait(10)
        yield Page(0, b"xx", [], [], 1)

    started = StartedList(pages(), pool)
    assert started.held is None
    may_go_on.set()
    assert _offsets(started) == [0]
    assert started.held == 2


def test_a_list_waits_for_the_end_of_another_one(pool: ThreadPoolExecutor) -> None:
    may_go_on, order = threading.Event(), []

    def first() -> Iterator[Page]:
        may_go_on.wait(10)
        order.append("first")
        yield Page(0, b"", [], [], 1)

    def second() -> Iterator[Page]:
        order.append("second")
        yield Page(0, b"", [], [], 1)

    before = StartedList(first(), pool)
    after = StartedList(second(), pool, after=before)
    may_go_on.set()
    pool.shutdown()
    assert order == ["first", "second"]
    assert _offsets(before) == _offsets(after) == [0]


@pytest.mark.parametrize("error", [None, UnavailableError("gone")])
def test_a_list_does_not_begin_if_the_one_before_it_was_not_read_whole(
    pool: ThreadPoolExecutor, error: Exception | None
) -> None:
    before = StartedList(iter(Pages([60, 60], error)), pool, room=10 if error is None else 1000)
    pages = Pages([1, 1])
    after = StartedList(iter(pages), pool, after=before)
    pool.shutdown()
    assert pages.taken == 0
    assert after.held == 0
    assert _offsets(after) == [0, 1]
