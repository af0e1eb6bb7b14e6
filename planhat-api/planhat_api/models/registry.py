"""Reads the model files: everything known about each Planhat model, as data.

A model file (``models/<name>.json``) is a JSON Schema with standard keywords and one extension object,
``x-planhat``, for what JSON Schema cannot say. The keywords mean:

- ``required`` and ``anyOf``: what Planhat needs to create a row.
- ``readOnly``: set by Planhat; left out of what is written (Q15).
- ``writeOnly``: can be sent, does not come back.
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

__all__ = ["Model", "PageSize", "Placing", "Updated", "all_models", "model", "model_for_stream"]

Schema = dict[str, Any]


@dataclass(frozen=True)
class PageSize:
    """Rows per list call: Planhat's default, its documented maximum, and what this client asks for (B26, Q4)."""

    default: int | None
    max: int | None
    ask: int | None


@dataclass(frozen=True)
class Updated:
    """The field that shows when a row last changed, and how sure that is (B33).

    ``confidence`` is ``documented``, ``seen`` (in answers), ``inferred`` or ``unknown`` (then there is no field).
    """

    field: str | None
    confidence: str


@dataclass(frozen=True)
class Placing:
    """How Planhat finds the company of a new row; a row that is mapped to none is ignored in silence (B89).

    Attributes:
        fields: Fields that name the company, in order of priority.
        address: Field with an e-mail address. Its domain finds the company where no field does.
        domains_of: Model path whose ``domains`` are looked through.
    """

    fields: tuple[str, ...]
    address: str
    domains_of: str

    @classmethod
    def read(cls, document: Mapping[str, Any] | None) -> Placing | None:
        """The ``placing`` of a model file; None when the model has none."""
        if document is None:
            return None
        return cls(tuple(document["fields"]), document["address"], document["domains_of"])


@dataclass(frozen=True)
class Model:
    """One Planhat model, or a view of one (notes are conversations of type note).

    Attributes:
        file: Name of the model file, the key under which the registry holds it.
        name: Planhat's name of the model, e.g. ``Company``.
        path: URL path of the main API, e.g. ``companies``.
        stream: Name of the Singer stream.
        description: One sentence for people.
        properties: JSON Schema of each known field. Unknown fields may occur in any answer (B46).
        required: Fields needed to create a row.
        required_any: Groups of fields of which at least one must be complete to create a row.
        operations: What the API offers: list, get, create, update, delete, bulk_upsert, push, duplicate.
        url_keys: Per operation the forms of id its URL takes: ``_id``, ``extid-``, ``srcid-`` (B21).
        page: Page sizes; all None when the list is not paged.
        sortable: Whether the list takes ``sort``.
        parameters: List parameters of this model beside limit, offset, sort and select.
        passes: Parameter sets which together bring every row; one empty set when a plain list hides nothing.
            ``"*"`` as a value stands for all fields of the model.
        hidden: What a plain list leaves out, for people; None when it leaves out nothing known.
        secret: Fields that may hold credentials: never asked for, never passed on.
        default_select: Fields a list returns without ``select``; None means all.
        keyables: Fields a bulk upsert matches on, in order of priority (B57, B58).
        company: Field that holds the company (``companyIds[]`` for a list of them); None when there is none.
        placing: How the company of a new row is found; None when Planhat does not look for one.
        references: Path of a field to the model path it points at.
        updated: Which field shows the last change.
        constants: Values every row of a view carries.
        view_of: Model path this one is a view of.
        written_as: Read name of a field to the name it must be written under.
        wrapped_on_write: Fields read as ids but written as objects, with the key of the id in the object.
        push: Paths on the analytics host by kind: ``one``, ``bulk``, ``segment``; ``{tenant}`` is the tenant token.
        push_stream: Singer stream a target takes for ``push``.
        push_required: Fields a pushed row needs.
        quirks: What a user of this model should know.
        confidence: How sure the file is.
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
    company: str | None = None
    placing: Placing | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    view_of: str | None = None
    written_as: Mapping[str, str] = field(default_factory=dict)
    wrapped_on_write: Mapping[str, str] = field(default_factory=dict)
    push: Mapping[str, str] = field(default_factory=dict)
    push_stream: str | None = None
    push_required: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()
    confidence: str = ""
    sources: tuple[str, ...] = ()

    @property
    def maybe_hidden(self) -> str | None:
        """The field that marks archived rows, where it is not known whether lists leave those out (Q17)."""
        asked_for = {name for parameters in self.passes for name in parameters}
        marks = [name for name in ("archived", "isArchived") if name in self.properties and name not in asked_for]
        return marks[0] if marks else None

    @property
    def read_only(self) -> frozenset[str]:
        """Fields Planhat sets itself."""
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
        company=planhat.get("company"),
        placing=Placing.read(planhat.get("placing")),
        references=planhat["references"],
        constants=planhat.get("constants", {}),
        view_of=planhat.get("view_of"),
        written_as=planhat.get("written_as", {}),
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
