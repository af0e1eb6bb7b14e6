"""Checks records against the schema their stream announced."""

from __future__ import annotations

from copy import copy
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import msgspec
from jsonschema_rs import Draft4Validator, Draft7Validator, Draft202012Validator, ValidationError, ValidationErrorKind

from target_planhat.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from jsonschema_rs import KeywordValidator, Validator

    from target_planhat.rows.invalid import Json

__all__ = ["RecordSchema", "SchemaFaultError", "schema_fault"]

# A pattern without lookaround and back references takes time in proportion to the text. For the others this is the
# limit; it is reached after some milliseconds.
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)
_UNDECIDED = (ValidationErrorKind.BacktrackLimitExceeded, ValidationErrorKind.RegexEngineFailure)

# Taps leave out `$schema` and mix the drafts, above all the boolean `exclusiveMaximum` of draft 4.
_DRAFTS: tuple[type[Validator], ...] = (Draft202012Validator, Draft7Validator, Draft4Validator)

_SAYS_NOTHING = frozenset(
    {"$schema", "$comment", "title", "description", "default", "examples", "readOnly", "writeOnly", "deprecated"}
    | {"format", "contentEncoding", "contentMediaType", "contentSchema"}
)
"""Keywords that decide nothing here. Formats are not checked: what a date must be is known from the model."""
_HOLDS_NAMED_SCHEMAS = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)
_HOLDS_SCHEMAS = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "items", "prefixItems", "additionalItems", "contains"}
    | {"additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties"}
)
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_UNREADABLE = "planhatUnreadablePattern"
_TYPES = "array, boolean, integer, null, number, object, string"
_NO_SCHEMA = "it is neither an object nor true or false"


class SchemaFaultError(Exception):
    """A schema that is not JSON Schema.

    Attributes:
        column: The column at fault; None when it is no column.
        reason: What is wrong, without the stream and the column.
    """

    def __init__(self, column: str | None, reason: str) -> None:
        """Keep where and what."""
        self.column = column
        self.reason = reason
        place = "the schema" if column is None else f"the schema of column {column!r}"
        super().__init__(f"{place} is not JSON Schema: {reason}")


class RecordSchema:
    """The schema of a stream, ready to check records."""

    def __init__(self, schema: Json) -> None:
        """Compile it. Nothing is fetched, whatever the schema refers to.

        Raises:
            SchemaFaultError: It is not JSON Schema, or refers to what is not in it.
        """
        if not isinstance(schema, (dict, bool)):
            raise SchemaFaultError(None, _NO_SCHEMA)
        try:
            self._validator = _compiled(schema)
        except ValueError as err:
            raise SchemaFaultError(*_fault(schema, err)) from None
        self._schema = schema

    def of_columns(self, columns: Collection[str]) -> RecordSchema | None:
        """What it says of these columns alone, by the same draft; None when they refer to other parts of it."""
        said = self._schema["properties"] if isinstance(self._schema, dict) else {}
        parts = {name: said[name] for name in columns}
        if _refers(parts):
            return None
        alone = copy(self)
        alone._schema = {"properties": parts}  # noqa: SLF001 # of the same class
        # A part may be valid in a draft in which the whole is not, and in each draft other keywords count.
        alone._validator = _validator(type(self._validator), _deciding(alone._schema))  # noqa: SLF001
        return alone

    def violation(self, record: Mapping[str, Any]) -> str | None:
        """Why a record does not fit; None when it does. The text shows no value of the record."""
        try:
            self._validator.validate(record)
        except ValidationError as err:
            return _reason(err)
        except ValueError:
            return self._violation_as_json(record)
        return None

    def _violation_as_json(self, record: Mapping[str, Any]) -> str | None:
        """The same for a record with objects in it that a stream map made: it is checked as it would be written."""
        try:
            self._validator.validate(msgspec.to_builtins(record, builtin_types=(Decimal,), str_keys=True))
        except ValidationError as err:
            return _reason(err)
        except TypeError:
            return "the record holds a value that JSON cannot carry"
        except (ValueError, RecursionError):
            # The library tells so of a value that does not fit and that nests too deeply to be shown.
            return "the record nests too deeply, and does not fit the schema of the stream"
        return None


def schema_fault(schema: Json) -> tuple[str | None, str] | None:
    """What is wrong with a schema: the column, or None when it is no column, and the reason. None when all is well."""
    try:
        RecordSchema(schema)
    except SchemaFaultError as err:
        return err.column, err.reason
    return None


class _UnreadablePattern:
    """Stands for a pattern that the engine cannot read: no text can be checked against it."""

    def __init__(self, parent_schema: dict[str, Any], value: Json, schema_path: list[str | int]) -> None:
        del parent_schema, value, schema_path

    def validate(self, instance: Json) -> None:
        """Refuse a text."""
        if isinstance(instance, str):
            raise TypeError(_UNREADABLE)


def _compiled(schema: Json) -> Validator:
    """A validator by the draft the schema names, else by the newest one in which it is valid."""
    deciding = _deciding(schema)
    first: ValueError | None = None
    for draft in dict.fromkeys((jsonschema_rs.validator_cls_for(schema), *_DRAFTS)):
        try:
            return _validator(draft, deciding)
        except ValueError as err:  # noqa: PERF203 # one try for each draft
            first = first or err
    raise first or ValueError


def _validator(draft: type[Validator], schema: Json) -> Validator:
    """A validator of one draft; it asserts no formats, and it reads neither the network nor files."""
    marks: dict[str, type[KeywordValidator]] = {_UNREADABLE: _UnreadablePattern}
    return draft(schema, validate_formats=False, pattern_options=_PATTERNS, keywords=marks, offline=True)


def _deciding(schema: Json) -> Json:
    """A schema without what decides nothing, and with its unreadable patterns marked."""
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Json] = {}
    for word, value in schema.items():
        if word in _SAYS_NOTHING:
            continue
        if word in _HOLDS_NAMED_SCHEMAS and isinstance(value, dict):
            kept[word] = {name: _deciding(part) for name, part in value.items()}
        elif word in _HOLDS_SCHEMAS:
            kept[word] = [_deciding(part) for part in value] if isinstance(value, list) else _deciding(value)
        elif word == "pattern" and isinstance(value, str) and not _is_readable(value):
            kept[_UNREADABLE] = value
        else:
            kept[word] = value
    return kept


def _refers(schema: Json) -> bool:
    """Whether a schema refers to a place in the one it is part of."""
    if isinstance(schema, list):
        return any(map(_refers, schema))
    return isinstance(schema, dict) and (not _REFERENCES.isdisjoint(schema) or any(map(_refers, schema.values())))


def _is_readable(pattern: str) -> bool:
    try:
        _validator(Draft202012Validator, {"pattern": pattern})
    except ValueError:
        return False
    return True


def _reason(err: ValidationError) -> str:
    """Why a record does not fit; the message of the library quotes the value, which may be personal."""
    where = ".".join(map(str, err.instance_path)) or "the record"
    if isinstance(err.kind, _UNDECIDED):
        where = ".".join(map(str, err.instance_path or _named_in(err.schema_path))) or "the record"
        return f"{where}: whether it fits the pattern of the schema could not be decided within the limit"
    if err.kind.name == _UNREADABLE:
        return f"{where}: the pattern of the schema cannot be read, so that no text can be checked against it"
    if isinstance(err.kind, ValidationErrorKind.Required):
        return f"{where} lacks {quoted(err.kind.property)}, which the schema of the stream requires"
    return f"{where} does not fit the schema of the stream ({err.kind.name})"


def _named_in(path: list[str | int]) -> list[str | int]:
    """The names of properties on a path through a schema."""
    return [name for before, name in pairwise(path) if before == "properties"]


def _fault(schema: Json, err: ValueError) -> tuple[str | None, str]:
    """The column at fault, and what is wrong with it."""
    if not isinstance(err, ValidationError):
        return None, "it holds a text that is not Unicode"
    path = err.instance_path
    if path[:1] == ["properties"] and len(path) > 1:
        return str(path[1]), _fault_at(path[2:], err)
    return (None if path else _faulty_column(schema)), _fault_at(path, err)


def _fault_at(path: list[str | int], err: ValidationError) -> str:
    """What is wrong at this place, for people."""
    where = ".".join(map(str, path))
    if err.kind.name == "$ref":
        return "a $ref leads out of it, or to nothing; no schema is fetched, so the definition must stand in it"
    if err.kind.name == "format":
        return f"{where} is a pattern that cannot be read"
    if path[-1:] == ["type"]:
        given = f"is {quoted(err.instance)}" if isinstance(err.instance, str) else "names no type"
        return f"{where} {given}; the types of JSON Schema are {_TYPES}"
    return f"{where} does not hold what JSON Schema wants there ({err.kind.name})" if path else _NO_SCHEMA


def _faulty_column(schema: Json) -> str | None:
    """The first column that cannot stand alone either."""
    columns = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(columns, dict):
        return None
    alone = ((name, {**schema, "properties": {name: column}}) for name, column in columns.items())
    return next((str(name) for name, one in alone if not _can_be_compiled(one)), None)


def _can_be_compiled(schema: Json) -> bool:
    try:
        _compiled(schema)
    except ValueError:
        return False
    return True
