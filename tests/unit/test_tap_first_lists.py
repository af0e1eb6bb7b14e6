"""Streams begin before their turn, in order, as far as there is room for their pages."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, cast

from tap_planhat.streams.first_lists import FirstLists

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_api.lists.started import StartedList

_MIB = 1 << 20


class _Started:
    def __init__(self) -> None:
        self.held: int | None = None
        self.beginning: Future[Any] = Future()

    def is_there(self, held: int) -> None:
        self.held = held
        self.beginning.set_result(None)


class _Stream:
    def __init__(self, name: str, started: list[str], *, can_start: bool = True) -> None:
        self.name = name
        self.list = _Started()
        self.can_start = can_start
        self._started = started

    def prepare_start(self) -> Callable[[], StartedList] | None:
        return self._start if self.can_start else None

    def _start(self) -> StartedList:
        self._started.append(self.name)
        return cast("StartedList", self.list)


def _streams(number: int) -> tuple[list[_Stream], list[str]]:
    started: list[str] = []
    return [_Stream(str(place), started) for place in range(number)], started


def test_the_first_stream_begins_before_all_others_and_a_few_others_follow() -> None:
    streams, started = _streams(20)
    FirstLists(lambda: streams).turn_of(streams[0])
    assert started == [str(number) for number in range(9)]


def test_whenever_a_small_list_is_there_another_one_begins() -> None:
    streams, started = _streams(20)
    FirstLists(lambda: streams).turn_of(streams[0])
    for place in range(1, 12):
        streams[place].list.is_there(1000)
        assert len(started) == min(9 + place, 20)


def test_large_pages_hold_the_next_streams_back_until_they_are_taken() -> None:
    streams, started = _streams(20)
    lists = FirstLists(lambda: streams)
    lists.turn_of(streams[0])
    for place in range(1, 9):
        streams[place].list.is_there(5 * _MIB)
    assert len(started) == 9
    for place in range(1, 7):
        lists.turn_of(streams[place])
        assert len(started) == 9
    lists.turn_of(streams[7])
    assert len(started) == 13


def test_a_stream_that_must_not_begin_before_its_turn_holds_no_other_back() -> None:
    streams, started = _streams(3)
    streams[1].can_start = False
    lists = FirstLists(lambda: streams)
    for stream in streams:
        lists.turn_of(stream)
    assert started == ["0", "2"]


def test_a_stream_whose_turn_comes_before_there_is_room_is_not_started_any_more() -> None:
    streams, started = _streams(20)
    lists = FirstLists(lambda: streams)
    lists.turn_of(streams[0])
    lists.turn_of(streams[15])
    for stream in streams[1:9]:
        stream.list.is_there(10)
    assert "15" not in started
    assert started[9:] == ["9", "10", "11", "12", "13", "14", "16", "17"]


def test_a_run_that_begins_in_the_middle_starts_the_streams_after_it() -> None:
    streams, started = _streams(3)
    FirstLists(lambda: streams).turn_of(streams[1])
    assert started == ["1", "2"]


def test_a_client_that_is_closed_meanwhile_ends_the_starts_without_a_word() -> None:
    streams, started = _streams(20)

    def closed() -> StartedList:
        message = "the client is closed"
        raise RuntimeError(message)

    streams[9]._start = closed  # type: ignore[method-assign]
    FirstLists(lambda: streams).turn_of(streams[0])
    streams[1].list.is_there(10)
    assert len(started) == 9


def test_where_no_stream_may_begin_early_none_does() -> None:
    streams, started = _streams(2)
    lists = FirstLists(list)
    for stream in streams:
        lists.turn_of(stream)
    assert started == []
