"""Records get the announced shape, and the quick check agrees with the conversion."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planhat_api.models.registry import model
from tap_planhat.records.conversion import RecordConverter, decode_record, is_plain
from tap_planhat.records.custom_fields import custom_fields_by_parent, custom_fields_of
from tap_planhat.records.schemas import ORIGINAL, stream_schema

_DEFINITIONS = [
    {"parent": "company", "type": kind, "name": f"A {kind} \N{ROCKET}"}
    for kind in (
        *("number", "text", "rich text", "checkbox", "day", "date", "list", "multipicklist", "team member"),
        *("team members", "enduser", "endusers", "rating", "phone", "email", "url"),
    )
]
_COMPANY = model("companies")
_SCHEMA = stream_schema(_COMPANY, custom_fields_of(_COMPANY, custom_fields_by_parent(_DEFINITIONS)))
_SHAPE = RecordConverter(_SCHEMA)
_VALID = jsonschema.Draft202012Validator(_SCHEMA, format_checker=jsonschema.FormatChecker())


_NUMBERS = msgspec.json.Encoder(decimal_format="number")


def _fits(record: object, shape: RecordConverter = _SHAPE) -> bool:
    """What decides in the fast path."""
    body = json.dumps(record).encode()
    return is_plain(body) and shape.fields_conform((msgspec.Raw(body),))


def test_a_record_of_the_announced_types_is_handed_back_as_it_is() -> None:
    record = {
        "_id": "64c1",
        "name": "Acme",
        "mrr": 12,
        "createDate": "2024-05-14T09:30:00.000Z",
        "owner": None,
        "new": [1],
    }
    assert _fits(record)
    assert _SHAPE.convert(record) is record


def test_what_was_converted_stays_reachable() -> None:
    owner = {"_id": "64c2", "nickName": "Kim"}
    record = {
        "_id": "64c1",
        "owner": owner,
        "nextTouch": 1715679000000,
        "custom": {"A number \N{ROCKET}": "undefined", "A text \N{ROCKET}": "x", "Undefined": 1},
    }
    assert not _fits(record)
    assert _SHAPE.convert(record) == {
        "_id": "64c1",
        "owner": "64c2",
        "nextTouch": "2024-05-14T09:30:00.000Z",
        "custom": {"A number \N{ROCKET}": None, "A text \N{ROCKET}": "x", "Undefined": 1},
        ORIGINAL: {"owner": owner, "nextTouch": 1715679000000, "custom": {"A number \N{ROCKET}": "undefined"}},
    }


@pytest.mark.parametrize("value", ["2024-05-14", 1715679000000, "2024-05-14T23:30:00-02:00", "19857"])
def test_what_tells_a_day_is_counted_in_fields_of_epoch_days(value: object) -> None:
    shape = RecordConverter(stream_schema(model("invoices")), epoch_days=["dueDate"])
    assert not _fits({"dueDate": value}, shape)
    assert shape.convert({"dueDate": value}) == {"dueDate": 19857, ORIGINAL: {"dueDate": value}}
    custom = RecordConverter(_SCHEMA, custom_days=["A day \N{ROCKET}"])
    record = {"custom": {"A day \N{ROCKET}": value}}
    assert not _fits(record, custom)
    assert custom.convert(record)["custom"] == {"A day \N{ROCKET}": 19857}


def test_a_number_that_is_no_day_is_not_passed_on_as_one() -> None:
    shape = RecordConverter(stream_schema(model("invoices")), epoch_days=["dueDate"])
    seconds = {"dueDate": 1715679000}
    assert not _fits(seconds, shape)
    assert shape.convert(seconds) == {"dueDate": None, ORIGINAL: seconds}
    assert _fits({"dueDate": 19857}, shape)
    assert _fits({"dueDate": 19857.5}, shape)


def test_secrets_are_taken_out_and_never_count_as_fitting() -> None:
    users = model("users")
    shape = RecordConverter(stream_schema(users), secret=users.secret)
    assert "apiTokens" in users.secret
    assert "apiTokens" not in stream_schema(users)["properties"]
    assert not _fits({"_id": "64c1", "apiTokens": ["t"]}, shape)
    assert shape.convert({"_id": "64c1", "apiTokens": ["t"]}) == {"_id": "64c1"}


def test_an_offset_without_colon_is_seen_anywhere_in_a_page() -> None:
    row = {"_id": "64c1", "phone": "+46 70 1", "custom": {"A date \N{ROCKET}": "2024-05-14T00:00:00.000+0000"}}
    assert not is_plain(json.dumps([{"_id": "64c0", "phone": "+1234567890"}, row]).encode())
    assert is_plain(json.dumps([{"_id": "64c0", "phone": "+1234567890"}]).encode())
    assert _SHAPE.convert(row)["custom"]["A date \N{ROCKET}"] == "2024-05-14T00:00:00.000Z"


@pytest.mark.parametrize(
    ("body", "record"),
    [
        (b'{"a": 1e400}', {"a": math.inf}),
        (b'{"a": "x\xffy"}', {"a": "x\N{REPLACEMENT CHARACTER}y"}),
        (b'{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
    ],
    ids=["beyond a double", "no UTF-8", "large integer"],
)
def test_what_strict_decoders_refuse_is_read_all_the_same(body: bytes, record: dict[str, Any]) -> None:
    decoded = decode_record(body)
    assert json.loads(_NUMBERS.encode(decoded)) == record


_NAMES = [*_SCHEMA["properties"], "unknown"]
_MOMENTS = st.datetimes().map(lambda moment: moment.isoformat() + "Z") | st.datetimes().map(str) | st.dates().map(str)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | _MOMENTS
    | st.sampled_from(["undefined", "", "12", "64c1f0aa9b2d3e4f5a6b7c8d", "2024-05-14T00:00:00.000+0000"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["_id", "id", "code", "x"]) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
_CUSTOM = st.dictionaries(st.sampled_from([field["name"] for field in _DEFINITIONS]) | st.text(max_size=3), _VALUES)
_RECORDS = st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=6).flatmap(
    lambda record: (_CUSTOM | _VALUES).map(lambda custom: {**record, "custom": custom})
)


@settings(max_examples=150, deadline=None)
@given(record=_RECORDS)
def test_every_record_validates_after_conversion_and_converts_once(record: dict[str, Any]) -> None:
    record.pop(ORIGINAL, None)
    shaped = _SHAPE.convert(record)
    _VALID.validate(shaped)
    assert _SHAPE.convert(shaped) is shaped


@settings(max_examples=150, deadline=None)
@given(record=_RECORDS)
def test_a_record_that_fits_needs_no_conversion(record: dict[str, Any]) -> None:
    record.pop(ORIGINAL, None)
    if _fits(record):
        assert _SHAPE.convert(record) is record


@settings(max_examples=100, deadline=None)
@given(record=_RECORDS)
def test_a_converted_record_fits(record: dict[str, Any]) -> None:
    record.pop(ORIGINAL, None)
    assume("+0000" not in str(record))
    assert _fits(_SHAPE.convert(record))
