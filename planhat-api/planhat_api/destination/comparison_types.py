"""Compares a value that Planhat holds with one that would be sent, by the type of the field."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from planhat_api.values.custom_types import Holds, custom_type
from planhat_api.values.dates import is_canonical, moment
from planhat_api.values.invalid import InvalidValueError
from planhat_api.values.texts import referred

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_api.models.registry import Model

__all__ = [
    "DIFFERENT",
    "EQUAL",
    "NEVER",
    "SCALARS",
    "Compare",
    "Verdict",
    "before_id",
    "compare_of_custom_field",
    "compare_of_field",
    "identical",
    "plain_types",
    "quick_type",
]

Json: TypeAlias = Any

Verdict: TypeAlias = str | None
"""EQUAL, DIFFERENT, or the reason why it is not known whether Planhat would change anything."""
EQUAL: Verdict = None
DIFFERENT: Verdict = ""

Compare: TypeAlias = "Callable[[Json, Json], Verdict]"
"""Compares the held value with the sent one. Neither is null."""

SCALARS: frozenset[type] = frozenset({str, bool, int, float})
"""Types whose values are the same JSON if they are equal and have the same type."""
NEVER: frozenset[type] = frozenset()

_LINE_BREAK = "It is not known whether Planhat removes line breaks from this field (B54)."
_CURRENCY = "_currency"
_RICH_TEXT = "rich text"
_MULTIPICKLIST = "multipicklist"
_LENGTH_OF_DAY = len("2024-05-14")
_EXACT_INTEGERS = 2**53
"""All integers up to this size are exact in JavaScript, and have the same text there."""

_encode = msgspec.json.Encoder(order="deterministic").encode
# A sent date must say its time zone, because a server may read a date without one as local time.
_HAS_ZONE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})"
).fullmatch


def identical(held: Json, sent: Json) -> bool:
    """Whether two values are the same JSON: with the same types, and in any order of the members of objects."""
    return type(held) is type(sent) and held == sent and _encode(held) == _encode(sent)


def compare_of_field(model: Model, name: str, company_id: Callable[[str], str | None]) -> Compare:
    """How a standard field is compared."""
    compare = _compare_of_company(model, name, company_id) or _compare_of_reference(model, name)
    if compare is not None:
        return compare
    if name in model.keyables and name != "email":
        return _key
    if name in model.rich_text:
        return _rich_text
    if name in model.day_only:
        return _day_of_moment
    schema: Mapping[str, Json] = model.properties[name]
    return _BY_FORM.get(schema.get("format") or schema.get("type") or "", _json)


def compare_of_custom_field(type_name: str) -> Compare:
    """How a custom field of a type is compared (B47). Values of an unknown type must be the same JSON."""
    found = custom_type(type_name)
    if found is None:
        return _json
    if found.name == _RICH_TEXT:
        return _rich_text
    return _picks if found.name == _MULTIPICKLIST else _BY_HELD[found.holds]


def _compare_of_company(model: Model, name: str, company_id: Callable[[str], str | None]) -> Compare | None:
    if name == model.company:
        return _company(company_id)
    return _Each(_company(company_id)) if f"{name}[]" == model.company else None


def _compare_of_reference(model: Model, name: str) -> Compare | None:
    if name in model.wrapped_on_write:
        return _wrapped(model.wrapped_on_write[name])
    if name in model.references or name == _CURRENCY:
        return _reference
    return _Each(_reference) if f"{name}[]" in model.references else None


def _verdict(*, equal: bool) -> Verdict:
    return EQUAL if equal else DIFFERENT


def _json(held: Json, sent: Json) -> Verdict:
    return _verdict(equal=identical(held, sent))


def _exact_text(held: Json, sent: Json) -> Verdict:
    return _verdict(equal=type(held) is str and type(sent) is str and held == sent)


def _text(held: Json, sent: Json) -> Verdict:
    """Compare texts of a standard field, which may be rich text or not."""
    if type(held) is not str or type(sent) is not str:
        return DIFFERENT
    if held == sent:
        return EQUAL
    return _LINE_BREAK if held == _on_one_line(sent) else DIFFERENT


def _rich_text(held: Json, sent: Json) -> Verdict:
    """Compare HTML. Planhat removes line breaks on writing, also from a text that it holds with them (B54)."""
    return _verdict(equal=type(held) is str and type(sent) is str and held == _on_one_line(sent))


def _on_one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def _key(held: Json, sent: Json) -> Verdict:
    """Compare keys. Planhat stores a number as its text (B43)."""
    if type(sent) is int and abs(sent) <= _EXACT_INTEGERS:
        sent = str(sent)
    return _exact_text(held, sent)


def _number(held: Json, sent: Json) -> Verdict:
    """Compare numbers by value. JSON does not distinguish 1 from 1.0, but a boolean is no number."""
    if not _is_number(held) or not _is_number(sent):
        return DIFFERENT
    if type(held) is float and type(sent) is Decimal:
        sent = float(sent)
    elif type(held) is Decimal and type(sent) is float:
        held = float(held)
    return _verdict(equal=held == sent)


def _is_number(value: Json) -> bool:
    return type(value) in {int, float, Decimal}


def _boolean(held: Json, sent: Json) -> Verdict:
    return _verdict(equal=type(held) is bool and held is sent)


def _moment(held: Json, sent: Json) -> Verdict:
    """Compare moments to the millisecond, in every spelling of answers (B40, B42)."""
    if type(sent) is not str or not (is_canonical(sent) or _HAS_ZONE(sent)):
        return DIFFERENT
    try:
        return _verdict(equal=moment(held, any_number=True) == moment(sent))
    except InvalidValueError:
        return DIFFERENT


def _day_of_moment(held: Json, sent: Json) -> Verdict:
    """Compare moments of which Planhat keeps only the day (``day_only``)."""
    if type(sent) is str and is_canonical(sent):
        sent = f"{sent[:_LENGTH_OF_DAY]}T00:00:00.000Z"
    return _moment(held, sent)


def _reference(held: Json, sent: Json) -> Verdict:
    """Compare an id, or the code of a currency. In an answer, it may be in an object (B36)."""
    return _exact_text(_id_in(held), sent)


def before_id(answered: Json) -> Json:
    """A value that was answered, in the form in which it would be sent: of a reference, only the id (B36)."""
    return _id_in(answered) or answered


def _id_in(held: Json) -> Json:
    try:
        return referred(held)
    except InvalidValueError:
        return None


def _company(company_id: Callable[[str], str | None]) -> Compare:
    """Compare companies, which may be sent as ``extid-…`` or ``srcid-…`` (B22)."""

    def compare(held: Json, sent: Json) -> Verdict:
        known = _id_in(held)
        if type(known) is not str or type(sent) is not str:
            return DIFFERENT
        return _verdict(equal=known == sent or company_id(sent) == known)

    return compare


class _Each:
    """Compares arrays entry by entry."""

    def __init__(self, item: Compare) -> None:
        self._item = item

    def __call__(self, held: Json, sent: Json) -> Verdict:
        if type(held) is not list or type(sent) is not list or len(held) != len(sent):
            return DIFFERENT
        entries = zip(held, sent, strict=True)
        return _verdict(equal=all(self._item(known, value) is EQUAL for known, value in entries))


def _wrapped(key: str) -> Compare:
    """Compare ids that are sent as objects (``wrapped_on_write``). So no text is ever equal to what is sent."""
    ids = _Each(_reference)

    def compare(held: Json, sent: Json) -> Verdict:
        if type(sent) is not list or not all(type(entry) is dict and entry.keys() == {key} for entry in sent):
            return DIFFERENT
        return ids(held, [entry[key] for entry in sent])

    return compare


def _picks(held: Json, sent: Json) -> Verdict:
    """Compare the picks of a multipicklist in any order (Q27)."""
    if type(held) is not list or type(sent) is not list or len(held) != len(sent):
        return DIFFERENT
    if not all(type(pick) is str for pick in (*held, *sent)):
        return _json(held, sent)
    if held == sent:
        return EQUAL
    return _verdict(equal=sorted(held) == sorted(sent))


_BY_FORM: Mapping[str, Compare] = {
    "string": _text,
    "number": _number,
    "boolean": _boolean,
    "date-time": _moment,
    "epoch-day": _number,
}
_BY_HELD: Mapping[Holds, Compare] = {
    Holds.TEXT: _exact_text,
    Holds.TEXTS: _json,
    Holds.NUMBER: _number,
    Holds.BOOLEAN: _boolean,
    Holds.DAY: _number,
    Holds.DATE: _moment,
    Holds.REFERENCE: _reference,
    Holds.REFERENCES: _Each(_reference),
}
_NUMBERS: frozenset[type] = frozenset({int, float})
_PLAIN_TYPES: Mapping[Compare, frozenset[type]] = {
    _json: SCALARS,
    _number: _NUMBERS,
    _boolean: frozenset({bool}),
    _rich_text: NEVER,
    _day_of_moment: NEVER,
}
_TEXTS: frozenset[type] = frozenset({str})
_QUICK_TYPES: Mapping[frozenset[type], Any] = {_TEXTS: str, _NUMBERS: int | float, frozenset({bool}): bool}


def plain_types(compare: Compare) -> frozenset[type]:
    """Types of which two equal values of one type need no further look: ``compare`` finds them equal."""
    return _PLAIN_TYPES.get(compare, _TEXTS)


def quick_type(compare: Compare) -> Any:  # noqa: ANN401 - a type for msgspec
    """A msgspec type: two values that have it and are equal are equal for ``compare`` too. None if there is none.

    Of rich text this is true only for a text on one line.
    """
    if isinstance(compare, _Each) or compare is _picks:
        return list[str]
    if compare is _json:
        # As bytes, because decoded, true would be equal to 1.
        return msgspec.Raw
    if compare is _rich_text:
        return str
    return _QUICK_TYPES.get(plain_types(compare))
