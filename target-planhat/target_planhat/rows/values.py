"""Converts the values of a record to the types of Planhat's fields."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from planhat_api.values.booleans import boolean
from planhat_api.values.custom_types import Holds, custom_type
from planhat_api.values.dates import CANONICAL, FIRST_DAY, LAST_DAY, are_canonical, epoch_day, is_canonical, moment
from planhat_api.values.field_type import FieldType, never
from planhat_api.values.invalid import InvalidValueError, invalid
from planhat_api.values.numbers import number
from planhat_api.values.texts import id_text, referred, text
from target_planhat.rows.value_form import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BOOLEAN",
    "DATE_TIME",
    "EPOCH_DAY",
    "ID_TEXT",
    "NUMBER",
    "OBJECT",
    "PLANHAT_ID",
    "REFERENCE",
    "TEXT",
    "Json",
    "array_of",
    "company_reference",
    "encode",
    "prefixed",
    "type_of_custom_field",
    "type_of_field",
    "wrapped",
]

_PLANHAT_ID = r"^[0-9a-f]{24}$"
_REFERENCE = r"^([0-9a-f]{24}|extid-.+|srcid-.+)$"
_IS_PLAIN_ID = re.compile("[!-~]+").fullmatch
_IS_PLANHAT_ID = re.compile("[0-9a-f]{24}").fullmatch
_ARE_PLANHAT_IDS = re.compile("(?:[0-9a-f]{24}~)*").fullmatch
_IS_REFERENCE = re.compile(_REFERENCE, re.DOTALL).match


def _plain_ids(ids: list[str]) -> bool:
    """Whether no id is empty or contains a space."""
    joined = "~".join(ids)
    return " " not in joined and joined.isprintable() and "" not in ids


def _planhat_ids(ids: list[str]) -> bool:
    return _ARE_PLANHAT_IDS("~".join([*set(ids), ""])) is not None


def _planhat_id(value: Json) -> str | None:
    found = id_text(value)
    if found is not None and not _IS_PLANHAT_ID(found):
        msg = "not an id of Planhat (24 hexadecimal digits)"
        raise InvalidValueError(msg)
    return found


def _reference(value: Json) -> str | None:
    inner = referred(value)
    return None if inner is None else id_text(inner)


def company_reference(value: Json) -> str | None:
    """A company by Planhat's id, or by its external or source id with the prefix `extid-` or `srcid-` (B22)."""
    found = _reference(value)
    if found is not None and not _IS_REFERENCE(found):
        msg = (
            "neither an id of Planhat nor extid-... or srcid-...; "
            "put your own ids in a column company_external_id or company_source_id"
        )
        raise InvalidValueError(msg)
    return found


def prefixed(prefix: str) -> FieldType:
    """The type of a column whose ids become references to companies (B22)."""

    def convert(value: Json) -> str | None:
        found = id_text(value)
        return found if found is None or found.startswith(prefix) else prefix + found

    passes = Annotated[str, msgspec.Meta(pattern=rf"^{prefix}(.*\S)?$")]
    return FieldType(f"key of a company ({prefix}...)", passes, convert, TEXT.takes, str, never)


def _decoded(value: Json) -> Json:
    """Decode arrays and objects in a JSON text, because some warehouses have no nested types."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as err:
        msg = "a text that is not JSON"
        raise InvalidValueError(msg) from err


def _object(value: Json) -> dict[str, Any] | None:
    value = _decoded(value)
    if value is None or isinstance(value, dict):
        return value
    raise invalid(value, "an object")


TEXT = FieldType("text", str, text, frozenset({"string", "number", "integer"}))
ID_TEXT = FieldType(
    "id", Annotated[str, msgspec.Meta(pattern=r"^\S(.*\S)?$")], id_text, TEXT.takes, str, _IS_PLAIN_ID, _plain_ids
)
PLANHAT_ID = FieldType(
    "Planhat id",
    Annotated[str, msgspec.Meta(pattern=_PLANHAT_ID)],
    _planhat_id,
    frozenset({"string"}),
    str,
    _IS_PLANHAT_ID,
    _planhat_ids,
)
REFERENCE = FieldType(
    "reference", ID_TEXT.passes, _reference, frozenset({"string", "object", "integer", "number"}), str, _IS_PLAIN_ID
)
COMPANY = FieldType(
    "company",
    Annotated[str, msgspec.Meta(pattern=_REFERENCE)],
    company_reference,
    frozenset({"string", "object"}),
    str,
    _IS_PLANHAT_ID,
    _planhat_ids,
)
NUMBER = FieldType("number", int | float, number, frozenset({"number", "integer", "string"}), json="number")
BOOLEAN = FieldType(
    "true or false", bool, boolean, frozenset({"boolean", "string", "integer", "number"}), json="boolean"
)
DATE_TIME = FieldType(
    "date",
    Annotated[str, msgspec.Meta(pattern=CANONICAL)],
    moment,
    frozenset({"string", "integer", "number"}),
    str,
    is_canonical,
    are_canonical,
)
EPOCH_DAY = FieldType(
    "day",
    Annotated[int, msgspec.Meta(ge=FIRST_DAY, le=LAST_DAY)],
    epoch_day,
    frozenset({"string", "integer", "number"}),
    json="number",
)
OBJECT = FieldType("object", dict[str, Any], _object, frozenset({"object", "string"}), json="object")
ANYTHING = FieldType(
    "anything",
    Any,
    lambda value: value,
    frozenset({"object", "string", "array", "number", "integer", "boolean"}),
    json="",
)
_TAKES_ARRAY = frozenset({"array", "string"})


def array_of(item: FieldType) -> FieldType:
    """An array whose items have one type. A single item counts as an array with one item."""

    def convert(value: Json) -> list[Any] | None:
        if isinstance(value, str) and not value.lstrip().startswith("["):
            value = [value] if value.strip() else None
        value = _decoded(value)
        if value is None:
            return None
        if isinstance(value, (int, float, Decimal)) and item is not ANYTHING:
            value = [value]
        if not isinstance(value, list):
            raise invalid(value, "an array")
        converted = (item.convert(entry) for entry in value if entry is not None)
        return [entry for entry in converted if entry is not None]

    passes = list[dict[str, Any]] if item is ANYTHING else list[item.passes]  # type: ignore[name-defined]
    takes = _TAKES_ARRAY | (item.takes if item is not ANYTHING else {"object"})
    return FieldType(f"array of {item.name}", passes, convert, takes, json="array", item_json=item.json)


def wrapped(key: str) -> FieldType:
    """An array of ids that Planhat expects as objects, e.g. `[{"_id": ...}]` for the time entries of a time sheet."""

    def convert(value: Json) -> list[dict[str, Any]] | None:
        ids = array_of(REFERENCE).convert(value)
        return None if ids is None else [{key: entry} for entry in ids]

    # Only values that already have this form pass unchanged, and they are rare. So there is no fast type.
    return FieldType("array of ids", list[dict[str, str]], convert, _TAKES_ARRAY, json="array")


_BY_JSON_TYPE = {"string": TEXT, "number": NUMBER, "integer": NUMBER, "boolean": BOOLEAN, "object": OBJECT}


def type_of_field(schema: Mapping[str, Any]) -> FieldType:
    """The type of a field in a model file."""
    if schema.get("format") == "date-time":
        return DATE_TIME
    if schema.get("format") == "epoch-day":
        return EPOCH_DAY
    if schema.get("type") == "array":
        item = schema.get("items", {}).get("type")
        return array_of(TEXT if item == "string" else ANYTHING)
    return _BY_JSON_TYPE.get(schema.get("type", ""), ANYTHING)


_BY_HELD = {
    Holds.TEXT: TEXT,
    Holds.TEXTS: array_of(TEXT),
    Holds.NUMBER: NUMBER,
    Holds.BOOLEAN: BOOLEAN,
    Holds.DAY: EPOCH_DAY,
    Holds.DATE: DATE_TIME,
    Holds.REFERENCE: REFERENCE,
    Holds.REFERENCES: array_of(REFERENCE),
}


def type_of_custom_field(type_name: str) -> FieldType:
    """The type of a custom field by its type name in Planhat (B47). Values of an unknown type are not converted."""
    found = custom_type(type_name)
    return ANYTHING if found is None else _BY_HELD[found.holds]


def _unknown(value: Json) -> Json:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


encode = msgspec.json.Encoder(enc_hook=_unknown, decimal_format="number").encode
"""Encodes one JSON value as bytes. Decimals become numbers."""
