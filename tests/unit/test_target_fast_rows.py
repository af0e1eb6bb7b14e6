"""Rows built from bytes are the rows the general path builds, or are left to it."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from planhat_api.models.registry import model
from planhat_api.values.invalid import InvalidValueError
from target_planhat.rows.builder import RefusedRowError, RowBuilder, StreamPlan
from target_planhat.rows.column_planning import plan_columns
from target_planhat.rows.fast.fast_rows import FastRows
from target_planhat.rows.keys import key_rule
from target_planhat.rows.loader_columns import DeletionMarks
from target_planhat.rows.mapping import FieldResolver
from target_planhat.rows.values import (
    BOOLEAN,
    COMPANY,
    DATE_TIME,
    EPOCH_DAY,
    ID_TEXT,
    NUMBER,
    PLANHAT_ID,
    REFERENCE,
    TEXT,
    array_of,
)
from target_planhat.settings import StreamSettings
from target_planhat.tenant.custom_fields import NamesOfModel

if TYPE_CHECKING:
    from planhat_api import Row
    from planhat_api.values.field_type import FieldType

HEX = "64c1f0aa9b2d3e4f5a6b7c8d"
TOLD: list[str] = []
CUSTOM = NamesOfModel(
    {
        "Health Score": NUMBER,
        "Go-live 🎉": EPOCH_DAY,
        "Since": DATE_TIME,
        "Happy": BOOLEAN,
        "Langs": array_of(TEXT),
        "Owner": REFERENCE,
        "Bemerkung": TEXT,
    },
    frozenset({"Growth"}),
)


def typed(*names: str, **more: Any) -> dict[str, Any]:
    return {"type": [*names], **more}


STRING, NULL_STRING = typed("string"), typed("string", "null")
PLANHAT_SHAPED = {
    "_id": NULL_STRING,
    "externalId": NULL_STRING,
    "name": NULL_STRING,
    "hProfile": NULL_STRING,
    "mr": typed("number", "null"),
    "tags": typed("array", "null", items=NULL_STRING),
    "licenses": typed("array", "null", items=typed("object", "null", additionalProperties=True)),
    "renewalDate": typed("string", "null", format="date-time"),
    "usage": typed("object", "null", additionalProperties=True),
    "autoRenews": typed("boolean", "null"),
    "custom": typed(
        "object",
        "null",
        properties={
            "Health Score": typed("number", "null"),
            "Go-live 🎉": typed("number", "null"),
            "Since": typed("string", "null", format="date-time"),
            "Happy": typed("boolean", "null"),
            "Langs": typed("array", "null", items=NULL_STRING),
            "Growth": typed("number", "null"),
        },
        additionalProperties=True,
    ),
    "_planhat_original": typed("object", "null", additionalProperties=True),
}
WAREHOUSE_SHAPED = {
    "external_id": typed("integer"),
    "name": STRING,
    "mr": NULL_STRING,
    "phase": NULL_STRING,
    "renewal_date": typed("string", "null", format="date-time"),
    "domains": NULL_STRING,
    "custom__health_score": typed("number", "null"),
    "custom__since": NULL_STRING,
    "custom__growth": typed("number", "null"),
    "anything": {},
    "_sdc_deleted_at": NULL_STRING,
}
BLOCK = {"columns": {"anything": "description"}, "constants": {"custom.Bemerkung": "x", "status": "y"}}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], list[str]]] = {
    "planhat": ("companies", PLANHAT_SHAPED, {}, []),
    "planhat by key": ("companies", PLANHAT_SHAPED, {"key": "externalId"}, ["_id"]),
    "warehouse": ("companies", WAREHOUSE_SHAPED, BLOCK, ["external_id"]),
    "open custom": ("companies", {"externalId": STRING, "custom": typed("object", "null")}, {}, []),
    "children": (
        "endusers",
        {
            "email": NULL_STRING,
            "external_id": typed("integer", "null"),
            "company_external_id": typed("integer", "null"),
        },
        {},
        [],
    ),
    "company twice": (
        "endusers",
        {"externalId": NULL_STRING, "companyId": NULL_STRING, "companyExternalId": {}},
        {},
        [],
    ),
    "loaders": (
        "companies",
        {
            "external_id": STRING,
            "gone": {},
            "_FIVETRAN_DELETED": typed("boolean", "null"),
            "_dlt_id": NULL_STRING,
        },
        {"deleted_column": "GONE"},
        [],
    ),
    "passed on": (
        "companies",
        {"externalId": STRING, "any": {}, "text": NULL_STRING, "needed": {}},
        {"unknown_columns": "send"},
        ["externalId", "needed"],
    ),
    "nulls sent": ("companies", PLANHAT_SHAPED, {"nulls": "clear"}, []),
    "nulls of one field sent": ("companies", WAREHOUSE_SHAPED, {**BLOCK, "nulls": ("custom.Since",)}, ["external_id"]),
    "checked": (
        "companies",
        {
            "externalId": typed("string", pattern="^[0-9A-Z]+$"),
            "name": typed("string", "null", maxLength=4),
            "mr": typed("number", "null", minimum=0),
            "phase": {"enum": ["a", "b", None]},
            "status": {"anyOf": [typed("string", enum=["x"]), typed("null")]},
            "tags": typed("array", items=typed("string", minLength=1), maxItems=2),
            "usage": typed("object", properties={"a": typed("integer")}, required=["a"]),
            "licenses": typed("array", items=typed("object", properties={"a": typed("string")})),
            "autoRenews": {"oneOf": [typed("boolean"), typed("null")]},
            "custom": typed(
                "object", properties={"Bemerkung": typed("string", pattern="^x")}, additionalProperties=typed("string")
            ),
        },
        {},
        ["externalId"],
    ),
    "custom of one type": (
        "companies",
        {"externalId": STRING, "custom": typed("object", additionalProperties=typed("string"))},
        {},
        [],
    ),
    "whole record": (
        "companies",
        {"externalId": {"$ref": "#/$defs/code"}, "name": STRING, "phase": STRING, "mr": {}},
        {},
        ["externalId"],
    ),
    "null alone": (
        "companies",
        {
            "externalId": STRING,
            "name": typed("null"),
            "mr": typed("null"),
            "tags": typed("null"),
            "usage": {"anyOf": [typed("null")]},
            "custom": typed("object", properties={"Bemerkung": typed("null")}),
        },
        {},
        [],
    ),
    "true and false": ("companies", {"externalId": STRING, "tags": True, "domains": False}, {}, []),
    "arrays by choice": (
        "companies",
        {"externalId": STRING, "tags": {"anyOf": [typed("array", items=typed("integer")), typed("null")]}},
        {},
        [],
    ),
    "custom by choice": (
        "companies",
        {
            "externalId": STRING,
            "custom": {"anyOf": [typed("object", properties={"Health Score": STRING}), typed("null")]},
        },
        {},
        [],
    ),
    "custom as text": ("companies", {"externalId": STRING, "custom": STRING}, {}, []),
    "other column": ("companies", {"externalId": STRING, "mr": {"$ref": "#/properties/externalId"}}, {}, []),
    "itself": ("companies", {"externalId": STRING, "usage": {"$ref": "#"}}, {}, ["externalId"]),
    "no object": ("companies", {"externalId": STRING}, {}, []),
    "older draft": ("companies", {"externalId": STRING, "phase": True, "name": typed("string", const="A")}, {}, []),
    "keyless": ("companies", {"name": NULL_STRING, "phase": NULL_STRING}, {"insert_without_key": True}, []),
}

MORE: dict[str, dict[str, Any]] = {
    "whole record": {
        "$defs": {"code": {"pattern": "^[0-9]+$"}},
        "dependentRequired": {"name": ["phase"]},
        "anyOf": [{"required": ["name"]}, {"required": ["mr"]}],
    },
    "no object": {"type": "string"},
    # In this draft `true` is no schema, so the schema is read by the newest one, which knows `const`.
    "older draft": {"$schema": "http://json-schema.org/draft-04/schema#"},
}
"""What the schemas of some cases say beside columns."""


@cache
def both(case: str) -> tuple[FastRows, RowBuilder, Any]:
    name, columns, block, keys = CASES[case]
    chosen = StreamSettings(**block)
    schema = {"type": "object", "properties": columns, "required": keys, **MORE.get(case, {})}
    plan = plan_columns("s", schema, model(name), CUSTOM, chosen)
    resolver = FieldResolver(model(name), CUSTOM, chosen)
    marks = DeletionMarks(plan.deleted_column, uses_deletion_time=True, known=chosen.columns, log=TOLD.append)
    stream = StreamPlan(model(name), plan, key_rule("s", model(name), plan, chosen), resolver, chosen, marks)
    validator = validator_for(schema)(schema)
    return FastRows(stream, schema, "s", keys), RowBuilder(stream, lambda *_told: None), validator


def general(case: str, record: dict[str, Any]) -> tuple[Row, tuple[str, ...] | None] | None:
    _, builder, validator = both(case)
    if not validator.is_valid(record):
        return None
    try:
        return builder.build(record)
    except RefusedRowError:
        return None


def fast(case: str, record: dict[str, Any]) -> tuple[Row, tuple[str, ...] | None] | None:
    items = both(case)[0].build([message(record)])
    return (items[0], items[0].match) if items else None


def message(record: object, **more: Any) -> bytes:
    return json.dumps({"type": "RECORD", "stream": "s", "record": record, **more}, ensure_ascii=False).encode() + b"\n"


def agree(case: str, record: dict[str, Any]) -> bool:
    """Whether the fast path took the record; if so, with the same result."""
    quick = fast(case, record)
    if quick is None:
        return False
    slow = general(case, json.loads(json.dumps(record)))
    assert slow is not None, "the general path refuses what the fast path sends"
    assert msgspec.json.decode(quick[0].body) == msgspec.json.decode(slow[0].body)
    assert (dict(quick[0].keys), quick[1]) == (dict(slow[0].keys), slow[1])
    return True


USUAL: list[tuple[str, dict[str, Any]]] = [
    (
        "planhat",
        {"_id": HEX, "externalId": "7", "name": "Ä 🎉", "mr": 1.5, "hProfile": None, "autoRenews": None},
    ),
    ("planhat", {"_id": HEX, "custom": {"Health Score": 1, "Growth": 2, "Happy": None, "Langs": ["a"]}}),
    ("planhat", {"_id": HEX, "custom": {"Health Score": None}, "tags": [], "licenses": [{"a": {"b": [1]}}]}),
    ("planhat", {"_id": HEX, "custom": None, "renewalDate": "2024-02-29T00:00:00+02:00"}),
    ("planhat by key", {"_id": HEX, "externalId": "7"}),
    ("warehouse", {"external_id": 7, "name": "A", "mr": "12.50", "phase": None, "custom__since": "2024-05-14"}),
    ("warehouse", {"external_id": 7, "name": "A", "domains": '["a.b", "c"]', "custom__growth": 1, "anything": "x"}),
    ("open custom", {"externalId": "7", "custom": {"Since": "2024-05-14", "Owner": HEX}}),
    ("children", {"email": "a@b.c", "external_id": 7, "company_external_id": 8}),
    ("children", {"email": "a@b.c", "external_id": None}),
    ("company twice", {"externalId": "7", "companyId": HEX, "companyExternalId": "8"}),
    ("company twice", {"externalId": "7", "companyId": HEX}),
    ("passed on", {"externalId": "7", "needed": 1, "any": None, "text": None}),
    ("passed on", {"externalId": "7", "needed": {"a": None}, "any": [1], "text": "x"}),
    ("loaders", {"external_id": "7", "_dlt_id": "x", "_FIVETRAN_DELETED": False, "gone": " No "}),
    ("loaders", {"external_id": "7", "_FIVETRAN_DELETED": True, "gone": None}),
    ("warehouse", {"external_id": 7, "name": "A", "_sdc_deleted_at": ""}),
    ("nulls sent", {"_id": HEX, "name": "A", "mr": 1.5, "custom": {"Health Score": 1}, "_planhat_original": None}),
    ("nulls of one field sent", {"external_id": 7, "name": "A", "mr": "12.50", "_sdc_deleted_at": None}),
    ("checked", {"externalId": "7", "name": "A", "mr": 0, "phase": "a", "status": "x", "tags": ["a"]}),
    ("checked", {"externalId": "7", "usage": {"a": 1}, "licenses": [{"a": "b"}], "custom": {"Bemerkung": "x"}}),
    ("checked", {"externalId": "7", "name": None, "mr": None, "phase": None, "status": None, "autoRenews": None}),
    ("custom of one type", {"externalId": "7", "custom": {"Since": "2024-05-14"}}),
    ("whole record", {"externalId": "7", "name": "A", "phase": "x"}),
    ("whole record", {"externalId": "7", "mr": 1}),
    ("null alone", {"externalId": "7", "name": None, "mr": None, "tags": None, "usage": None}),
    ("true and false", {"externalId": "7", "tags": ["a"]}),
    ("arrays by choice", {"externalId": "7", "tags": None}),
    ("custom by choice", {"externalId": "7", "custom": None}),
    ("itself", {"externalId": "7", "usage": {"externalId": "8"}}),
    ("older draft", {"externalId": "7", "name": "A"}),
]


@pytest.mark.parametrize(("case", "record"), USUAL)
def test_usual_records_take_the_fast_path(case: str, record: dict[str, Any]) -> None:
    assert agree(case, record)


@pytest.mark.parametrize(
    ("case", "record"),
    [
        ("planhat", {"_id": HEX, "unknown": 1}),
        ("planhat", {"_id": HEX, "custom": {"Unknown": 1}}),
        ("planhat", {"_id": "nope"}),
        ("planhat", {"_id": HEX, "mr": "1"}),
        ("planhat", {"_id": HEX, "tags": [None]}),
        ("planhat", {"name": "no key"}),
        ("planhat by key", {"externalId": "7"}),
        ("warehouse", {"external_id": 7, "name": None}),
        ("warehouse", {"external_id": 7, "name": "A", "_sdc_deleted_at": "2024-05-14"}),
        ("loaders", {"external_id": "7", "gone": True}),
        ("loaders", {"external_id": "7", "gone": "2024-05-14"}),
        ("warehouse", {"external_id": 7, "name": "A", "mr": "lots"}),
        ("warehouse", {"external_id": True, "name": "A"}),
        ("nulls sent", {"_id": HEX, "name": None}),
        ("nulls sent", {"_id": HEX, "custom": {"Health Score": None}}),
        ("nulls of one field sent", {"external_id": 7, "name": "A", "mr": " "}),
        ("keyless", {"name": "A"}),
        ("checked", {"externalId": "a"}),
        ("checked", {"externalId": "7", "name": "AAAAA"}),
        ("checked", {"externalId": "7", "mr": -1}),
        ("checked", {"externalId": "7", "phase": "c"}),
        ("checked", {"externalId": "7", "status": "y"}),
        ("checked", {"externalId": "7", "tags": ["a", "b", "c"]}),
        ("checked", {"externalId": "7", "tags": [""]}),
        ("checked", {"externalId": "7", "usage": {}}),
        ("checked", {"externalId": "7", "usage": {"a": "1"}}),
        ("checked", {"externalId": "7", "licenses": [{"a": 1}]}),
        ("checked", {"externalId": "7", "custom": {"Bemerkung": "y"}}),
        ("custom of one type", {"externalId": "7", "custom": {"Health Score": 1}}),
        ("whole record", {"externalId": "7"}),
        ("whole record", {"externalId": "x", "mr": 1}),
        ("whole record", {"externalId": "7", "name": "A"}),
        ("passed on", {"externalId": "7", "needed": None}),
        ("null alone", {"externalId": "7", "name": "A"}),
        ("null alone", {"externalId": "7", "mr": 1}),
        ("null alone", {"externalId": "7", "tags": []}),
        ("null alone", {"externalId": "7", "usage": {}}),
        ("null alone", {"externalId": "7", "custom": {"Bemerkung": "x"}}),
        ("true and false", {"externalId": "7", "domains": ["a"]}),
        ("arrays by choice", {"externalId": "7", "tags": ["a"]}),
        ("custom by choice", {"externalId": "7", "custom": {"Health Score": 1}}),
        ("custom as text", {"externalId": "7", "custom": {"Health Score": 1}}),
        ("other column", {"externalId": "7", "mr": 1}),
        ("itself", {"externalId": "7", "usage": {"a": 1}}),
        ("no object", {"externalId": "7"}),
        ("older draft", {"externalId": "7", "name": "B"}),
        ("company twice", {"externalId": "7", "companyId": None, "companyExternalId": "8"}),
        ("company twice", {"externalId": "7", "companyId": HEX, "companyExternalId": {"a": 1}}),
    ],
)
def test_odd_records_are_left_to_the_general_path(case: str, record: dict[str, Any]) -> None:
    assert fast(case, record) is None


def test_a_mark_that_nobody_asked_for_is_told_of_once() -> None:
    both.cache_clear()
    TOLD.clear()
    lines = [message({"external_id": str(number), "_FIVETRAN_DELETED": number > 1}) for number in range(4)]
    for _ in range(2):
        assert len(both("loaders")[0].build(lines)) == 4
    assert TOLD == ["_FIVETRAN_DELETED"]


def test_rows_that_need_the_general_path_are_not_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many of them among others must not cost as many looks ahead."""
    looked: list[bytes] = []
    rows = both("loaders")[0]
    decode = rows._usual._decode

    def noted(line: bytes) -> Any:
        looked.append(line)
        return decode(line)

    monkeypatch.setattr(rows._usual, "_decode", noted)
    lines = [message({"external_id": str(number), "gone": number % 5 == 0}) for number in range(2_000)]
    place = 0
    while place < len(lines):
        place += len(rows.build(lines, place)) or 1
    assert len(looked) < 5 * len(lines)


def test_other_messages_are_left_to_the_general_path() -> None:
    good = message({"externalId": "A"})
    stamped = message({"externalId": "A"}, time_extracted="2024-05-14T00:00:00Z", version=1)
    others = [
        message({"externalId": "A"}, planhat_rejection={"attempt": 1}),
        message({"externalId": "A"}, stream="t"),
        message(None),
        b'{"type": "STATE", "value": {}}',
        b"not json",
        b"",
    ]
    build = both("open custom")[0].build
    for other in others:
        items = build([b"passed over", good, stamped, other, good], 1)
        assert [item.raw for item in items] == [b'{"externalId": "A"}'] * 2


LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(
        [HEX, "extid-7", "2024-05-14", "2024-05-14T09:30:00.000Z", "19857", "12.5", '["a"]', " x ", "", "t"]
    )
)


def values_of_levels(number: int) -> st.SearchStrategy[Any]:
    """Values with so many levels of lists and objects; ``st.recursive`` takes twice the time to draw from."""
    values: st.SearchStrategy[Any] = LEAF
    for _ in range(number):
        values = LEAF | st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3)
    return values


VALUE = values_of_levels(3)


@st.composite
def records(
    draw: st.DrawFn,
    begun: st.SearchStrategy[dict[str, Any]],
    names: st.SearchStrategy[list[str]],
    custom: st.SearchStrategy[Any],
) -> dict[str, Any]:
    return {**draw(begun), **{name: draw(custom if name == "custom" else VALUE) for name in draw(names)}}


@cache
def generated(case: str) -> st.SearchStrategy[dict[str, Any]]:
    """Records of a case: with any columns, or usual ones in which up to two columns changed.

    Strategies are made once: Hypothesis looks at each new one before it draws.
    """
    names = st.sampled_from([*CASES[case][1], "undeclared"])
    customs = st.sampled_from([*(CUSTOM.types or ()), *CUSTOM.formulas, "Unknown"])
    custom = st.none() | st.dictionaries(customs, VALUE, max_size=4)
    return records(st.just({}), st.lists(names, unique=True), custom) | records(
        usual(case), st.lists(names, max_size=2), custom
    )


@cache
def usual(case: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from([record for name, record in USUAL if name == case] or [{}])


@cache
def usual_or_generated(case: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(usual(case) | generated(case), max_size=6)


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_both_paths_agree(case: str, data: st.DataObject) -> None:
    agree(case, data.draw(generated(case)))


@pytest.mark.parametrize("kind", [ID_TEXT, PLANHAT_ID, REFERENCE, COMPANY, DATE_TIME])
@given(
    texts=st.lists(
        st.text()
        | st.sampled_from(
            ["", "~", " x", HEX, HEX + HEX, HEX[:12], "2024-02-29T00:00:00.000Z", "2024-05-31T00:00:00.000Z"]
        ),
        max_size=4,
    )
)
def test_many_values_stay_only_if_each_does(kind: FieldType, texts: list[str]) -> None:
    def stays(text: str) -> bool:
        try:
            return bool(kind.convert(text) == text)
        except InvalidValueError:
            return False

    if kind.keeps_all(texts):
        assert all(map(stays, texts))
    assert all(stays(text) for text in texts if kind.keeps(text))


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_many_messages_give_what_each_gives(case: str, data: st.DataObject) -> None:
    lines = [message(record) for record in data.draw(usual_or_generated(case))]
    build = both(case)[0].build
    place = 0
    while place < len(lines):
        items = build(lines, place)
        for item, line in zip(items, lines[place:], strict=False):
            (alone,) = build([line])
            # A record that needs no change goes as it came, or is encoded anew with those around it.
            assert (msgspec.json.decode(item.body), item.keys, item.match, item.raw) == (
                msgspec.json.decode(alone.body),
                alone.keys,
                alone.match,
                alone.raw,
            )
        if not items:
            assert build([lines[place]]) == []
        place += len(items) or 1
