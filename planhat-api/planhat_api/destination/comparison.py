"""Decides which fields of a row Planhat would change, from the row that it holds and the row that would be sent.

It promises one direction: if a sent field has no difference, Planhat would change nothing by it. In doubt, there is a
difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from planhat_api.destination.comparison_types import (
    DIFFERENT,
    EQUAL,
    NEVER,
    SCALARS,
    Verdict,
    before_id,
    compare_of_custom_field,
    compare_of_field,
    identical,
    plain_types,
    quick_type,
)
from planhat_api.destination.quick_comparison import QuickComparison

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from planhat_api.destination.comparison_types import Compare
    from planhat_api.models.registry import Model

__all__ = ["CUSTOM_PREFIX", "Comparison", "Difference"]

Json: TypeAlias = Any

_CUSTOM = "custom"
CUSTOM_PREFIX = "custom."
"""Before the name of a custom field in ``Difference.field``."""
_COMPANY_EXTERNAL_ID = "companyExternalId"
_HELD_UNKNOWN = "It is not known what Planhat holds in this field (Q5)."
_NEVER_SHOWN = "Planhat does not show this field, so it is not known what it holds (Q5)."
_OTHER_NAME = "Planhat may show this field under another name (B46)."
_READ_ONLY = "It is not known what Planhat does with a field that it sets itself (Q15)."
_UNKNOWN_FIELD = "It is not known whether Planhat keeps a field that it does not document (B52)."
_NULL = "It is not known whether null clears this field (Q9)."
_NULL_CUSTOM = "It is not known whether Planhat stores a null where it holds no value (B49)."
_OPEN_ON_UPDATE = "It is not known what this field does in an update (Q28)."
_WHOLE_CUSTOM = "It is not known whether custom replaces the custom values that Planhat holds (Q8)."
_OTHER_COMPANY_FIELD = "The row names its company in two fields, and the first one decides (B89)."


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One field that Planhat would change, or may change.

    Attributes:
        field: Name of the field, or ``custom.`` and the name of a custom field.
        held: The value that Planhat holds, as it was answered; None if it holds none. For the external id of the
            company, it is the company.
        sent: The value that would be sent.
        doubt: None if the values are different. Otherwise a sentence that says why it is not known whether Planhat
            would change anything.
    """

    field: str
    held: Json
    sent: Json
    doubt: str | None = None


class Comparison:
    """Compares rows of one model. The custom fields of the tenant must stay the same."""

    def __init__(
        self, model: Model, custom_types: Mapping[str, str] | None, company_id: Callable[[str], str | None]
    ) -> None:
        """Look up how each field is compared.

        Args:
            model: The model of the rows.
            custom_types: Maps the exact name of each custom field to its type name in Planhat (B47); None if the custom
                fields are not known.
            company_id: Gives the ``_id`` of the company with this ``_id``, ``extid-…`` or ``srcid-…`` (B22); None if
                there is none.
        """
        self._model = model
        self._has_custom = _CUSTOM in model.properties and _CUSTOM not in model.read_only
        types = custom_types or {}
        self._custom_compares = {name: compare_of_custom_field(kind) for name, kind in types.items()}
        self._custom_plain = {name: plain_types(compare) for name, compare in self._custom_compares.items()}
        quick = {name: quick_type(compare) for name, compare in self._custom_compares.items()}
        # Rich text has no plain types: it may be held with line breaks (B54).
        self._quick_custom = {
            name: kind for name, kind in quick.items() if kind is not None and self._custom_plain[name] != NEVER
        }
        self._compares: dict[str, Compare] = {}
        self._doubts: dict[str, str] = {}
        for name, schema in model.properties.items():
            if schema.get("writeOnly") or name in model.secret:
                self._doubts[name] = _NEVER_SHOWN
            elif name == "_id" or not (schema.get("readOnly") or name == _CUSTOM):
                self._compares[name] = compare_of_field(model, name, company_id)
        self._shown_as = {written: shown for shown, written in model.written_as.items()}
        # Most values are equal to the held ones. The types that need no further look are known by field.
        special = {*self._shown_as, *model.maybe_shown_as, _COMPANY_EXTERNAL_ID}
        self._plain = {
            name: plain_types(compare) | {type(None)} for name, compare in self._compares.items() if name not in special
        }

    def differences(
        self, held: Mapping[str, Json], sent: Mapping[str, Json], unsure: Collection[str] = ()
    ) -> list[Difference]:
        """The sent fields that Planhat would change or may change, in the order of ``sent``.

        Args:
            held: The row as Planhat answered it, decoded. An absent field counts as null.
            sent: The row as a bulk upsert would send it, decoded.
            unsure: Names of fields of which it is not known what Planhat holds: ``phase``, ``custom.Tier`` for one
                custom field, ``custom`` for all of them. They are always different, in doubt.
        """
        found: list[Difference] = []
        plain = self._plain if not unsure else {name: self._plain[name] for name in self._plain if name not in unsure}
        held_value, plain_in = held.get, plain.get
        for name, value in sent.items():
            known = held_value(name)
            if known == value and type(known) is type(value) and type(value) in plain_in(name, NEVER):
                continue
            if name == _CUSTOM and self._has_custom:
                self._add_custom(found, known, value, unsure)
                continue
            verdict = _HELD_UNKNOWN if name in unsure else self._verdict(name, held, sent)
            if verdict == DIFFERENT and name in self._model.open_on_update:
                verdict = _OPEN_ON_UPDATE
            if verdict is not EQUAL:
                found.append(Difference(name, held_value(self._shown_name(name, held)), value, verdict or None))
        return found

    def quick(self, fields: Iterable[str]) -> QuickComparison | None:
        """Recognises rows with some or all of these fields that are equal. None if each row needs a closer look.

        Args:
            fields: Names of fields in requests. Custom fields are together in ``custom``.
        """
        names = [name for name in fields if name != _CUSTOM]
        if any(name not in self._plain for name in names):
            return None
        types = {name: quick_type(self._compares[name]) for name in names}
        if None in types.values():
            return None
        one_line = self._model.rich_text.intersection(names)
        company = self._model.company if self._model.company in types else None
        return QuickComparison(types, company, one_line, self._quick_custom, self._custom_is_equal)

    def _custom_is_equal(self, held: Json, sent: Json) -> bool:
        found: list[Difference] = []
        self._add_custom(found, held, sent, ())
        return not found

    def is_still(self, held: Mapping[str, Json], field: str, before: Json) -> bool:
        """Whether Planhat holds in a field what it held before.

        Args:
            held: The row as Planhat answers it now.
            field: Name of the field, as in ``Difference``.
            before: The value that it held before, as it was answered; None if it held none.
        """
        if field.startswith(CUSTOM_PREFIX):
            name = field.removeprefix(CUSTOM_PREFIX)
            known, compare = (held.get(_CUSTOM) or {}).get(name), self._custom_compares.get(name)
        else:
            shown = self._shown_name(field, held)
            # The external id of a company is not in answers: the company itself is compared.
            known, compare = held.get(shown), self._compares.get(shown if shown == self._model.company else field)
        if known is None or before is None:
            return known is None and before is None
        return identical(known, before) or (compare is not None and compare(known, before_id(before)) is EQUAL)

    def _shown_name(self, name: str, held: Mapping[str, Json]) -> str:
        """The name of the field of an answer that tells what this field of a request holds."""
        if name == _COMPANY_EXTERNAL_ID and self._model.company is not None:
            return self._model.company
        if name not in held and name in self._model.maybe_shown_as:
            return self._model.maybe_shown_as[name]
        return self._shown_as.get(name, name)

    def _verdict(self, name: str, held: Mapping[str, Json], sent: Mapping[str, Json]) -> Verdict:
        compare = self._compares.get(name)
        if compare is None:
            return self._verdict_in_doubt(name, held, sent[name])
        if name == _COMPANY_EXTERNAL_ID:
            return self._company_verdict(held, sent)
        if name in self._model.maybe_shown_as and name not in held:
            return _OTHER_NAME
        known, value = held.get(self._shown_as.get(name, name)), sent[name]
        if value is None:
            return EQUAL if known is None else _NULL
        return DIFFERENT if known is None else compare(known, value)

    def _verdict_in_doubt(self, name: str, held: Mapping[str, Json], value: Json) -> Verdict:
        """Compare a field that Planhat may not take, or does not show."""
        if name in self._doubts:
            return self._doubts[name]
        if name in held and identical(held[name], value):
            return EQUAL
        return _READ_ONLY if name in self._model.properties else _UNKNOWN_FIELD

    def _company_verdict(self, held: Mapping[str, Json], sent: Mapping[str, Json]) -> Verdict:
        """Compare the external id of the company with the company. Answers show only the company (B89)."""
        field, key = self._model.company or "", sent[_COMPANY_EXTERNAL_ID]
        if sent.get(field):
            return _OTHER_COMPANY_FIELD
        if key is None or key == "":
            return _NULL
        known = held.get(field)
        return DIFFERENT if known is None else self._compares[field](known, f"extid-{key}")

    def _add_custom(self, found: list[Difference], held: Json, sent: Json, unsure: Collection[str]) -> None:
        """Add the differences of each custom field (B48)."""
        values = held if isinstance(held, dict) else {}
        all_unsure = _CUSTOM in unsure
        if not isinstance(sent, dict) or not sent:
            if all_unsure or values or sent:
                found.append(Difference(_CUSTOM, held, sent, _HELD_UNKNOWN if all_unsure else _WHOLE_CUSTOM))
            return
        plain, otherwise = (self._custom_plain, SCALARS) if not unsure else ({}, NEVER)
        held_value, plain_in = values.get, plain.get
        for name, value in sent.items():
            known = held_value(name)
            if known == value and type(known) is type(value) and type(value) in plain_in(name, otherwise):
                continue
            field = f"{CUSTOM_PREFIX}{name}"
            is_unsure = all_unsure or field in unsure
            verdict = _HELD_UNKNOWN if is_unsure else self._custom_verdict(name, values, value)
            if verdict is not EQUAL:
                found.append(Difference(field, known, value, verdict or None))

    def _custom_verdict(self, name: str, held: Mapping[str, Json], value: Json) -> Verdict:
        known = held.get(name)
        if value is None and known is None:
            return EQUAL if name in held else _NULL_CUSTOM
        if value is None or known is None:
            return DIFFERENT
        compare = self._custom_compares.get(name)
        return compare(known, value) if compare is not None else EQUAL if identical(known, value) else DIFFERENT
