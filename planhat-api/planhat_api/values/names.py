"""Tells whether two names mean the same: one rule for streams, models, fields and custom fields.

Two names are the same when they are written with the same letters and digits, whatever their case and whatever stands
between the words: ``External ID``, ``external_id`` and ``externalId`` are one name. The names of models are the same in
the plural, too. What a name that is wrong may have meant is another question: see ``planhat_api.plugin.nearest``.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_api.models.registry import Model

__all__ = ["folded", "folded_field", "model_names", "singular", "without_plural"]


def folded(name: str) -> str:
    """A name without case and without what separates its words; equal for names that are the same.

    A name of signs alone, such as an emoji, is kept: all of them would be one name otherwise.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in plain if sign.isalnum()) or plain.strip()


def folded_field(name: str) -> str:
    """The same for a field of a model, where a leading underscore counts: ``_id`` is Planhat's id, ``id`` is not."""
    return f"_{folded(name)}" if name.startswith("_") else folded(name)


def singular(word: str) -> str:
    """An English word without the ending of its plural."""
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def without_plural(name: str) -> str:
    """A name folded, and in the singular: equal for names of one model."""
    return singular(folded(name))


def model_names(model: Model) -> frozenset[str]:
    """What Planhat may call a model where it names one, as the parent of a custom field: folded, in the singular."""
    names = (model.name, model.file, model.path, model.view_of)
    return frozenset(without_plural(name) for name in names if name)
