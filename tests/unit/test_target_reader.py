"""Lines come out of the buffer as many as there are, and none is waited for while others are at hand."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_planhat.intake.reader import MessageReader

if TYPE_CHECKING:
    from target_planhat.intake.messages import StateMessage

STATE = b'{"type": "STATE", "value": %d}'


def read(data: bytes) -> list[int]:
    seen: list[int] = []

    def on_state(message: StateMessage) -> None:
        seen.append(message.value)

    counter = MessageReader().process_lines(io.BytesIO(data), {"RECORD": on_state, "STATE": on_state})
    assert counter["STATE"] == len(seen)
    return seen


@given(st.lists(st.sampled_from(["", "\n", " \n", "\r\n"]), max_size=30), st.booleans())
def test_every_line_is_read_once_blank_ones_aside(gaps: list[str], end: bool) -> None:  # noqa: FBT001 # generated
    data = b"".join(gap.encode() + STATE % number + b"\n" for number, gap in enumerate(gaps))
    assert read(data if end else data.rstrip(b"\n")) == list(range(len(gaps)))


@pytest.mark.parametrize("length", [10, 5_000, 3_000_000])
def test_lines_longer_than_the_buffer(length: int) -> None:
    padded = [b'{"type": "STATE", "value": %d, "pad": "%s"}\n' % (number, b"x" * length) for number in range(5)]
    assert read(b"".join(padded)) == list(range(5))


def test_a_line_is_handed_on_before_the_next_one_comes() -> None:
    out, into = os.pipe()
    seen: list[int] = []
    arrived = threading.Event()

    def on_state(message: StateMessage) -> None:
        seen.append(message.value)
        arrived.set()

    def run() -> None:
        with os.fdopen(out, "rb", buffering=1 << 16) as pipe:
            MessageReader().process_lines(pipe, {"RECORD": on_state, "STATE": on_state})

    reading = threading.Thread(target=run)
    reading.start()
    for number in range(4):
        arrived.clear()
        # A whole line and the beginning of the next.
        os.write(into, STATE % number + b"\n" + b" " * number)
        assert arrived.wait(5), f"line {number} waits for more input"
    os.close(into)
    reading.join(5)
    assert seen == [0, 1, 2, 3]
