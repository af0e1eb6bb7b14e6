"""What the quick comparison calls equal is equal for the whole comparison too."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api.destination.comparison import Comparison
from planhat_api.models.registry import Model, all_models, model

MODELS = [found.file for found in all_models().values() if "bulk_upsert" in found.operations]
TYPES = {
    "Seats": "number",
    "Live": "checkbox",
    "Day": "day",
    "Date": "date",
    "Note": "text",
    "Story": "rich text",
    "Picks": "multipicklist",
    "CSM": "team member",
    "Team": "team members",
    "Odd": "a type of tomorrow",
}
NINE = "2024-05-14T09:30:00.000Z"
TEXTS = st.sampled_from(["", "a", "A", "a\nb", "é", "77", NINE, "2024-05-14T09:30:00.000+0000", "true", "null", "\r"])
NUMBERS = st.sampled_from([0, 1, -1, 1.0, 0.1, 77, 2**53 + 1, 2**63, 2**70, 1e300, -0.0, 1715679000000])
SCALARS = TEXTS | NUMBERS | st.booleans() | st.none()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["_id", "id", "a"]), inner, max_size=2),
    max_leaves=4,
)
FORMS: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "number": NUMBERS,
    "boolean": st.booleans(),
    "date-time": st.just(NINE),
    "epoch-day": st.integers(0, 30_000),
    "array": st.lists(st.sampled_from("ab"), max_size=2),
    "object": st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2),
}


def value_of(found: Model, name: str) -> st.SearchStrategy[Any]:
    if name == "custom":
        typical = st.fixed_dictionaries({}, optional=dict.fromkeys([*TYPES, "No such field"], SCALARS | ANYTHING))
        return typical | st.none() | ANYTHING
    schema = found.properties[name]
    return st.one_of(FORMS[schema.get("format") or schema["type"]], st.none(), ANYTHING)


def like(value: Any) -> list[Any]:
    """Values that are nearly this one."""
    near: list[Any] = [copy.deepcopy(value)] * 4
    if isinstance(value, (bool, int)):
        near += [float(value), bool(value), int(value)]
    elif isinstance(value, list):
        near += [value[::-1], [*value, "a"]]
    elif isinstance(value, dict):
        near += [
            dict(reversed(value.items())),
            {**value, "a": 1},
            {**value, "Picks": ["B", "A"]},
        ]
    elif isinstance(value, str):
        near += [f"{value}\n", value.upper()]
    return [*near, None, ""]


@given(data=st.data())
@settings(max_examples=400)
def test_what_is_equal_quickly_has_no_difference(data: st.DataObject) -> None:
    found = model(data.draw(st.sampled_from(MODELS)))
    comparison = Comparison(found, data.draw(st.sampled_from([TYPES, None])), lambda company: company)
    usable = [name for name in found.properties if name == "custom" or comparison.quick([name]) is not None]
    names = data.draw(st.lists(st.sampled_from(usable), min_size=1, max_size=5, unique=True))
    quick = comparison.quick(names)
    assert quick is not None
    held = {name: data.draw(value_of(found, name)) for name in names}
    sent = {name: data.draw(st.sampled_from(like(value))) for name, value in held.items()}
    for row in (held, sent):
        for name in data.draw(st.sets(st.sampled_from(names), max_size=1)):
            del row[name]
    held["more"] = 1
    shown, body = (json.dumps(held, indent=data.draw(st.sampled_from([None, 1]))).encode(), msgspec.json.encode(sent))
    if quick.is_equal(shown, body):
        differences = comparison.differences(msgspec.json.decode(shown), msgspec.json.decode(body))
        assert {each.field for each in differences} <= {found.company}


ENDUSER: dict[str, Any] = {
    "email": "a@x.y",
    "externalId": "77",
    "firstName": "Ann",
    "companyId": "1" * 24,
    "primary": True,
    "tags": ["a", "b"],
    "otherEmails": [],
    "custom": {"Seats": 5, "Date": NINE, "Picks": ["A", "B"], "Team": ["2" * 24], "Note": None, "Story": "<p>a</p>"},
}


def is_equal(held: dict[str, Any], sent: dict[str, Any]) -> bool:
    quick = Comparison(model("endusers"), TYPES, lambda company: company).quick(ENDUSER)
    assert quick is not None
    return quick.is_equal(msgspec.json.encode(held), msgspec.json.encode(sent))


def test_usual_rows_are_recognised() -> None:
    assert is_equal(ENDUSER, ENDUSER)
    assert is_equal({**ENDUSER, "_id": "3" * 24, "beats": 5, "updatedAt": NINE}, ENDUSER)
    assert is_equal(dict(reversed(ENDUSER.items())), ENDUSER)


@pytest.mark.parametrize("name", ENDUSER)
def test_a_row_may_lack_a_field(name: str) -> None:
    assert is_equal(ENDUSER, {field: value for field, value in ENDUSER.items() if field != name})
    assert is_equal({**ENDUSER, name: None}, {field: value for field, value in ENDUSER.items() if field != name})


def test_null_is_equal_to_nothing() -> None:
    without = {field: value for field, value in ENDUSER.items() if field != "firstName"}
    assert is_equal(without, {**ENDUSER, "firstName": None})


@pytest.mark.parametrize("held", ["id", {"_id": "9" * 24}, None])
def test_the_caller_compares_the_company(held: Any) -> None:
    assert is_equal({**ENDUSER, "companyId": held}, ENDUSER)


def test_custom_fields_may_come_in_another_order() -> None:
    custom = {**dict(reversed(ENDUSER["custom"].items())), "Other": 1}
    assert is_equal({**ENDUSER, "custom": custom}, ENDUSER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("firstName", "Bob"),
        ("primary", 1),
        ("tags", ["b", "a"]),
        ("externalId", 77),
        ("custom", {"Seats": 6}),
        ("custom", {}),
        ("nowhere", 1),
    ],
)
def test_other_values_need_a_closer_look(name: str, value: Any) -> None:
    assert not is_equal(ENDUSER, {**ENDUSER, name: value})


def test_b54_rich_text_is_only_recognised_on_one_line() -> None:
    quick = Comparison(model("companies"), TYPES, lambda company: company).quick(["description", "custom"])
    assert quick is not None
    for text, expected in (("<p>a</p>", True), ("a\nb", False), ("a\rb", False)):
        for row in ({"description": text}, {"custom": {"Story": text}}):
            body = msgspec.json.encode(row)
            assert quick.is_equal(body, body) is expected


@pytest.mark.parametrize("name", ["companyExternalId", "companyName", "nowhere"])
def test_fields_that_always_need_a_closer_look(name: str) -> None:
    assert Comparison(model("endusers"), TYPES, lambda company: company).quick(["email", name]) is None


@pytest.mark.parametrize("broken", [b"", b"[]", b"{", b'{"email": "\\ud83d"}', b'{"email": "\xff"}', b"null"])
def test_what_cannot_be_read_needs_a_closer_look(broken: bytes) -> None:
    quick = Comparison(model("endusers"), TYPES, lambda company: company).quick(["email"])
    assert quick is not None
    assert not quick.is_equal(broken, b'{"email": "a"}')
    assert not quick.is_equal(b'{"email": "a"}', broken)
