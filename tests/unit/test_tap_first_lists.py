"""Streams begin before their turn, in order, as far as there is room for their pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tap_planhat.streams.first_lists import FirstLists

if TYPE_CHECKING:
    from planhat_api.lists.started import StartedList

_MIB = 1 << 20


@dataclass
class _Started:
    held: int | None


class _Stream:
    def __init__(self, name: str, held: int | None, started: list[str], *, can_start: bool = True) -> None:
        self.name = name
        self.list = _Started(held)
        self.can_start = can_start
        self._started = started

    def start(self) -> StartedList | None:
        self._started.append(self.name)
        return cast("StartedList", self.list) if self.can_start else None


def _streams(*held: int | None) -> tuple[list[_Stream], list[str]]:
    started: list[str] = []
    return [_Stream(str(number), size, started) for number, size in enumerate(held)], started


def test_small_streams_all_begin_at_the_first_turn_and_the_first_stream_before_all_others() -> None:
    streams, started = _streams(*[1000] * 5)
    FirstLists(lambda: streams).turn_of(streams[0])
    assert started == ["0", "1", "2", "3", "4"]


def test_streams_whose_size_is_not_known_yet_begin_a_few_at_a_time() -> None:
    streams, started = _streams(*[None] * 20)
    lists = FirstLists(lambda: streams)
    lists.turn_of(streams[0])
    assert len(started) == 8
    for stream in streams[1:8]:
        stream.list.held = 10
    lists.start_more()
    assert len(started) == 15


def test_large_pages_hold_the_next_streams_back_until_they_are_taken() -> None:
    streams, started = _streams(0, 15 * _MIB, 15 * _MIB, 15 * _MIB, 0)
    lists = FirstLists(lambda: streams)
    lists.turn_of(streams[0])
    assert started == ["0", "1", "2"]
    lists.start_more()
    assert started == ["0", "1", "2"]
    lists.turn_of(streams[1])
    assert started == ["0", "1", "2", "3"]


def test_a_stream_that_cannot_begin_before_its_turn_holds_no_other_back() -> None:
    streams, started = _streams(0, 0, 0)
    streams[1].can_start = False
    lists = FirstLists(lambda: streams)
    for stream in streams:
        lists.turn_of(stream)
    assert started == ["0", "1", "2"]


def test_a_run_that_begins_in_the_middle_starts_the_streams_after_it() -> None:
    streams, started = _streams(0, 0, 0)
    FirstLists(lambda: streams).turn_of(streams[1])
    assert started == ["1", "2"]


def test_where_no_stream_may_begin_early_none_does() -> None:
    streams, started = _streams(0, 0)
    lists = FirstLists(list)
    for stream in streams:
        lists.turn_of(stream)
    lists.start_more()
    assert started == []
