"""Lines of the input: what they say, and what a line that cannot be read was meant to be."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from target_planhat.errors import InputError
from target_planhat.intake.messages import (
    KINDS,
    RecordMessage,
    StateMessage,
    read_message,
    read_record,
)

PLACE = "line 7 of the input"
DEEP = b"[" * 5_000 + b"]" * 5_000


def record(text: bytes) -> RecordMessage:
    message = read_message(text, PLACE)
    assert isinstance(message, RecordMessage)
    return message


def refused(text: bytes) -> RecordMessage:
    message = record(text)
    assert message.fault
    assert message.place == PLACE
    assert message.stream == "s"
    return message


def test_a_record_is_decoded_and_kept_as_it_came_in() -> None:
    message = record(b'{"type":"RECORD","stream":"s","record":{"a": 1.50},"version":3,"time_extracted":null}\n')
    assert (message.stream, message.raw, message.record, message.attempt) == ("s", b'{"a": 1.50}', {"a": 1.5}, 1)
    assert message.fault is None


def test_a_replay_counts_attempts() -> None:
    line = b'{"type":"RECORD","stream":"s","record":{},"planhat_rejection":{"reason":"x","attempt":2}}'
    assert record(line).attempt == 3


@pytest.mark.parametrize(
    ("given_record", "told"),
    [
        (b'{"a": NaN}', "line 7 of the input: column 'a' holds NaN, which is not a number in JSON"),
        (b'{"a": 1, "b": {"c": [-Infinity]}}', "column 'b' holds -Infinity"),
        (b'{"a": "Caf\xe9"}', "line 7 of the input is not UTF-8 (byte "),
        (b'{"a": "\xed\xa0\x80"}', "is not UTF-8"),
        (b'{"a": {"b": "\xc0\x80"}}', "is not UTF-8"),
        (b'{"caf\xe9": 1}', "is not UTF-8"),
        (b'{"a": 1', "is not JSON: it ends too early"),
        (b'{"a": "it breaks off in a te', "is not JSON: it ends too early"),
        (b'{"a": 01}', "is not JSON: invalid number"),
        (b'{"a" 1}', "is not JSON: expected ':'"),
        (b'{"a": "line\nbreak"}', "is not JSON: invalid character"),
        (b'{"a": ' + DEEP + b"}", "is nested more than 100 levels deep"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "is nested more than 100 levels deep"),
        (b"[1, 2]", "the record is an array, not an object"),
        (b'"text"', "the record is a text, not an object"),
        (b"17", "the record is a number, not an object"),
        (b"-17", "the record is a number, not an object"),
        (b"true", "the record is true, not an object"),
        (b"null", "the record is null, not an object"),
        (b'{"a": 1e999}', "number out of range"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "integer value out of range"),
    ],
)
def test_a_line_of_a_stream_that_cannot_be_read_is_a_row(given_record: bytes, told: str) -> None:
    for text in (
        b'{"type":"RECORD","stream":"s","record":' + given_record + b"}\n",
        b'{ "stream" : "s" , "version": 3, "type" : "RECORD" , "record" : ' + given_record + b" }",
    ):
        assert told in (refused(text).fault or "")


def test_the_position_of_a_wrong_byte_is_told() -> None:
    line = b'{"type":"RECORD","stream":"s","record":{"a":"\xe9"}}'
    assert refused(line).fault == f"line 7 of the input is not UTF-8 (byte {line.index(0xE9)})"


@pytest.mark.parametrize("order", [["record", "stream", "type"], ["type", "record", "stream"], ["stream", "type"]])
def test_the_order_of_members_does_not_matter_as_long_as_a_lenient_reader_gets_through(order: list[str]) -> None:
    members = {"type": b'"RECORD"', "stream": b'"s"', "record": b'{"k":"\xe9","n":NaN}'}
    text = b"{" + b",".join(b'"%s":%s' % (name.encode(), members[name]) for name in order) + b"}"
    refused(text)


@pytest.mark.parametrize("ending", [b"}", b"", b" } \r\n"])
def test_sorted_members_are_found_at_the_end(ending: bytes) -> None:
    refused(b'{"record": {"a": "x" "b": 1}, "stream": "s", "time_extracted": "2026-01-01", "type": "RECORD"' + ending)
    refused(b'{"record":' + DEEP + b',"stream":"s","type":"RECORD","version":null' + ending)


@pytest.mark.parametrize(
    "text",
    [
        b'{"record": {"a": "x" "b": 1',
        b'{"type":"RECORD","record":{"a" 1},"stream":"s"}',
        b'{"type":"RECORD","strea',
        b'{"type":"RECORD","stream":"s',
        b'{"type":"RECORD","stream":7,"record":{"a":NaN}}',
    ],
)
def test_what_cannot_be_told_ends_the_run(text: bytes) -> None:
    with pytest.raises(InputError, match=PLACE):
        read_message(text, PLACE)


def test_the_text_is_kept_as_a_json_string_with_the_wrong_bytes_escaped() -> None:
    message = refused(b' {"type":"RECORD","stream":"s","record":{"k":"7","n":"Caf\xe9"}}\r\n')
    assert json.loads(message.raw) == '{"type":"RECORD","stream":"s","record":{"k":"7","n":"Caf\\xe9"}}'
    assert message.record["k"] == "7"


@pytest.mark.parametrize("kept", [b"[1, 2]", b"17", b"null", b'{"a": 1e999}'])
def test_a_record_that_is_json_is_kept_as_it_is(kept: bytes) -> None:
    assert refused(b'{"type":"RECORD","stream":"s","record":' + kept + b"}").raw == kept


def test_a_replayed_text_keeps_its_reason_until_it_is_mended() -> None:
    line: dict[str, Any] = {"type": "RECORD", "stream": "s", "record": "{broken"}
    line["planhat_rejection"] = {"reason": "line 3 of the input is not JSON", "attempt": 1}
    message = refused(json.dumps(line).encode())
    assert (message.fault, message.attempt, message.raw) == ("line 3 of the input is not JSON", 2, b'"{broken"')
    line["record"] = {"a": 1}
    assert record(json.dumps(line).encode()).fault is None


def test_a_damaged_note_of_a_reject_is_told() -> None:
    line = b'{"type":"RECORD","stream":"s","record":{"a":1},"planhat_rejection":{"attempt":"x"}}'
    assert "planhat_rejection.attempt: expected whole number, got text" in (refused(line).fault or "")


def test_records_of_batch_files() -> None:
    def read(line: bytes) -> RecordMessage:
        return read_record(line, "s", PLACE)

    assert read(b'{"a":1}\n').record == {"a": 1}
    assert read(b'{"a":NaN}\n').fault == f"{PLACE}: column 'a' holds NaN, which is not a number in JSON"
    assert json.loads(read(b'{"a":"\xe9"}\n').raw) == '{"a":"\\xe9"}'
    assert read(b"[1]\n").raw == b"[1]"
    assert read(b"[1]\n").fault == f"{PLACE}: the record is an array, not an object"
    assert read(b'{"a":' + DEEP + b"}").fault == f"{PLACE} is nested more than 100 levels deep"
    assert read(b'{"type":"RECORD","stream":"s","record":{}}').fault is None


OTHERS: dict[str, dict[str, Any]] = {
    "SCHEMA": {"type": "SCHEMA", "stream": "s", "schema": {"properties": {}}, "key_properties": ["a"]},
    "STATE": {"type": "STATE", "value": {"at": 1}},
    "ACTIVATE_VERSION": {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1},
    "BATCH": {"type": "BATCH", "stream": "s", "encoding": {"format": "jsonl"}, "manifest": ["file:///x"]},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_messages_are_read(kind: str) -> None:
    message = read_message(json.dumps({**OTHERS[kind], "more": 1}).encode(), PLACE)
    assert KINDS[type(message)] == kind
    assert getattr(message, "place") == PLACE  # noqa: B009 # of all kinds


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("SCHEMA", {"stream": None}, "SCHEMA: stream: expected text, got null"),
        ("SCHEMA", {"stream": ...}, "SCHEMA: it has no 'stream'"),
        ("SCHEMA", {"stream": ""}, "SCHEMA of stream '': stream: expected text of length >= 1"),
        ("SCHEMA", {"stream": "x" * 1_000_000}, "stream: expected text of length <= 255"),
        ("SCHEMA", {"schema": ...}, "SCHEMA of stream 's': it has no 'schema'"),
        ("SCHEMA", {"schema": []}, "schema: expected object, got array"),
        ("SCHEMA", {"key_properties": "a"}, "key_properties: expected array | null, got text"),
        ("SCHEMA", {"key_properties": [1]}, "key_properties[0]: expected text, got whole number"),
        ("STATE", {"value": ...}, "STATE: it has no 'value'"),
        ("ACTIVATE_VERSION", {"version": "1"}, "version: expected whole number, got text"),
        ("ACTIVATE_VERSION", {"stream": ...}, "ACTIVATE_VERSION: it has no 'stream'"),
        ("BATCH", {"encoding": ...}, "BATCH of stream 's': it has no 'encoding'"),
        ("BATCH", {"encoding": {}}, "encoding: it has no 'format'"),
        ("BATCH", {"manifest": "x"}, "manifest: expected array, got text"),
        ("BATCH", {"manifest": [1]}, "manifest[0]: expected text, got whole number"),
        ("STATE", {"type": "WHAT"}, "a message of type 'WHAT'; the known types are RECORD, SCHEMA, STATE"),
        ("STATE", {"type": ...}, "a message without a type"),
        ("STATE", {"type": 5}, "a message without a type"),
        ("STATE", {"type": "W" * 1_000_000}, "(1000000 characters); the known types are RECORD"),
    ],
)
def test_other_messages_are_checked(kind: str, change: dict[str, Any], told: str) -> None:
    message = {name: value for name, value in {**OTHERS[kind], **change}.items() if value is not ...}
    with pytest.raises(InputError) as caught:
        read_message(json.dumps(message).encode(), PLACE)
    assert told in str(caught.value)
    assert str(caught.value).startswith(PLACE)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"[1]", "(3 bytes) is not a JSON object"),
        (b"7", "(1 bytes) is not a JSON object"),
        (b"secret", "is not JSON"),
        (b'{"type":"STATE","value":NaN}', "is not JSON: invalid character"),
        (b'{"type":"STATE","value":"\xe9"}', "is not UTF-8"),
        (b'{"type":"STATE","value":' + DEEP + b"}", "is nested more than 100 levels deep"),
        (b'{"type":"STATE","value":' + b"[" * 100 + b"]" * 100 + b"}", "is nested more than 100 levels deep"),
        (b'{"type":"STATE","value":1e999}', "STATE: value: number out of range"),
        (b'{"type":"SCHEMA","stream":"s","schema":{"properties":', "is not JSON: it ends too early"),
    ],
)
def test_other_lines_end_the_run_without_being_quoted(text: bytes, told: str) -> None:
    with pytest.raises(InputError) as caught:
        read_message(text, PLACE)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_halves_of_an_emoji_do_not_make_a_line_unreadable() -> None:
    assert record(b'{"type":"RECORD","stream":"s","record":{"a":"\\ud83c"}}').record == {"a": "\ufffd"}
    assert isinstance(read_message(b'{"type":"STATE","value":"\\ud83c"}', PLACE), StateMessage)


LINES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [json.dumps({"type": "RECORD", "stream": "s", "record": {"a": "secret", "b": [1, None]}}).encode()]
        + [json.dumps(message).encode() for message in OTHERS.values()]
    ).flatmap(
        lambda line: st.tuples(st.integers(0, len(line)), st.integers(0, len(line)), st.binary(max_size=3)).map(
            lambda cut: line[: cut[0]] + cut[2] + line[cut[1] :]
        )
    ),
)


@given(LINES)
@example(b'{"type":"RECORD","stream":"s","record":{"a":"secret"}' * 2)
def test_any_line_is_a_message_or_an_error_that_names_its_place(line: bytes) -> None:
    message = told = None
    try:
        message = read_message(line, PLACE)
    except InputError as err:
        told = str(err)
    if isinstance(message, RecordMessage):
        replay = {"type": "RECORD", "stream": "s", "record": msgspec.Raw(message.raw)}
        assert (record(msgspec.json.encode(replay)).fault is None) == (message.fault is None)
        told = message.fault
    assert told is None or told.startswith(PLACE)
    assert "secret" not in (told or "")
