"""What reaches standard output, and when, also when a signal comes in between."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from singer_sdk.singerlib.encoding.simple import RecordMessage, StateMessage

from planhat_api.plugin import stop_requests as plugin_signals
from tap_planhat.output.messages import BufferedWriter

if TYPE_CHECKING:
    from collections.abc import Callable


class _Output:
    """Standard output that takes a few bytes at a time and may be interrupted while it does."""

    def __init__(self, at_a_time: int, during: Callable[[int], Any] = lambda _: None) -> None:
        self.taken = bytearray()
        self.buffer = self
        self._at_a_time = at_a_time
        self._during = during
        self._calls = 0

    def write(self, data: memoryview) -> int:
        part = bytes(data[: self._at_a_time])
        self.taken += part
        self._calls += 1
        self._during(self._calls)
        return len(part)

    def flush(self) -> None:
        """Nothing is held back here."""


_RECORD = RecordMessage("companies", {"_id": "64c1"})
_LINE = b'{"type":"RECORD","stream":"companies","record":{"_id":"64c1"}}\n'


def test_records_wait_for_a_message_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    output = _Output(1000)
    monkeypatch.setattr(sys, "stdout", output)
    writer = BufferedWriter()
    writer.write_message(_RECORD)
    writer.write_records(_LINE)
    assert not output.taken
    writer.write_message(StateMessage({"bookmarks": {}}))
    assert output.taken == _LINE * 2 + b'{"type":"STATE","value":{"bookmarks":{}}}\n'


def test_many_records_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    output = _Output(1 << 20)
    monkeypatch.setattr(sys, "stdout", output)
    writer = BufferedWriter()
    for _ in range(2000):
        writer.write_records(_LINE)
    assert len(output.taken) > len(_LINE) * 1000


def test_output_that_takes_little_at_a_time_gets_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    output = _Output(7)
    monkeypatch.setattr(sys, "stdout", output)
    writer = BufferedWriter()
    writer.write_records(_LINE * 3)
    writer.flush()
    assert output.taken == _LINE * 3


def test_a_signal_waits_for_the_lines_that_are_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = BufferedWriter()
    output = _Output(7, lambda call: writer.stop(143) if call == 2 else None)
    monkeypatch.setattr(sys, "stdout", output)
    writer.write_records(_LINE * 3)
    with pytest.raises(SystemExit, match="143"):
        writer.flush()
    assert output.taken == _LINE * 3


@pytest.mark.parametrize("while_writing", [True, False])
def test_a_second_signal_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch, *, while_writing: bool) -> None:
    codes: list[int] = []

    def end(code: int) -> NoReturn:
        codes.append(code)
        sys.exit("ended at once")

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(plugin_signals, "_SAME_REQUEST", 0.0)
    writer = BufferedWriter()
    output = _Output(7, lambda call: writer.stop(130 + call) if call in {2, 3} and while_writing else None)
    monkeypatch.setattr(sys, "stdout", output)
    writer.write_records(_LINE * 3)
    if not while_writing:
        with pytest.raises(SystemExit, match="132"):
            writer.stop(132)
    with pytest.raises(SystemExit, match="ended at once"):
        writer.flush() if while_writing else writer.stop(133)
    assert codes == [133]
    assert output.taken == ((_LINE * 3)[:21] if while_writing else b"")


def test_a_signal_that_comes_with_the_first_tears_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = BufferedWriter()
    output = _Output(7, lambda call: writer.stop(130 + call) if call in {2, 3} else None)
    monkeypatch.setattr(sys, "stdout", output)
    writer.write_records(_LINE * 3)
    with pytest.raises(SystemExit, match="132"):
        writer.flush()
    assert output.taken == _LINE * 3


def test_a_signal_between_lines_is_heeded_at_once() -> None:
    with pytest.raises(SystemExit, match="130"):
        BufferedWriter().stop(130)


def test_text_output_works_too(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    writer = BufferedWriter()
    writer.write_records(_LINE)
    writer.flush()
    assert output.getvalue().encode() == _LINE
