"""Reads the model files, which describe each Planhat model as data.

A model file (``models/<name>.json``) is a JSON Schema with standard keywords and one extension object, ``x-planhat``,
for what JSON Schema cannot express. The keywords mean:

- ``required`` and ``anyOf``: what Planhat needs to create a row.
- ``readOnly``: set by Planhat, and never sent (Q15).
- ``writeOnly``: can be sent, but is not in answers.
- ``format``: ``date-time`` (ISO 8601, B40) or ``epoch-day`` (days since 1970-01-01, B41).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CompanyLookup", "Model", "PageSize", "Skipped", "Updated", "all_models", "model", "model_for_stream"]

Schema = dict[str, Any]


@dataclass(frozen=True)
class PageSize:
    """Rows per list call: Planhat's default, its documented maximum, and the number this client requests (B26, Q4)."""

    default: int | None
    max: int | None
    ask: int | None


@dataclass(frozen=True)
class Updated:
    """The field with the time of a row's last change, and how certain this is (B33).

    ``confidence`` is ``documented``, ``seen`` (in answers), ``inferred`` or ``unknown`` (then there is no field).
    """

    field: str | None
    confidence: str


@dataclass(frozen=True)
class CompanyLookup:
    """How Planhat finds the company of a new row. A row without a company is ignored without an error (B89).

    Attributes:
        fields: Fields that name the company, in order of priority.
        address: Field with an email address. Its domain decides on the company if no field does.
        domains_of: Model path whose ``domains`` are searched.
    """

    fields: tuple[str, ...]
    address: str
    domains_of: str

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> CompanyLookup | None:
        """Read ``company_lookup`` of a model file; None if the model has none."""
        if document is None:
            return None
        return cls(tuple(document["fields"]), document["address"], document["domains_of"])


@dataclass(frozen=True)
class Skipped:
    """Why Planhat leaves out some new rows of a model without an error.

    Attributes:
        placed_by: Fields of which one must lead to a company.
        needs: Fields without which a row is always left out.
        facts: The numbers of the facts and questions about this.
    """

    placed_by: tuple[str, ...]
    needs: tuple[str, ...]
    facts: tuple[str, ...]

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> Skipped | None:
        """Read ``skipped`` of a model file; None if the model has none."""
        if document is None:
            return None
        return cls(*(tuple(document[name]) for name in ("placed_by", "needs", "facts")))


@dataclass(frozen=True)
class Model:
    """One Planhat model, or a view of one (notes are conversations of type note).

    Attributes:
        file: Name of the model file, which is its key in the registry.
        name: Planhat's name of the model, e.g. ``Company``.
        path: URL path of the main API, e.g. ``companies``.
        stream: Name of the Singer stream.
        description: One sentence for people.
        properties: JSON Schema of each known field. Unknown fields may occur in any answer (B46).
        required: Fields needed to create a row.
        required_any: Groups of fields of which at least one must be complete to create a row.
        operations: What the API offers: list, get, create, update, delete, bulk_upsert, push, duplicate.
        url_keys: The forms of keys in the URL of each operation: ``_id``, ``extid-``, ``srcid-`` (B21).
        page: Page sizes; all None if the list has no pages.
        sortable: Whether the list takes ``sort``.
        parameters: List parameters of this model besides limit, offset, sort and select.
        passes: Sets of parameters which together return every row; one empty set if a list without parameters does.
            The value ``"*"`` means all fields of the model.
        hidden: Describes the rows that a list without parameters leaves out; None if no such rows are known.
        secret: Fields that may contain credentials: they are never requested and never written.
        default_select: Fields that a list returns without ``select``; None means all.
        keyables: Fields a bulk upsert matches on, in order of priority (B57, B58).
        unconfirmed_keyables: Keyables that no source confirms for a bulk upsert (Q12).
        company: Field with the company (``companyIds[]`` for a list of companies); None if there is none.
        company_lookup: How Planhat finds the company of a new row; None if it does not search one.
        skipped: Why Planhat leaves out some new rows without an error; None if it is not known to do so.
        references: Maps the path of a field to the model path that it refers to.
        updated: The field with the time of the last change.
        constants: Values that every row of a view has.
        view_of: Model path of which this model is a view.
        written_as: Maps the name of a field in answers to its name in requests.
        maybe_shown_as: Maps the name of a field to the name under which answers may show it instead, by some sources.
        rich_text: Fields with HTML. Planhat removes line breaks from such a text when it is written (B54).
        day_only: Fields of which Planhat keeps only the day: it sets the time of day to 00:00 UTC.
        computed_together: Fields of which Planhat computes some from others, or may. If one is written alone, the
            others may get new values.
        open_on_update: Fields of which it is not known what they do in an update (Q28).
        side_effects: Paths of other models whose rows change when a row is written, with their fields that may change;
            ``*`` means all (B74, B85, B87).
        wrapped_on_write: Fields that are ids in answers but objects in requests, with the key of the id in the object.
        push: Paths on the analytics host by kind: ``one``, ``bulk``, ``segment``; ``{tenant}`` is the tenant token.
        push_stream: Singer stream that a target sends with ``push``.
        push_required: Fields that a pushed row needs.
        quirks: What users of this model should know.
        confidence: How certain the content of the file is.
        sources: Keys of the sources listed in docs/planhat-api.md.
    """

    file: str
    name: str
    path: str
    stream: str
    description: str
    properties: Mapping[str, Schema]
    required: tuple[str, ...]
    required_any: tuple[tuple[str, ...], ...]
    operations: frozenset[str]
    page: PageSize
    updated: Updated
    url_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sortable: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    passes: tuple[Mapping[str, str], ...] = ({},)
    hidden: str | None = None
    secret: frozenset[str] = frozenset()
    default_select: tuple[str, ...] | None = None
    keyables: tuple[str, ...] = ()
    unconfirmed_keyables: frozenset[str] = frozenset()
    company: str | None = None
    company_lookup: CompanyLookup | None = None
    skipped: Skipped | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    view_of: str | None = None
    written_as: Mapping[str, str] = field(default_factory=dict)
    maybe_shown_as: Mapping[str, str] = field(default_factory=dict)
    rich_text: frozenset[str] = frozenset()
    day_only: frozenset[str] = frozenset()
    computed_together: frozenset[str] = frozenset()
    open_on_update: frozenset[str] = frozenset()
    side_effects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wrapped_on_write: Mapping[str, str] = field(default_factory=dict)
    push: Mapping[str, str] = field(default_factory=dict)
    push_stream: str | None = None
    push_required: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()
    confidence: str = ""
    sources: tuple[str, ...] = ()

    @property
    def maybe_hidden(self) -> str | None:
        """The field that marks archived rows, if it is not known whether lists leave them out (Q17)."""
        requested = {name for parameters in self.passes for name in parameters}
        fields = [name for name in ("archived", "isArchived") if name in self.properties and name not in requested]
        return fields[0] if fields else None

    @property
    def dropped_without(self) -> tuple[str, ...]:
        """Fields without which Planhat leaves out a row without an error."""
        return self.skipped.needs if self.skipped is not None else ()

    @property
    def read_only(self) -> frozenset[str]:
        """Fields that Planhat sets itself."""
        return frozenset(name for name, schema in self.properties.items() if schema.get("readOnly"))

    @property
    def paged(self) -> bool:
        """Whether the list takes limit and offset."""
        return self.page.ask is not None


def _load(file: str, text: str) -> Model:
    document = json.loads(text)
    planhat = document["x-planhat"]
    page = planhat.get("page", {})
    return Model(
        file=file,
        name=planhat["model"],
        path=planhat["path"],
        stream=planhat["stream"],
        description=document["description"],
        properties=MappingProxyType(document["properties"]),
        required=tuple(document["required"]),
        required_any=tuple(tuple(group["required"]) for group in document.get("anyOf", ())),
        operations=frozenset(planhat["operations"]),
        page=PageSize(page.get("default"), page.get("max"), page.get("ask")),
        updated=Updated(**planhat["updated"]),
        url_keys={operation: tuple(forms) for operation, forms in planhat.get("url_keys", {}).items()},
        sortable=planhat.get("sortable", False),
        parameters=planhat.get("parameters", {}),
        passes=tuple(planhat.get("passes", ({},))),
        hidden=planhat.get("hidden"),
        secret=frozenset(planhat.get("secret", ())),
        default_select=tuple(planhat["default_select"]) if "default_select" in planhat else None,
        keyables=tuple(planhat.get("keyables", ())),
        unconfirmed_keyables=frozenset(planhat.get("unconfirmed_keyables", ())),
        company=planhat.get("company"),
        company_lookup=CompanyLookup.read(planhat.get("company_lookup")),
        skipped=Skipped.read(planhat.get("skipped")),
        references=planhat["references"],
        constants=planhat.get("constants", {}),
        view_of=planhat.get("view_of"),
        written_as=planhat.get("written_as", {}),
        maybe_shown_as=planhat.get("maybe_shown_as", {}),
        rich_text=frozenset(planhat.get("rich_text", ())),
        day_only=frozenset(planhat.get("day_only", ())),
        computed_together=frozenset(planhat.get("computed_together", ())),
        open_on_update=frozenset(planhat.get("open_on_update", ())),
        side_effects={path: tuple(names) for path, names in planhat.get("side_effects", {}).items()},
        wrapped_on_write=planhat.get("wrapped_on_write", {}),
        push=planhat.get("push", {}),
        push_stream=planhat.get("push_stream"),
        push_required=tuple(planhat.get("push_required", ())),
        quirks=tuple(planhat.get("quirks", ())),
        confidence=planhat["confidence"],
        sources=tuple(planhat["sources"]),
    )


@cache
def all_models() -> Mapping[str, Model]:
    """Every model by the name of its file, in alphabetical order."""
    files = sorted(
        (entry for entry in resources.files("planhat_api.models").iterdir() if entry.name.endswith(".json")),
        key=lambda entry: entry.name,
    )
    models = (_load(entry.name.removesuffix(".json"), entry.read_text("utf-8")) for entry in files)
    return MappingProxyType({model.file: model for model in models})


def model(file: str) -> Model:
    """The model of one file, e.g. ``companies``.

    Raises:
        KeyError: There is no such file.
    """
    return all_models()[file]


def model_for_stream(stream: str) -> Model:
    """The model whose Singer stream has exactly this name.

    Raises:
        KeyError: No model has such a stream.
    """
    for found in all_models().values():
        if found.stream == stream:
            return found
    raise KeyError(stream)
