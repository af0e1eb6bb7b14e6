"""Reads the custom fields of the tenant, so that wrong names are found before rows are sent (B50)."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

from planhat_api.errors import AccessError, NotFoundError
from planhat_api.plugin.name_suggestions import closest_name
from planhat_api.values.names import folded, model_names, without_plural

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Mapping

    from planhat_api import PlanhatClient
    from planhat_api.models.registry import Model
    from planhat_api.values.field_type import FieldType

    _Known = tuple[Mapping[str, FieldType] | None, frozenset[str]]
    """The types of the custom fields of a model, and the names of its formulas."""

__all__ = ["CustomFields", "NamesOfModel"]


class NamesOfModel:
    """The custom fields of one model."""

    def __init__(self, types: Mapping[str, FieldType] | None, formulas: frozenset[str] = frozenset()) -> None:
        """Take the fields.

        Args:
            types: As the attribute.
            formulas: As the attribute.
        """
        self._read: Callable[[], _Known] = lambda: (types, formulas)

    @classmethod
    def read_when_needed(cls, read: Callable[[], _Known]) -> NamesOfModel:
        """The custom fields that a function gives when one of them is needed. It is called once at most."""
        names = cls(None)
        names._read = read
        return names

    @cached_property
    def _known(self) -> _Known:
        return self._read()

    @property
    def types(self) -> Mapping[str, FieldType] | None:
        """Type of each field by its exact name; None if the fields are not known."""
        return self._known[0]

    @property
    def formulas(self) -> frozenset[str]:
        """Names of the fields that Planhat computes, which cannot be written (B56)."""
        return self._known[1]

    def find(self, name: str) -> str | None:
        """The exact name of a field (B47), whatever its case, spaces or underscores; None if there is no such field.

        If two fields differ only in case or punctuation, only the exact name finds one.
        """
        types, formulas = self._known
        if types is None or name in types or name in formulas:
            return name
        wanted = folded(name)
        found = [known for known in (*types, *formulas) if folded(known) == wanted]
        return found[0] if len(found) == 1 else None

    def nearest(self, name: str) -> str | None:
        """The most similar name of a field that can be written; None if no name is similar."""
        return closest_name(name, self.types or ())

    def type_of(self, name: str) -> FieldType | None:
        """The type of a field by its exact name; None if the fields are not known."""
        types = self.types
        return None if types is None else types[name]


class CustomFields:
    """The custom fields of the tenant. They are read when they are first needed. Many threads may use it."""

    def __init__(
        self, client: PlanhatClient, logger: logging.Logger, type_of: Callable[[str], FieldType], *, check: bool
    ) -> None:
        """Prepare to read.

        Args:
            client: Reads `GET /customfields`.
            logger: Logs if the fields cannot be read.
            type_of: Gives the type of a field from its type name in Planhat.
            check: Whether to read the fields. If not, all names are accepted.
        """
        self._client = client
        self._logger = logger
        self._type_of = type_of
        self._check = check
        self._definitions: list[dict[str, Any]] | None = None
        self._asked = False
        self._lock = threading.Lock()

    def of(self, model: Model) -> NamesOfModel:
        """The custom fields of one model. They are read when one of them is needed."""
        if "custom" not in model.properties:
            return NamesOfModel({})
        return NamesOfModel.read_when_needed(lambda: self._known_of(model))

    def _known_of(self, model: Model) -> _Known:
        definitions = self._read()
        if definitions is None:
            return None, frozenset()
        mine = [entry for entry in definitions if _is_of(entry, model)]
        return (
            {str(entry["name"]): self._type_of(str(entry.get("type", ""))) for entry in _written(mine)},
            frozenset(str(entry["name"]) for entry in mine if entry.get("isFormula")),
        )

    def type_names(self, model: Model) -> Mapping[str, str] | None:
        """The type name in Planhat of each custom field of a model; None if the fields are not known."""
        definitions = self._read()
        if definitions is None:
            return None
        return {str(entry["name"]): str(entry.get("type", "")) for entry in definitions if _is_of(entry, model)}

    def mandatory(self, model: Model) -> list[str]:
        """The names of the custom fields without which no record of a model is created."""
        mine = [entry for entry in self._read() or () if _is_of(entry, model)]
        return [str(entry["name"]) for entry in mine if entry.get("isMandatory")]

    def add_planned(self, definition: Mapping[str, Any]) -> None:
        """Add a field that a plan creates."""
        definitions = self._read()
        if definitions is not None:
            definitions.append(dict(definition))

    def take(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Take the definitions of all fields, which the caller has read, unless they are known already."""
        with self._lock:
            if self._check and not self._asked:
                self._asked, self._definitions = True, [dict(definition) for definition in definitions]

    def forget(self) -> None:
        """Read the fields again when they are needed, because the run has changed them."""
        self._asked = False

    def _read(self) -> list[dict[str, Any]] | None:
        with self._lock:
            if self._check and not self._asked:
                self._asked = True
                try:
                    self._definitions = self._client.custom_fields()
                except (AccessError, NotFoundError) as err:
                    self._logger.warning(
                        "Custom field names are not checked: Planhat does not show them to this token (%s). "
                        "A name that matches no field is stored where nobody sees it.",
                        err,
                    )
            return self._definitions


def _is_of(definition: Mapping[str, Any], model: Model) -> bool:
    """Whether a field belongs to a model. `parent` has a different case and number for different models."""
    return bool(definition.get("name")) and without_plural(str(definition.get("parent", ""))) in model_names(model)


def _written(definitions: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return (entry for entry in definitions if not entry.get("isFormula"))
