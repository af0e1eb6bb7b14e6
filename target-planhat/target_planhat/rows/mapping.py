"""Finds the field of a model that the name of a column means."""

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
    Kind,
    array_of,
    kind_of_field,
    prefixed,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.models.registry import Model
    from target_planhat.rows.invalid import Json
    from target_planhat.settings import StreamSettings
    from target_planhat.tenant.custom_fields import NamesOfModel

__all__ = ["ColumnPlan", "Resolver", "Slot", "Source", "declared_types"]

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
class Slot:
    """A place in the row: a field, or a custom field."""

    name: str
    custom: bool = False

    def __str__(self) -> str:
        """As people write it in the settings."""
        return f"custom.{self.name}" if self.custom else self.name


@dataclass(frozen=True)
class Source:
    """A column and the slot it fills. Where several fill one slot, the first that holds a value wins."""

    column: str
    slot: Slot
    kind: Kind
    fallback: bool = False


@dataclass(frozen=True)
class ColumnPlan:
    """What becomes of each column.

    Attributes:
        sources: Columns that fill a slot, in the order in which they win.
        left_out: Other columns, with the reason.
        constants: Values every row gets.
        deleted_column: Column that marks rows as deleted at the source, if the settings name one.
    """

    sources: tuple[Source, ...]
    left_out: Mapping[str, str]
    constants: Mapping[Slot, Any] = field(default_factory=dict)
    deleted_column: str | None = None

    def __contains__(self, slot: Slot) -> bool:
        """Whether rows can have a value in the slot."""
        return slot in self.constants or any(source.slot == slot for source in self.sources)


def _special_kinds(model: Model) -> dict[str, Kind]:
    """Kinds that the schema of a field does not tell; later ones win."""
    kinds = {"custom": OBJECT}
    kinds |= {name.removesuffix("[]"): array_of(REFERENCE) if "[]" in name else REFERENCE for name in model.references}
    kinds |= dict.fromkeys((*_OWN_KEYS, *model.keyables), ID_TEXT)
    kinds |= {name: wrapped(key) for name, key in model.wrapped_on_write.items()}
    if model.company:
        kinds[model.company.removesuffix("[]")] = array_of(COMPANY) if "[]" in model.company else COMPANY
    return {**{name: kind for name, kind in kinds.items() if "." not in name}, "_id": PLANHAT_ID}


class Resolver:
    """Finds the slot a name means, in one model."""

    def __init__(self, model: Model, custom: NamesOfModel, settings: StreamSettings) -> None:
        """Prepare the lookup by folded name."""
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
        self._special = _special_kinds(model)

    def field_name(self, name: str) -> str | None:
        """The field of the model with this name, whatever its case and separators."""
        return name if name in self.model.properties else self._by_folded.get(folded_field(name))

    def source(self, column: str, name: str, *, is_named: bool = False) -> Source | str | None:
        """Where a column of this name leads.

        Args:
            column: The column.
            name: Its name, or what the settings say in its place.
            is_named: The settings name the field for this column. Then it is filled even if Planhat sets it itself.

        Returns:
            A source; or a text that says why the field is left out; or None when nothing has that name.
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
        return Source(column, Slot(found, custom=True), self.custom.kind(found) or ANYTHING)

    def _company_source(self, column: str, name: str) -> Source | None:
        if not self._company:
            return None
        folded = folded_field(name)
        several = self.model.company != self._company
        own = self.field_name(name)
        if folded in _COMPANY_NAMES and own is None:
            return self._field_of_company(column, COMPANY, several=several)
        prefix = _COMPANY_KEYS.get(folded)
        # Planhat places such rows itself: in silence it ignores a row whose company does not exist, unless the company
        # stands under companyId.
        placed = self._company in self.model.required or self.model.company_lookup is not None
        takes_own = own is not None and own not in self.model.read_only and not placed
        if prefix is None or takes_own:
            return None
        return self._field_of_company(column, prefixed(prefix), several=several, fallback=True)

    def _field_of_company(self, column: str, kind: Kind, *, several: bool, fallback: bool = False) -> Source:
        return Source(column, Slot(self._company), array_of(kind) if several else kind, fallback=fallback)

    def _field_source(self, column: str, found: str, *, is_named: bool) -> Source | str:
        fallback = found in self.model.written_as
        written = self.model.written_as.get(found, found)
        # Whether Planhat takes such a value is not known (Q15).
        if written in self.model.read_only and written not in self.model.keyables and not is_named:
            return "Planhat sets it"
        return Source(column, Slot(written), self.kind(written), fallback=fallback)

    def kind(self, name: str) -> Kind:
        """What a field holds."""
        if name in self._special:
            return self._special[name]
        return kind_of_field(self.model.properties[name]) if name in self.model.properties else ANYTHING

    def nearest(self, name: str) -> str | None:
        """The name of the slot that was meant, as far as one can tell."""
        custom = self._custom_name(name)
        if custom is None:
            near = closest_name(name, (entry for entry in self.model.properties if entry not in self.model.read_only))
            if near:
                return near
        near_custom = self.custom.nearest(custom or name)
        return f"custom.{near_custom}" if near_custom else None


_JSON_TYPES = ("string", "number", "integer", "boolean", "array", "object")


def declared_types(schema: Json) -> frozenset[str]:
    """JSON types a column may have, null aside; empty when the schema does not say."""
    if not isinstance(schema, dict):
        return frozenset()
    types = schema.get("type", ())
    found = {types} if isinstance(types, str) else set(types)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found |= declared_types(branch)
    return frozenset(found & set(_JSON_TYPES))
