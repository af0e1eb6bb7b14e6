"""Normalizes the names of streams, models, fields and custom fields for comparison.

Two names are equal if they have the same letters and digits. Upper and lower case and the characters between words do
not matter: ``External ID``, ``external_id`` and ``externalId`` are equal. For names of models, the plural does not
matter either. For misspelt names, see ``planhat_api.plugin.name_suggestions``.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_api.models.registry import Model

__all__ = ["folded", "folded_field", "model_names", "singular", "without_plural"]


def folded(name: str) -> str:
    """A name in lower case, without the characters between its words.

    A name without letters and digits, such as an emoji, is kept. Otherwise all such names would be equal.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in plain if sign.isalnum()) or plain.strip()


def folded_field(name: str) -> str:
    """The same for a field of a model, but a leading underscore stays: ``_id`` is Planhat's id, ``id`` is not."""
    return f"_{folded(name)}" if name.startswith("_") else folded(name)


def singular(word: str) -> str:
    """The singular of an English word."""
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def without_plural(name: str) -> str:
    """The singular of a folded name, which is equal for all names of a model."""
    return singular(folded(name))


def model_names(model: Model) -> frozenset[str]:
    """The folded, singular names that Planhat may use for a model, for example as the parent of a custom field."""
    names = (model.name, model.file, model.path, model.view_of)
    return frozenset(without_plural(name) for name in names if name)
