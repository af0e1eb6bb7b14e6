"""The types that JSON Schemas of columns become take nothing the schemas forbid, or say that they may."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from target_planhat.rows.fast.schema_types import NoTypeError, column_type
from tests.unit.test_target_fast_rows import NULL_STRING, STRING, VALUE, typed


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "x"},
        {"enum": ["a"]},
        {"type": "number", "minimum": 0},
        {"oneOf": [{"type": "string"}]},
        {"type": "object", "additionalProperties": False},
        {"type": "object", "required": ["a"]},
        {"type": "array", "items": {"type": "string", "maxLength": 1}},
        {"type": "array", "minItems": 1},
        {"type": "strange"},
        {"properties": {"a": {"type": "string"}}},
        {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        {"$ref": "#/$defs/a"},
        False,
    ],
)
def test_schemas_that_say_more_than_types_are_known(schema: Any) -> None:
    assert not column_type(schema)[1]


def test_a_name_that_no_class_can_carry_has_no_type() -> None:
    with pytest.raises(NoTypeError):
        column_type({"type": "object", "properties": {'a"b': {"type": "string"}}})


SCHEMAS = st.recursive(
    st.sampled_from(
        [STRING, NULL_STRING, {}, {"type": "integer"}, typed("number", "null"), {"type": "boolean"}, {"type": "object"}]
    ),
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda one: {"anyOf": [one, {"type": "null"}]}, inner)
        | st.builds(
            lambda one, two: {"type": "object", "properties": {"a": one, "b": two}, "required": ["a"]}, inner, inner
        )
    ),
    max_leaves=3,
)


@settings(deadline=None)
@given(SCHEMAS, VALUE | st.dictionaries(st.sampled_from("ab"), VALUE))
def test_types_take_nothing_the_schema_forbids(schema: dict[str, Any], value: Any) -> None:
    try:
        kind, exact = column_type(schema)
        msgspec.json.decode(json.dumps(value), type=kind)
    except (NoTypeError, msgspec.ValidationError):
        return
    assert validator_for(schema)(schema).is_valid(value) or not exact
