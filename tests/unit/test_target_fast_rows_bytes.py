"""The fast path takes no line that the general path refuses, whatever its bytes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_planhat.intake.messages import RecordMessage, read_message
from tests.unit.test_target_fast_rows import CASES, HEX, USUAL, both, message

OPEN: list[tuple[str, bytes]] = [
    ("planhat", b'{"_id": "%s", "usage": {"a": %%s}}' % HEX.encode()),
    ("planhat", b'{"_id": "%s", "licenses": [{"a": {"b": %%s}}], "name": null}' % HEX.encode()),
    ("planhat", b'{"_id": "%s", "_planhat_original": {"a": %%s}}' % HEX.encode()),
    ("warehouse", b'{"external_id": 7, "name": "A", "anything": %s}'),
    ("open custom", b'{"externalId": "7", "custom": {"Bemerkung": %s}}'),
]
UNREADABLE = [
    b"NaN",
    b"-Infinity",
    b'"Caf\xe9"',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b'{"\xe9": 1}',
    b"1e999",
    b"9" * 5_000,
    b"[" * 99 + b"]" * 99,
    b"[" * 5_000 + b"]" * 5_000,
    b'"line\nbreak"',
    b"01",
    b'"\\q"',
]


def line_of(record: bytes) -> bytes:
    return b'{"type": "RECORD", "stream": "s", "record": ' + record + b"}\n"


def taken(case: str, line: bytes) -> bool:
    """Whether the fast path takes a line; if so, the general path must take it as well."""
    if not both(case)[0].build([line]):
        return False
    read = read_message(line, "")
    assert isinstance(read, RecordMessage)
    assert read.fault is None
    return True


@pytest.mark.parametrize(("case", "form"), OPEN)
@pytest.mark.parametrize("value", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_cannot_be_read_is_not_taken(case: str, form: bytes, value: bytes) -> None:
    good = line_of(form % b'"x"')
    lines = [good, line_of(form % value), good]
    assert len(both(case)[0].build(lines)) == (1 if taken(case, good) else 0)


@pytest.mark.parametrize(("case", "form"), [entry for entry in OPEN if b"name" not in entry[1]])
def test_values_that_do_not_nest_deeply_are_taken(case: str, form: bytes) -> None:
    for value in (b'"\xc3\xa9"', b'"x"'):
        assert taken(case, line_of(form % value))


# Strategies are made once: Hypothesis looks at each new one before it draws.
HOW_MANY, HOW_LONG, PUT_THERE = st.integers(1, 3), st.integers(0, 3), st.binary(max_size=3) | st.just(b"NaN")


@cache
def usual_lines(case: str) -> st.SearchStrategy[bytes]:
    usual: list[dict[str, Any]] = [record for name, record in USUAL if name == case] or [{}]
    return st.sampled_from([line for each in usual for line in (message(each), line_of(json.dumps(each).encode()))])


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_lines_with_changed_bytes(case: str, data: st.DataObject) -> None:
    line = bytearray(data.draw(usual_lines(case)))
    for _ in range(data.draw(HOW_MANY)):
        place = data.draw(st.integers(0, len(line) - 1))
        line[place : place + data.draw(HOW_LONG)] = data.draw(PUT_THERE)
    taken(case, bytes(line))
