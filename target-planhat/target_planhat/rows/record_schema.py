"""Checks records against the schema of their stream."""

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
    from collections.abc import Collection, Iterable, Mapping

    from jsonschema_rs import KeywordValidator, Validator

    from target_planhat.rows.value_form import Json

__all__ = ["RecordSchema", "SchemaFaultError", "schema_fault"]

# A pattern without lookaround and back references needs time in proportion to the text. This is the limit for other
# patterns. It is reached after some milliseconds.
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)
_UNDECIDED = (ValidationErrorKind.BacktrackLimitExceeded, ValidationErrorKind.RegexEngineFailure)

# Taps leave out `$schema` and mix the drafts, for example with the boolean `exclusiveMaximum` of draft 4.
_DRAFTS: tuple[type[Validator], ...] = (Draft202012Validator, Draft7Validator, Draft4Validator)

_SAYS_NOTHING = frozenset(
    {"$schema", "$comment", "title", "description", "default", "examples", "readOnly", "writeOnly", "deprecated"}
    | {"format", "contentEncoding", "contentMediaType", "contentSchema"}
)
"""Keywords that are not checked. Formats are not checked, because the form of a date is known from the model."""
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
        column: The wrong column; None if it is not one column.
        reason: What is wrong, without the stream and the column.
    """

    def __init__(self, column: str | None, reason: str) -> None:
        """Create an error for a column and a reason."""
        self.column = column
        self.reason = reason
        place = "the schema" if column is None else f"the schema of column {column!r}"
        super().__init__(f"{place} is not JSON Schema: {reason}")


class RecordSchema:
    """The compiled schema of a stream."""

    def __init__(self, schema: Json) -> None:
        """Compile a schema. Schemas that it refers to are not fetched.

        Raises:
            SchemaFaultError: It is not JSON Schema, or refers to something outside of it.
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
        """Why a record does not fit; None if it fits. The text contains no value of the record."""
        try:
            self._validator.validate(record)
        except ValidationError as err:
            return _reason(err)
        except ValueError:
            return self._violation_as_json(record)
        return None

    def violations(self, record: Mapping[str, Any]) -> dict[str | None, str]:
        """Why a record does not fit: the first reason of each column, and of the record itself under None."""
        try:
            return _by_column(self._validator.iter_errors(record))
        except ValueError:
            pass
        try:
            return _by_column(self._validator.iter_errors(_as_json(record)))
        except (TypeError, ValueError, RecursionError):
            reason = self._violation_as_json(record)
            return {} if reason is None else {None: reason}

    def _violation_as_json(self, record: Mapping[str, Any]) -> str | None:
        """The same for a record with Python objects from a stream map. It is checked in its JSON form."""
        try:
            self._validator.validate(_as_json(record))
        except ValidationError as err:
            return _reason(err)
        except TypeError:
            return "the record has a value that is not possible in JSON"
        except (ValueError, RecursionError):
            # The library raises these if a value does not fit and nests too deeply for its message.
            return "the record nests too deeply and does not fit the schema of the stream"
        return None


def _as_json(record: Mapping[str, Any]) -> Json:
    """The JSON form of a record with Python objects."""
    return msgspec.to_builtins(record, builtin_types=(Decimal,), str_keys=True)


def _by_column(errors: Iterable[ValidationError]) -> dict[str | None, str]:
    """The first reason of each column, and of the record itself under None."""
    reasons: dict[str | None, str] = {}
    for err in errors:
        path = err.instance_path
        column = str(path[0]) if path else None
        # A column that is required only together with another one is a matter of both.
        if isinstance(err.kind, ValidationErrorKind.Required) and err.schema_path == ["required"]:
            column = err.kind.property
        reasons.setdefault(column, _reason(err))
    return reasons


def schema_fault(schema: Json) -> tuple[str | None, str] | None:
    """The wrong column, or None if it is not one column, and the reason; None if the schema is correct."""
    try:
        RecordSchema(schema)
    except SchemaFaultError as err:
        return err.column, err.reason
    return None


class _UnreadablePattern:
    """Replaces a pattern that the engine cannot read. No text can be checked against it."""

    def __init__(self, parent_schema: dict[str, Any], value: Json, schema_path: list[str | int]) -> None:
        del parent_schema, value, schema_path

    def validate(self, instance: Json) -> None:
        """Fail for a text."""
        if isinstance(instance, str):
            raise TypeError(_UNREADABLE)


def _compiled(schema: Json) -> Validator:
    """A validator for the draft that the schema names, or else for the newest draft in which it is valid."""
    deciding = _deciding(schema)
    first: ValueError | None = None
    for draft in dict.fromkeys((jsonschema_rs.validator_cls_for(schema), *_DRAFTS)):
        try:
            return _validator(draft, deciding)
        except ValueError as err:  # noqa: PERF203 # one try for each draft
            first = first or err
    raise first or ValueError


def _validator(draft: type[Validator], schema: Json) -> Validator:
    """A validator for one draft. It checks no formats, and uses neither network nor files."""
    marks: dict[str, type[KeywordValidator]] = {_UNREADABLE: _UnreadablePattern}
    return draft(schema, validate_formats=False, pattern_options=_PATTERNS, keywords=marks, offline=True)


def _deciding(schema: Json) -> Json:
    """A schema without keywords that are not checked, and with marked unreadable patterns."""
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
    """Why a record does not fit. The message of the library contains the value, which may be personal data."""
    where = ".".join(map(str, err.instance_path)) or "the record"
    if isinstance(err.kind, _UNDECIDED):
        where = ".".join(map(str, err.instance_path or _named_in(err.schema_path))) or "the record"
        return f"{where}: it could not be checked against the pattern of the schema within the limit"
    if err.kind.name == _UNREADABLE:
        return f"{where}: the pattern of the schema cannot be read, so no text can be checked against it"
    if isinstance(err.kind, ValidationErrorKind.Required):
        return f"{where} lacks {quoted(err.kind.property)}, which the schema of the stream requires"
    return f"{where} does not fit the schema of the stream ({err.kind.name})"


def _named_in(path: list[str | int]) -> list[str | int]:
    """The names of properties on a path through a schema."""
    return [name for before, name in pairwise(path) if before == "properties"]


def _fault(schema: Json, err: ValueError) -> tuple[str | None, str]:
    """The wrong column, and what is wrong with it."""
    if not isinstance(err, ValidationError):
        return None, "it contains a text that is not Unicode"
    path = err.instance_path
    if path[:1] == ["properties"] and len(path) > 1:
        return str(path[1]), _fault_at(path[2:], err)
    return (None if path else _faulty_column(schema)), _fault_at(path, err)


def _fault_at(path: list[str | int], err: ValidationError) -> str:
    """What is wrong at this place, for messages."""
    where = ".".join(map(str, path))
    if err.kind.name == "$ref":
        return "a $ref leads out of the schema or to nothing. No schema is fetched, so the definition must be in it"
    if err.kind.name == "format":
        return f"{where} is a pattern that cannot be read"
    if path[-1:] == ["type"]:
        given = f"is {quoted(err.instance)}" if isinstance(err.instance, str) else "names no type"
        return f"{where} {given}; the types of JSON Schema are {_TYPES}"
    return f"{where} is not allowed by JSON Schema ({err.kind.name})" if path else _NO_SCHEMA


def _faulty_column(schema: Json) -> str | None:
    """The first column whose schema is also wrong alone."""
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
