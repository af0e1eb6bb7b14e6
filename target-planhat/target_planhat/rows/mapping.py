"""Finds the field of a model for the name of a column."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planhat_api.plugin.name_suggestions import closest_name
from planhat_api.values.names import folded_field
from target_planhat.rows.values import (
    ANYTHING,
    COMPANY,
    ID_TEXT,
    OBJECT,
    PLANHAT_ID,
    REFERENCE,
    array_of,
    prefixed,
    type_of_field,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.models.registry import Model
    from planhat_api.values.field_type import FieldType
    from target_planhat.rows.value_form import Json
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.custom_fields import NamesOfModel

__all__ = ["ColumnPlan", "Field", "FieldResolver", "Source", "declared_types"]

_CUSTOM_COLUMN = re.compile(r"custom(?:\.|__)(?P<name>.+)", re.IGNORECASE | re.DOTALL)
_COMPANY_KEYS = {
    "companyexternalid": "extid-",
    "companyexternalids": "extid-",
    "companyextid": "extid-",
    "companysourceid": "srcid-",
    "companysourceids": "srcid-",
    "companysrcid": "srcid-",
}
_COMPANY_NAMES = {"companyid", "companyids", "company"}
_OWN_KEYS = {"externalId", "sourceId", "extId"}


@dataclass(frozen=True)
class Field:
    """A field or a custom field of a row."""

    name: str
    custom: bool = False

    def __str__(self) -> str:
        """The name in the settings."""
        return f"custom.{self.name}" if self.custom else self.name


@dataclass(frozen=True)
class Source:
    """A column and its field. If several columns have the same field, the first with a value is used."""

    column: str
    field: Field
    field_type: FieldType
    fallback: bool = False


@dataclass(frozen=True)
class ColumnPlan:
    """The field of each column.

    Attributes:
        sources: Columns with a field, in the order of priority.
        left_out: Other columns, with the reason.
        constants: Values of fields that are the same in each row.
        deleted_column: Column that marks rows as deleted at the source, if the settings name one.
    """

    sources: tuple[Source, ...]
    left_out: Mapping[str, str]
    constants: Mapping[Field, Any] = field(default_factory=dict)
    deleted_column: str | None = None

    @property
    def fields(self) -> frozenset[Field]:
        """The fields in which rows can have a value."""
        return frozenset((*self.constants, *(source.field for source in self.sources)))

    def __contains__(self, field: Field) -> bool:
        """Whether rows can have a value in the field."""
        return field in self.fields


def _special_types(model: Model) -> dict[str, FieldType]:
    """Types of fields that are not in the schema of the model."""
    types = {"custom": OBJECT}
    types |= {name.removesuffix("[]"): array_of(REFERENCE) if "[]" in name else REFERENCE for name in model.references}
    types |= dict.fromkeys((*_OWN_KEYS, *model.keyables), ID_TEXT)
    types |= {name: wrapped(key) for name, key in model.wrapped_on_write.items()}
    if model.company:
        types[model.company.removesuffix("[]")] = array_of(COMPANY) if "[]" in model.company else COMPANY
    return {**{name: field_type for name, field_type in types.items() if "." not in name}, "_id": PLANHAT_ID}


class FieldResolver:
    """Finds the fields of one model by name."""

    def __init__(self, model: Model, custom: NamesOfModel, settings: StreamSettings) -> None:
        """Prepare to find fields by folded name."""
        self.model = model
        self.custom = custom
        self._settings = settings
        self._by_folded: dict[str, str] = {}
        for name in model.properties:
            self._by_folded.setdefault(folded_field(name), name)
        for name in model.properties:
            if name != "_id":
                self._by_folded.setdefault(folded_field(name).removeprefix("_"), name)
        self._by_folded.setdefault("planhatid", "_id")
        self._company = (model.company or "").removesuffix("[]")
        self._special = _special_types(model)

    def field_name(self, name: str) -> str | None:
        """The field of the model with this name, in any case and with any separators."""
        return name if name in self.model.properties else self._by_folded.get(folded_field(name))

    def source(self, column: str, name: str, *, is_named: bool = False) -> Source | str | None:
        """The field of a column.

        Args:
            column: The column.
            name: Its name, or the name of the field in the settings.
            is_named: Whether the settings name the field. Then it is sent even if Planhat sets it itself.

        Returns:
            The source; or the reason why the column is left out; or None if there is no field with this name.
        """
        custom = self._custom_name(name)
        if custom is not None:
            return self._custom_source(column, custom)
        company = self._company_source(column, name)
        if company is not None:
            return company
        found = self.field_name(name)
        return None if found is None else self._field_source(column, found, is_named=is_named)

    def _custom_name(self, name: str) -> str | None:
        match = _CUSTOM_COLUMN.fullmatch(name)
        if match and "custom" in self.model.properties:
            return match["name"]
        prefix = self._settings.custom_prefix
        return name[len(prefix) :] if prefix and name.startswith(prefix) and len(name) > len(prefix) else None

    def _custom_source(self, column: str, name: str) -> Source | str | None:
        found = self.custom.find(name)
        if found is None:
            return None
        if found in self.custom.formulas:
            return f"custom.{found} is a formula, Planhat computes it"
        return Source(column, Field(found, custom=True), self.custom.type_of(found) or ANYTHING)

    def _company_source(self, column: str, name: str) -> Source | None:
        if not self._company:
            return None
        folded = folded_field(name)
        several = self.model.company != self._company
        own = self.field_name(name)
        if folded in _COMPANY_NAMES and own is None:
            return self._field_of_company(column, COMPANY, several=several)
        prefix = _COMPANY_KEYS.get(folded)
        # For these models, Planhat finds the company itself. It ignores a row without an error if the company does not
        # exist, unless it is given as companyId.
        finds_company = self._company in self.model.required or self.model.company_lookup is not None
        uses_own_field = own is not None and own not in self.model.read_only and not finds_company
        if prefix is None or uses_own_field:
            return None
        return self._field_of_company(column, prefixed(prefix), several=several, fallback=True)

    def _field_of_company(self, column: str, field_type: FieldType, *, several: bool, fallback: bool = False) -> Source:
        return Source(column, Field(self._company), array_of(field_type) if several else field_type, fallback=fallback)

    def _field_source(self, column: str, found: str, *, is_named: bool) -> Source | str:
        fallback = found in self.model.written_as
        written = self.model.written_as.get(found, found)
        # It is not known whether Planhat accepts such a value (Q15).
        if written in self.model.read_only and written not in self.model.keyables and not is_named:
            return "Planhat sets it"
        return Source(column, Field(written), self.type_of(written), fallback=fallback)

    def type_of(self, name: str) -> FieldType:
        """The type of a field."""
        if name in self._special:
            return self._special[name]
        return type_of_field(self.model.properties[name]) if name in self.model.properties else ANYTHING

    def nearest(self, name: str) -> str | None:
        """The field with the most similar name; None if no name is similar."""
        custom = self._custom_name(name)
        if custom is None:
            near = closest_name(name, (entry for entry in self.model.properties if entry not in self.model.read_only))
            if near:
                return near
        near_custom = self.custom.nearest(custom or name)
        return f"custom.{near_custom}" if near_custom else None


_JSON_TYPES = ("string", "number", "integer", "boolean", "array", "object")


def declared_types(schema: Json) -> frozenset[str]:
    """JSON types of a column, without null; empty if the schema has no types."""
    if not isinstance(schema, dict):
        return frozenset()
    types = schema.get("type", ())
    found = {types} if isinstance(types, str) else set(types)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found |= declared_types(branch)
    return frozenset(found & set(_JSON_TYPES))
