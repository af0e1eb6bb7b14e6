"""Leads the columns of a stream to fields of its model, and finds at start what cannot work."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from target_planhat.errors import SettingsError
from target_planhat.values import (
    ANYTHING,
    COMPANY,
    ID_TEXT,
    OBJECT,
    PLANHAT_ID,
    REFERENCE,
    Kind,
    UnfitValueError,
    array_of,
    kind_of_field,
    prefixed,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planhat_api.registry import Model
    from target_planhat.custom_fields import NamesOfModel
    from target_planhat.settings import StreamSettings
    from target_planhat.values import Json

__all__ = ["HELPER_COLUMNS", "ColumnPlan", "Slot", "Source", "plan_columns"]

HELPER_COLUMNS = frozenset({"_planhat_original"})
"""Columns this project's tap adds for people; they hold no field."""
DELETED_AT = "_sdc_deleted_at"

_SEPARATORS = re.compile(r"[\s_.-]")
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
        open: Whether columns that the schema does not declare may occur.
    """

    sources: tuple[Source, ...]
    left_out: Mapping[str, str]
    constants: Mapping[Slot, Any] = field(default_factory=dict)
    custom: NamesOfModel | None = None

    def __contains__(self, slot: Slot) -> bool:
        """Whether rows can have a value in the slot."""
        return slot in self.constants or any(source.slot == slot for source in self.sources)


def _squeezed(name: str) -> str:
    """Fold case and separators, but keep a leading underscore: `_id` is Planhat's id, `id` is not."""
    return ("_" if name.startswith("_") else "") + _SEPARATORS.sub("", name).lower()


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
        """Prepare the lookup by squeezed name."""
        self.model = model
        self.custom = custom
        self._settings = settings
        self._by_squeezed: dict[str, str] = {}
        for name in model.properties:
            self._by_squeezed.setdefault(_squeezed(name), name)
        for name in model.properties:
            if name != "_id":
                self._by_squeezed.setdefault(_squeezed(name).removeprefix("_"), name)
        self._by_squeezed.setdefault("planhatid", "_id")
        self._company = (model.company or "").removesuffix("[]")
        self._special = _special_kinds(model)

    def field_name(self, name: str) -> str | None:
        """The field of the model with this name, whatever its case and separators."""
        return name if name in self.model.properties else self._by_squeezed.get(_squeezed(name))

    def source(self, column: str, name: str) -> Source | str | None:
        """Where a column of this name leads.

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
        return None if found is None else self._field_source(column, found)

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
        return Source(column, Slot(found, custom=True), self.custom.kind(found))

    def _company_source(self, column: str, name: str) -> Source | None:
        if not self._company:
            return None
        squeezed = _squeezed(name)
        several = self.model.company != self._company
        own = self.field_name(name)
        if squeezed in _COMPANY_NAMES and own is None:
            return self._field_of_company(column, COMPANY, several=several)
        prefix = _COMPANY_KEYS.get(squeezed)
        takes_own = own is not None and own not in self.model.read_only and self._company not in self.model.required
        if prefix is None or takes_own:
            return None
        return self._field_of_company(column, prefixed(prefix), several=several, fallback=True)

    def _field_of_company(self, column: str, kind: Kind, *, several: bool, fallback: bool = False) -> Source:
        return Source(column, Slot(self._company), array_of(kind) if several else kind, fallback=fallback)

    def _field_source(self, column: str, found: str) -> Source | str:
        fallback = found in self.model.written_as
        written = self.model.written_as.get(found, found)
        if (
            written in self.model.read_only
            and written not in self.model.keyables
            and self._settings.read_only != "send"
        ):
            return "Planhat sets it"
        return Source(column, Slot(written), self.kind(written), fallback=fallback)

    def kind(self, name: str) -> Kind:
        """What a field holds."""
        if name in self._special:
            return self._special[name]
        return kind_of_field(self.model.properties[name]) if name in self.model.properties else ANYTHING

    def nearest(self, name: str) -> str | None:
        """The name of a slot that looks most like this one."""
        custom = self._custom_name(name)
        if custom is not None:
            near_custom = self.custom.nearest(custom)
            return f"custom.{near_custom}" if near_custom else None
        if self.custom.kinds is not None and self.custom.find(name):
            return f"custom.{self.custom.find(name)}"
        writable = {_squeezed(entry): entry for entry in self.model.properties if entry not in self.model.read_only}
        near = get_close_matches(_squeezed(name), writable, n=1, cutoff=0.6)
        return writable[near[0]] if near else None


_JSON_TYPES = ("string", "number", "integer", "boolean", "array", "object")


def declared_types(schema: Mapping[str, Any]) -> frozenset[str]:
    """JSON types a column may have, null aside; empty when the schema does not say."""
    types = schema.get("type", ())
    found = {types} if isinstance(types, str) else set(types)
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found |= declared_types(branch)
    return frozenset(found & set(_JSON_TYPES))


class _Planner:
    """Goes through the columns of one stream and gathers all problems before it complains."""

    def __init__(self, stream: str, schema: Mapping[str, Any], resolver: Resolver, settings: StreamSettings) -> None:
        self.stream = stream
        self.columns: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
        self.resolver = resolver
        self.settings = settings
        self.problems: list[str] = []
        self.sources: list[Source] = []
        self.left_out: dict[str, str] = {}

    def plan(self) -> ColumnPlan:
        renames = dict(self._renames())
        for column in self.columns:
            if column in renames and renames[column] is None:
                self.left_out[column] = "left out by the settings"
            elif column.startswith("_sdc_") or column in HELPER_COLUMNS:
                self.left_out[column] = "metadata"
            else:
                self._place(column, renames.get(column) or column)
        self._settle_rivals()
        constants = dict(self._constants())
        for source in [entry for entry in self.sources if entry.slot in constants]:
            self.sources.remove(source)
            self.left_out[source.column] = f"{source.slot} is a constant"
        if self.problems:
            msg = f"stream {self.stream!r} cannot go to {self.resolver.model.name}:"
            raise SettingsError(msg, self.problems)
        return ColumnPlan(
            tuple(sorted(self.sources, key=lambda source: source.fallback)),
            self.left_out,
            constants,
            self.resolver.custom,
        )

    def _renames(self) -> Iterator[tuple[str, str | None]]:
        folded = {column.lower(): column for column in self.columns}
        for column, wanted in self.settings.columns.items():
            found = column if column in self.columns else folded.get(column.lower())
            if found is None:
                near = get_close_matches(column.lower(), folded, n=1)
                hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
                self.problems.append(f"setting columns: the stream has no column {column!r}{hint}")
            else:
                yield found, wanted

    def _place(self, column: str, name: str) -> None:
        found = self.resolver.source(column, name)
        if isinstance(found, str):
            self.left_out[column] = found
        elif found is not None:
            self._check_type(found)
            if found.slot == Slot("custom"):
                self._check_custom_names(found)
            self.sources.append(found)
        elif self.settings.unknown_columns == "leave_out":
            self.left_out[column] = "no such field"
        elif self.settings.unknown_columns == "send":
            self.sources.append(Source(column, Slot(name), ANYTHING))
        else:
            near = self.resolver.nearest(name)
            hint = f"; did you mean {near!r}?" if near else ""
            self.problems.append(
                f"column {column!r} leads to no field{'' if name == column else f' {name!r}'}{hint} "
                f"(set it in streams.{self.stream}.columns, null leaves it out)"
            )

    def _check_type(self, source: Source) -> None:
        types = declared_types(self.columns.get(source.column, {}))
        if types and not types & source.kind.takes:
            self.problems.append(
                f"column {source.column!r} is declared {' or '.join(sorted(types))}, "
                f"field {source.slot} holds {source.kind.name}"
            )

    def _settle_rivals(self) -> None:
        """Two columns for one slot are a mistake, unless one is a fallback for the other."""
        first: dict[Slot, Source] = {}
        for source in [entry for entry in self.sources if not entry.fallback]:
            rival = first.setdefault(source.slot, source)
            if rival is not source:
                self.problems.append(
                    f"columns {rival.column!r} and {source.column!r} both lead to field {source.slot}; "
                    f"leave one out: streams.{self.stream}.columns: {{{source.column!r}: null}}"
                )
        for source in [entry for entry in self.sources if entry.fallback and entry.slot in first]:
            found = self.resolver.field_name(source.column)
            if found in self.resolver.model.read_only and found not in self.resolver.model.written_as:
                self.sources.remove(source)
                self.left_out[source.column] = "Planhat sets it"

    def _constant(self, name: str, kind: Kind, value: Json) -> Json:
        try:
            return None if value is None else kind.convert(value)
        except UnfitValueError as err:
            self.problems.append(f"setting constants: {name}: {err}")
            return None

    def _check_custom_names(self, source: Source) -> None:
        """Names inside a declared `custom` object, which Planhat would take however wrong they are (B50)."""
        names = self.resolver.custom
        for name in self.columns.get(source.column, {}).get("properties", {}):
            if self.settings.unknown_columns == "refuse" and names.find(name) is None:
                near = names.nearest(name)
                hint = f"; did you mean {near!r}?" if near else ""
                self.problems.append(f"column {source.column!r}: there is no custom field {name!r}{hint}")

    def _constants(self) -> Iterator[tuple[Slot, Any]]:
        for name, value in {**self.resolver.model.constants, **self.settings.constants}.items():
            found = self.resolver.source(f"constant {name}", name)
            if isinstance(found, Source):
                if name in self.settings.constants or not any(entry.slot == found.slot for entry in self.sources):
                    yield found.slot, self._constant(name, found.kind, value)
            else:
                near = self.resolver.nearest(name)
                hint = f"; did you mean {near!r}?" if near else ""
                self.problems.append(f"setting constants: there is no field {name!r} to write{hint}")


def plan_columns(
    stream: str, schema: Mapping[str, Any], model: Model, custom: NamesOfModel, settings: StreamSettings
) -> ColumnPlan:
    """Decide for each column of a stream where it leads.

    Args:
        stream: Name of the stream, for messages.
        schema: The schema the tap announced.
        model: Model the rows go to.
        custom: Custom fields of the model.
        settings: Settings of the stream.

    Raises:
        SettingsError: Columns that lead nowhere or cannot hold what the field wants. The text names every one of them,
            with the nearest right name.
    """
    return _Planner(stream, schema, Resolver(model, custom, settings), settings).plan()
