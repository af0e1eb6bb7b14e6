"""Streams that were damaged at random: the run ends as documented, tells no cell, and loses no row."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planhat_api.plugin.exit_codes import ExitCode, exit_code
from planhat_sandbox import Sandbox
from tests.log_support import assert_told_well, logged
from tests.target_support import lines, records, run, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.target_support import Message

TEXT = {"type": ["string", "null"]}
COLUMNS: dict[str, dict[str, Any]] = {
    "companies": {
        "external_id": TEXT,
        "name": TEXT,
        "mr": {"type": ["number", "null"], "minimum": 0},
        "tags": {"type": ["array", "null"], "items": TEXT},
        "custom": {"type": ["object", "null"]},
    },
    "endusers": {"email": TEXT, "name": TEXT, "company_external_id": TEXT, "usage": {"type": ["object", "null"]}},
}
KEYS = {"companies": "external_id", "endusers": "email"}
NO_RECORDS = {"SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH"}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"batch_size_rows": 2},
    {"stream_maps": {"companies": {"description": "'x'"}}},
    {"validate_records": False},
]


def company(number: int) -> Message:
    cell = f"CELL{number}"
    return {
        "external_id": f"k{number}",
        "name": cell,
        "mr": number + 0.5,
        "tags": [cell, "é🎉"],
        "custom": {"No such field": cell} if number == 3 else None,
    }


def enduser(number: int) -> Message:
    usage = {"a": {"b": [f"CELL{number}"]}}
    return {"email": f"u{number}@k.example", "name": "CELL", "company_external_id": f"k{number}", "usage": usage}


GOOD: list[Message] = [
    schema("companies", COLUMNS["companies"], KEYS["companies"]),
    *records("companies", map(company, range(4))),
    state({"at": 1}),
    {"type": "ACTIVATE_VERSION", "stream": "companies", "version": 1},
    schema("endusers", COLUMNS["endusers"], KEYS["endusers"]),
    *records("endusers", map(enduser, range(3))),
    schema("companies", {}, KEYS["companies"]),
    *records("companies", map(company, range(4, 6))),
    state({"at": 2}),
]


class Deep:
    """Stands for a value that nests more deeply than Python's encoder can write."""


ODD: list[Any] = [None, True, -1, 1.5, 10**30, "", "x", "RECORD", "SCHEMA", [], [1], {}, {"a": 1}, {"type": "strng"}]
ODD += [{"$ref": "#"}, {"anyOf": [True]}, {"properties": {"a": False}}, "\x1b[31m\n\u2028\u202e", "\ud83c", Deep()]
DEEP = "[" * 3_000 + "]" * 3_000


def encoded(message: Any) -> bytes:
    text = json.dumps(message, default=lambda _deep: "DEEP DEEP DEEP")
    return text.replace('"DEEP DEEP DEEP"', DEEP).encode() + b"\n"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each member and item of a message."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield (*path, name)
        yield from places(part, (*path, name))


def change(draw: st.DrawFn, message: Any) -> Any:
    """One change to a message: a member dropped, doubled, nested, renamed or of another type."""
    copy = json.loads(json.dumps(message))
    *way, last = draw(st.sampled_from(list(places(copy))))
    inside = copy
    for step in way:
        inside = inside[step]
    kind = draw(st.sampled_from(["drop", "odd", "odd", "nest", "rename"]))
    if kind == "drop":
        del inside[last]
    elif kind == "nest":
        inside[last] = [inside[last]]
    elif kind == "rename" and isinstance(inside, dict):
        inside[draw(st.sampled_from(["x", "type", "stream", "\x1b[2J", "a\nb", "record"]))] = inside.pop(last)
    else:
        inside[last] = draw(st.sampled_from(ODD))
    return copy


def damage(draw: st.DrawFn, line: bytes) -> bytes:
    """One change to the bytes of a line."""
    place = draw(st.integers(0, len(line) - 1))
    kind = draw(st.sampled_from(["cut", "byte", "byte", "insert", "number", "sorted", "again"]))
    if kind == "cut":
        return line[:place] + b"\n"
    if kind == "insert":
        odd = draw(st.sampled_from([b"\xff", b"\x00", b"{", b'"', b",", b"\xef\xbb\xbf"]))
        return line[:place] + odd + line[place:]
    if kind == "number":
        odd = draw(st.sampled_from([b"NaN", b"-Infinity", b"1e999", b"9" * 5_000]))
        return re.sub(rb"\d\.\d|\d+", odd, line, count=1)
    if kind == "sorted" and (found := re.fullmatch(rb'\{("type": "RECORD", .*), "record": (.+)\}\n', line, re.DOTALL)):
        # As taps write it that sort members, with a byte missing in the record.
        others, record = found.groups()
        cut = draw(st.integers(0, len(record) - 1))
        return b'{"record": %s%s, %s}\n' % (record[:cut], record[cut + 1 :], others)
    if kind == "again":
        return line.rstrip(b"\n") + line
    return line[:place] + bytes([line[place] ^ draw(st.integers(1, 255))]) + line[place + 1 :]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    given_lines = [encoded(message) for message in GOOD]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(GOOD) - 1))
        kind = draw(st.sampled_from(["change", "change", "change", "damage", "damage", "drop", "repeat", "move"]))
        if kind == "change":
            given_lines[place] = encoded(change(draw, GOOD[place]))
        elif kind == "damage":
            given_lines[place] = damage(draw, given_lines[place] or b"\n")
        elif kind == "drop":
            given_lines[place] = b""
        elif kind == "repeat":
            given_lines[place] *= 2
        else:
            other = draw(st.integers(0, len(GOOD) - 1))
            given_lines[place], given_lines[other] = given_lines[other], given_lines[place]
    return b"".join(given_lines)


def rows_in(data: bytes) -> int:
    """Lines that are rows, if the run goes on to the end: all that are nothing else."""
    return sum(1 for line in data.split(b"\n") if line.strip(b" \t\r\n\x0b\x0c") and not is_other(line))


def is_other(line: bytes) -> bool:
    try:
        message = json.loads(line.removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and str(message.get("type")) in NO_RECORDS


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=3, seed=1, switches={"calls_per_minute": 0}) as sandbox:
        yield sandbox


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=damaged(), chosen=st.sampled_from(SETTINGS))
def test_damaged_streams(box: Sandbox, data: bytes, chosen: dict[str, Any]) -> None:
    with logged() as log:
        finished = run(box, data, max_rejects="100%", **chosen)
        if finished.error:
            logging.getLogger("test").error("%s", finished.error)
    assert_told_well(log.getvalue(), "CELL")
    if finished.error is None:
        assert sum(sum(counts.values()) for counts in finished.summary.values()) == rows_in(data)
        rejected = sum(counts.get("rejected", 0) for counts in finished.summary.values())
        assert len([entry for entry in finished.rejects if entry["type"] == "RECORD"]) == rejected
    else:
        assert exit_code(finished.error) in {ExitCode.SETTINGS, ExitCode.INPUT}


def test_the_stream_is_good_before_it_is_damaged(box: Sandbox) -> None:
    data = lines(GOOD)
    with logged() as log:
        finished = run(box, data, max_rejects="100%")
    assert finished.error is None
    assert_told_well(log.getvalue(), "CELL")
    assert rows_in(data) == 9
    assert {name: counts.get("rejected", 0) for name, counts in finished.summary.items()} == {
        "companies": 1,
        "endusers": 0,
    }
