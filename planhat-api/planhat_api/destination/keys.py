"""Reads the keys and the company of rows that are sent and of rows that Planhat holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple

from planhat_api.bulk.existing_keys import UNIQUE_IN_COMPANY
from planhat_api.models.registry import all_models
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planhat_api.models.registry import Model

__all__ = ["KeyNames", "SentKeys", "SentKeysReader", "company_text"]

_UNIQUE = ("sourceId", "externalId", "extId")
_COMPANY_EXTERNAL_ID = "companyExternalId"
_REFERENCES = ("extid-", "srcid-")


class KeyNames:
    """The names of the keys of one model.

    Attributes:
        keyables: Keys that Planhat matches on, in order of priority (B58). A view has those of its whole model.
        names: ``keyables``, and other fields that are unique (B62).
        unconfirmed: Keyables of which it is not known whether a bulk upsert matches on them (Q12).
        scoped: Keys that are unique only within one company (B62).
        company: Field with the company in answers and requests; None if a row has none, or several.
        company_fields: Fields that can name the company in a request, in order of priority (B22, B89).
        shown: Maps the name of a key to its name in answers.
    """

    def __init__(self, model: Model) -> None:
        """Take the model."""
        whole = next((one for one in all_models().values() if one.path == model.view_of and not one.view_of), model)
        shown = {sent: answered for answered, sent in model.written_as.items()}
        self.keyables = whole.keyables
        others = (name for name in _UNIQUE if name in whole.properties and name not in model.written_as)
        self.names = tuple(dict.fromkeys((*self.keyables, *others)))
        self.unconfirmed = whole.unconfirmed_keyables
        self.company = model.company if model.company and not model.company.endswith("[]") else None
        self.scoped = UNIQUE_IN_COMPANY.intersection(self.names) if self.company else frozenset[str]()
        self.shown = {name: shown.get(name, name) for name in self.names}
        self.company_fields: tuple[str, ...] = ()
        if self.company is not None:
            lookup = model.company_lookup
            named = lookup.fields if lookup else (self.company, _COMPANY_EXTERNAL_ID)
            self.company_fields = tuple(name for name in named if name == self.company or name in model.properties)


def company_text(value: object) -> str | None:
    """``_id`` of the company in a field of an answer. It may be in an object (B36)."""
    if isinstance(value, dict):
        value = value.get("_id") or value.get("id")
    return key_text(value) or None


class SentKeys(msgspec.Struct, gc=False):
    """What decides on the match of a row that is sent.

    Attributes:
        keys: Its keys as text, in order of priority.
        company: ``_id`` of the company that it names; None if it names none, or an unknown one.
        company_is_unknown: Whether it names a company that does not exist.
        company_is_emptied: Whether it says that the record has no company.
    """

    keys: Mapping[str, str]
    company: str | None = None
    company_is_unknown: bool = False
    company_is_emptied: bool = False


class SentKeysReader:
    """Reads the keys of rows from their bodies."""

    def __init__(self, names: KeyNames, company_id: Callable[[str], str | None]) -> None:
        """Take the names, and what gives the ``_id`` of a company by ``_id``, ``extid-…`` or ``srcid-…``."""
        self._company_id = company_id
        self._keys = names.names
        self._named = names.company_fields
        fields = {f"field_{place}": name for place, name in enumerate((*self._keys, *self._named))}
        body = msgspec.defstruct("Body", [(name, Any, UNSET) for name in fields], rename=fields, gc=False)
        self._decode = msgspec.json.Decoder(body).decode

    def read(self, body: bytes) -> SentKeys:
        """The keys and the company of one row, which is one JSON object."""
        values = astuple(self._decode(body))
        keys = {}
        for name, value in zip(self._keys, values):  # noqa: B905 - companies follow the keys
            if value is UNSET:
                continue
            text = value if type(value) is str else key_text(value)
            if text:
                keys[name] = text
        if not self._named:
            return SentKeys(keys)
        return self._with_company(values[len(self._keys) :], keys)

    def _with_company(self, values: Sequence[Any], keys: dict[str, str]) -> SentKeys:
        is_emptied = is_unknown = False
        for name, value in zip(self._named, values, strict=True):
            if value is UNSET:
                continue
            text = value if type(value) is str else key_text(value)
            if not text:
                is_emptied = name != _COMPANY_EXTERNAL_ID
                continue
            if name == _COMPANY_EXTERNAL_ID:
                text = f"extid-{text}"
            # Most rows name their company by its _id, which needs no search.
            found = self._company_id(text) if text.startswith(_REFERENCES) else text
            if found is not None:
                return SentKeys(keys, found)
            is_unknown = True
        return SentKeys(keys, None, is_unknown, is_emptied)
