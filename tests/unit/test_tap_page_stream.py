"""Records as bytes and records one by one come out the same; and the SDK is what the fast path was made for."""

from __future__ import annotations

import inspect
import json
import logging
from datetime import datetime, timezone
from importlib import metadata
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.mapper import CustomStreamMap, PluginMapper
from singer_sdk.singerlib.encoding.simple import RecordMessage

from planhat_api import Page
from planhat_api.models.registry import model
from tap_planhat.output.messages import BufferedWriter
from tap_planhat.records import page_stream
from tap_planhat.records.changed_lines import ChangedLineMaker, OutputStream
from tap_planhat.records.conversion import RecordConverter, decode_record
from tap_planhat.records.custom_fields import custom_fields_by_parent, custom_fields_of
from tap_planhat.records.record_lines import LineMaker
from tap_planhat.records.schemas import ORIGINAL, stream_schema
from tap_planhat.sdk_maps import CheckedMap, CheckedMapper

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOW = datetime(2024, 5, 14, 9, 30, tzinfo=timezone.utc)
_COMPANY = model("companies")
_FIELDS = [
    {"parent": "company", "type": kind, "name": f"{kind} \N{ROCKET}"}
    for kind in ("number", "date", "day", "multipicklist", "text")
]
_AWKWARD_FIELDS = [{"parent": "company", "type": "number", "name": name} for name in ('Screen 5"', "a\\b", "tab\there")]
_SCHEMA, _AWKWARD_SCHEMA = (
    stream_schema(_COMPANY, custom_fields_of(_COMPANY, custom_fields_by_parent(fields)))
    for fields in (_FIELDS, [*_FIELDS, *_AWKWARD_FIELDS])
)


def _new_shape(schema: dict[str, Any] = _SCHEMA) -> RecordConverter:
    """A shape that has learned nothing yet."""
    return RecordConverter(schema, custom_days=["day \N{ROCKET}"])


_SHAPE, _AWKWARD_SHAPE = _new_shape(), _new_shape(_AWKWARD_SCHEMA)


def _page(bodies: list[bytes], shape: RecordConverter = _SHAPE) -> Page:
    body = b"[" + b",".join(bodies) + b"]"
    records = msgspec.json.decode(body, type=list[msgspec.Raw])
    ids = shape.conforming_ids(body, records)
    return Page(0, body, records, ids or [None] * len(bodies), len(bodies), conforms=ids is not None)


def _spliced(page: Page, version: int | None = None, shape: RecordConverter = _SHAPE) -> list[Any]:
    lines = b"".join(LineMaker("companies", shape, version).lines(page, _NOW)).decode()
    assert lines.endswith("\n") or not page.raw
    return [json.loads(line, parse_constant=pytest.fail) for line in lines.split("\n")[:-1]]


def _one_by_one(page: Page, version: int | None = None, shape: RecordConverter = _SHAPE) -> list[Any]:
    """What the SDK does with what the stream hands it."""
    writer = BufferedWriter()
    records = (shape.convert(decode_record(bytes(body))) for body in page.raw)
    messages = [RecordMessage("companies", record, version=version, time_extracted=_NOW) for record in records]
    return [json.loads(writer.format_message(message)) for message in messages]


_TEXTS = st.text() | st.sampled_from(["\N{ROCKET}", "\u2028", "\x00", '"\\/\b\f\n\r\t', "퀀", "+46 70+0000", "é" * 50])
_NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
_MOMENTS = st.sampled_from(["2024-05-14", "2024-05-14T00:00:00.000Z", 1715679000000])
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | _NUMBERS
    | _TEXTS
    | st.sampled_from(["2024-05-14", "2024-05-14T00:00:00.000Z", 1715679000000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from([*list(_SCHEMA["properties"])[:60], "unknown", "schön \N{ROCKET}"])
_CUSTOM = st.dictionaries(
    st.sampled_from([field["name"] for field in _FIELDS + _AWKWARD_FIELDS]) | _TEXTS, _VALUES, max_size=4
)
_RECORDS = st.dictionaries(_NAMES, _VALUES, max_size=8) | st.fixed_dictionaries({"custom": _CUSTOM})
_ENCODERS = st.sampled_from(
    [
        lambda record: json.dumps(record).encode(),
        lambda record: json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"),
        lambda record: json.dumps(record, indent=1).encode(),
        lambda record: json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(bodies=st.lists(st.builds(lambda encode, record: encode(record), _ENCODERS, _RECORDS), max_size=5))
@example(bodies=[b'{"mrr": 1e400}', b'{"unknown": {"deep": [1e400, -1E+999]}}'])
@example(bodies=[b'{"mrr": 123456789012345678901234567890, "unknown": 0.1000000000000000055511151231257827}'])
@example(bodies=[b'{"name": "\xff", "unknown": "\xc3("}'])
@example(bodies=[b'{"unknown": ' + b"[" * 200 + b"]" * 200 + b"}"])
@example(bodies=[b'{"name": "a",\r\n "unknown": 1}', b'{"name":\t"b"}'])
@example(bodies=[b'{"a":1,"a":2}'])
@example(bodies=['{"custom":{"day \N{ROCKET}":1715679000000}}'.encode()])
@example(bodies=['{"custom":{"day \N{ROCKET}":19857}}'.encode()])
def test_both_paths_write_the_same(bodies: list[bytes]) -> None:
    page = _page(bodies)
    assert _spliced(page) == _one_by_one(page)
    assert _spliced(page, 7) == _one_by_one(page, 7)


_CHOSEN = frozenset({"_id", "name", "mrr", "custom", "tags", "lastActive", ORIGINAL})


def _map(record: dict[str, Any]) -> dict[str, Any] | None:
    return None if record.get("name") == "" else {**record, "title": record.get("name")}


@settings(max_examples=100, deadline=None)
@given(
    bodies=st.lists(st.builds(lambda encode, record: encode(record), _ENCODERS, _RECORDS), max_size=5),
    fields=st.sampled_from([None, _CHOSEN, _CHOSEN - {ORIGINAL}]),
    maps=st.lists(st.sampled_from([None, _map]), min_size=1, max_size=2),
)
@example(bodies=[b'{"name": "\xff", "unknown": "\xc3("}', b'{"mrr": 1e400}'], fields=_CHOSEN, maps=[None])
@example(bodies=[b'{"custom":{"a":1,"a":2},"mrr":"1"}', b'{"mrr":1,"mrr":2}'], fields=_CHOSEN - {ORIGINAL}, maps=[_map])
def test_records_that_are_changed_are_written_the_same(
    bodies: list[bytes], fields: frozenset[str] | None, maps: list[Any]
) -> None:
    page, writer = _page(bodies), BufferedWriter()
    outputs = [OutputStream(f"companies{place}", change) for place, change in enumerate(maps)]
    maker = ChangedLineMaker(outputs, _SHAPE, 7, fields=fields, deselect=None)
    expected = []
    for body in bodies:
        record = {name: value for name, value in decode_record(body).items() if not fields or name in fields}
        record = {name: value for name, value in _SHAPE.convert(record).items() if not fields or name in fields}
        for output in outputs:
            made = output.transform(record) if output.transform else record
            if made is not None:
                message = RecordMessage(output.name, made, version=7, time_extracted=_NOW)
                expected.append(json.loads(writer.format_message(message)))
    lines = b"".join(maker.lines(page, _NOW)).decode()
    assert [json.loads(line, parse_constant=pytest.fail) for line in lines.split("\n")[:-1]] == expected


@settings(max_examples=100, deadline=None)
@given(bodies=st.lists(st.builds(lambda encode, record: encode(record), _ENCODERS, _RECORDS), max_size=5))
@example(bodies=[b'{"custom":{"Screen 5\\"":"12"}}', b'{"custom":{"a\\u005cb":1}}', b'{"custom":{"other":1}}'])
def test_both_paths_write_the_same_with_names_that_json_escapes(bodies: list[bytes]) -> None:
    page = _page(bodies)
    assert _spliced(page, shape=_AWKWARD_SHAPE) == _one_by_one(page, shape=_AWKWARD_SHAPE)


_KNOWN = b'{"_id":"64c1","name":"a","mrr":1,"shareable":{},"tags":["x"],"custom":{"number \xf0\x9f\x9a\x80":1}}'
_BAD_TEXTS = (
    b'{"name":"\xff"}',
    b'{"name":"\xed\xa0\x80"}',
    b'{"_id":"64c1","tags":["\xc3("]}',
    b'{"shareable":{"a":"\xff"}}',
    b'{"shareable":{"\xff":1}}',
    b'{"shareable":{"a":["\xff",1e400]}}',
    b'{"custom":{"number \xf0\x9f\x9a\x80":"\xff"}}',
    b'{"custom":{"\xff":1}}',
    b'{"custom":{"new":"\xff"}}',
    b'{"lastActive":"\xff"}',
    b'{"\xff":1}',
    b'{"name":"a","name":"\xff"}',
    b'{"name":"\xff","name":"a"}',
)


@pytest.mark.parametrize("bad", _BAD_TEXTS)
@pytest.mark.parametrize("known", [_KNOWN, *_BAD_TEXTS[:1], b'{"unknown":{}}'])
def test_what_was_learned_from_one_page_lets_no_bad_text_pass_on_the_next(known: bytes, bad: bytes) -> None:
    shape = _new_shape()
    maker = LineMaker("companies", shape, None)
    for bodies in ([known], [known, bad], [known], [bad], [_KNOWN, known]):
        page = _page(bodies, shape)
        lines = b"".join(maker.lines(page, _NOW)).decode().split("\n")[:-1]
        assert [json.loads(line) for line in lines] == _one_by_one(page)


@settings(max_examples=60, deadline=None)
@given(pages=st.lists(st.lists(st.builds(lambda encode, record: encode(record), _ENCODERS, _RECORDS), max_size=3)))
def test_both_paths_write_the_same_whatever_was_learned_before(pages: list[list[bytes]]) -> None:
    shape = _new_shape()
    maker = LineMaker("companies", shape, None)
    for bodies in ([_KNOWN], *pages):
        page = _page(bodies, shape)
        lines = b"".join(maker.lines(page, _NOW)).decode().split("\n")[:-1]
        assert [json.loads(line) for line in lines] == _one_by_one(page)


@pytest.mark.parametrize("unknown", [b"", b',"new":{"deep":[1,"\xf0\x9f\x9a\x80"]}'])
def test_records_like_those_before_are_recognised_with_their_ids(unknown: bytes) -> None:
    shape = _new_shape()
    maker = LineMaker("companies", shape, None)
    bodies = [b'{"_id":"64c%d","name":"a","mrr":1.50%s}' % (number, unknown) for number in range(3)]
    first = _page(bodies, shape)
    assert not first.conforms
    assert list(maker.lines(first, _NOW))
    second = _page(bodies, shape)
    assert second.conforms
    assert second.ids == ["64c0", "64c1", "64c2"]
    lines = b"".join(maker.lines(second, _NOW)).splitlines()
    assert [body in line for body, line in zip(bodies, lines, strict=True)] == [True] * 3


@pytest.mark.parametrize("odd", [b'{"name":"a"}', b'{"_id":null,"name":"a"}', b'{"_id":7,"name":"a"}', b"{}"])
def test_a_record_without_an_id_that_is_text_is_left_to_the_client(odd: bytes) -> None:
    shape = _new_shape()
    known = b'{"_id":"64c1","name":"a"}'
    for _ in range(3):
        list(LineMaker("companies", shape, None).lines(_page([known, odd], shape), _NOW))
        list(LineMaker("companies", shape, None).lines(_page([known], shape), _NOW))
    assert _page([known], shape).conforms
    assert not _page([known, odd], shape).conforms


def test_a_record_that_fits_leaves_byte_for_byte() -> None:
    body = b'{"_id":"64c1","unknown":1.50,"custom":{"x":"\xf0\x9f\x9a\x80"}}'
    lines = b"".join(LineMaker("companies", _SHAPE, None).lines(_page([body]), _NOW))
    assert body in lines


def test_the_installed_sdk_is_the_one_the_fast_path_was_made_for() -> None:
    page_stream.sdk_is_supported.cache_clear()
    assert page_stream.sdk_is_supported()


@pytest.fixture
def _fresh() -> Iterator[None]:
    page_stream.sdk_is_supported.cache_clear()
    yield
    page_stream.sdk_is_supported.cache_clear()


@pytest.mark.usefixtures("_fresh")
def test_another_sdk_is_noticed_and_told_of(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(metadata, "version", lambda _: "0.60.1")
    assert not page_stream.sdk_is_supported()
    assert "singer-sdk 0.60.1" in caplog.text


@pytest.mark.usefixtures("_fresh")
def test_a_missing_hook_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_stream, "_NEEDED", ("_no_such_hook",))
    assert not page_stream.sdk_is_supported()


def test_stream_maps_are_made_and_evaluated_as_expected() -> None:
    for ours, theirs in (
        (CheckedMap._eval, CustomStreamMap._eval),
        (CheckedMapper.register_raw_streams_from_catalog, PluginMapper.register_raw_streams_from_catalog),
    ):
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    assert list(inspect.signature(get_selected_schema).parameters) == ["stream_name", "schema", "mask"]
