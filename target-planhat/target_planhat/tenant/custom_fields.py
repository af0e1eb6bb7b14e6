"""Knows the custom fields of the tenant, so that a wrong name is caught before it is sent (B50)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from planhat_api.errors import AccessError, NotFoundError
from planhat_api.plugin.name_suggestions import closest_name
from planhat_api.values.names import folded, model_names, without_plural

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Mapping

    from planhat_api import PlanhatClient
    from planhat_api.models.registry import Model

__all__ = ["CustomFields", "NamesOfModel"]

Kind: TypeAlias = Any
"""What a field holds, in the terms of whoever asks for it."""


@dataclass(frozen=True)
class NamesOfModel:
    """The custom fields of one model.

    Attributes:
        kinds: Kind of each field by its exact name; None when the tenant does not tell its fields.
        formulas: Names of the fields Planhat computes, which cannot be written (B56).
    """

    kinds: Mapping[str, Kind] | None
    formulas: frozenset[str] = frozenset()

    def find(self, name: str) -> str | None:
        """The exact name of a field (B47), found by any case, spaces or underscores; None when there is no such field.

        When two fields differ only in case or punctuation, only an exact name finds one.
        """
        if self.kinds is None or name in self.kinds or name in self.formulas:
            return name
        wanted = folded(name)
        found = [known for known in (*self.kinds, *self.formulas) if folded(known) == wanted]
        return found[0] if len(found) == 1 else None

    def nearest(self, name: str) -> str | None:
        """The name of a field that can be written, and was meant as far as one can tell."""
        return closest_name(name, self.kinds or ())

    def kind(self, name: str) -> Kind | None:
        """The kind of a field by its exact name; None when the tenant does not tell its fields."""
        return None if self.kinds is None else self.kinds[name]


class CustomFields:
    """The custom fields of the tenant, read once when first needed."""

    def __init__(
        self, client: PlanhatClient, logger: logging.Logger, kind_of: Callable[[str], Kind], *, check: bool
    ) -> None:
        """Reads nothing yet.

        Args:
            client: Reads `GET /customfields`.
            logger: Told when the fields cannot be read.
            kind_of: The kind of a field by its type in Planhat.
            check: Whether to read them at all; without, every name is taken as it is.
        """
        self._client = client
        self._logger = logger
        self._kind_of = kind_of
        self._check = check
        self._definitions: list[dict[str, Any]] | None = None
        self._asked = False

    def of(self, model: Model) -> NamesOfModel:
        """The custom fields of one model."""
        definitions = self._read() if "custom" in model.properties else []
        if definitions is None:
            return NamesOfModel(None)
        mine = [entry for entry in definitions if _is_of(entry, model)]
        return NamesOfModel(
            {str(entry["name"]): self._kind_of(str(entry.get("type", ""))) for entry in _written(mine)},
            frozenset(str(entry["name"]) for entry in mine if entry.get("isFormula")),
        )

    def forget(self) -> None:
        """Read them again when next needed: the run has changed them."""
        self._asked = False

    def _read(self) -> list[dict[str, Any]] | None:
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
    """Models write the case of `parent` differently."""
    return bool(definition.get("name")) and without_plural(str(definition.get("parent", ""))) in model_names(model)


def _written(definitions: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return (entry for entry in definitions if not entry.get("isFormula"))
