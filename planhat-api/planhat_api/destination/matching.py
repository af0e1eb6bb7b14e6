"""Finds the held row that Planhat would match a row with (B57 to B62).

A match is sure only if it is the same for each answer to each open question. Otherwise it has a doubt, which names the
question. Which rows go together in one call can matter as well (B64, B90); that is not decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from planhat_api.jsontext import encode
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from planhat_api.destination.keys import KeyNames, SentKeys

__all__ = ["MOST_HOLDERS", "HeldRow", "HeldRows", "Match", "Matcher"]

MOST_HOLDERS = 50
"""The most rows with one key that are looked at. More of them are ambiguous in any case."""

_SEVERAL = "Several rows have this {name} (B62, Q10)"
_OF_ANOTHER = "Another row has this {name} (B60, Q10)"
_OTHER_CASE = "A row has this address in another case (Q21)"
_NO_SUCH_ID = "No row has this _id (B61, Q11)"
_UNCONFIRMED = "It is not known whether Planhat matches on {name} (Q12)"
_UNKNOWN_COMPANY = "The row names a company that does not exist (Q24)"
_EMPTIED_COMPANY = "The row removes the company in which its {name} is unique (Q9)"
_UNCERTAIN = "It is not known whether Planhat stored a row that this run sent for the record (B24)"
_COMPANY_OF_CREATED = "It is not known to which company Planhat assigned a record that this run created (B86)"

_ALL = "*"
_ONLY_ID = {"_id": 0}
_decode_row = msgspec.json.Decoder(dict[str, Any]).decode
_CUSTOM = "custom"
_SURE_KEYS = frozenset({"_id", "sourceId"})
"""Keys that are unique in all rows of a model (B62), so that a second row with the same key cannot be hidden."""


class HeldRow(msgspec.Struct, gc=False):
    """One record as Planhat holds it. There is one for each row, so it must be fast to make.

    Attributes:
        place: Its id in the index.
        body: The fields as answered, or as this run sent them: one JSON object.
        texts: Its keys as text, in the order of ``names``; None or empty for a key that it does not have.
        names: The place of each key in ``texts``.
        company: ``_id`` of its company; None if it has none, or if it is not known.
        unsure: Fields of which it is not known what Planhat holds. ``"*"`` means all that are not in ``values``, and
            all custom fields that are not in ``values["custom"]``.
        is_written: Whether this run wrote the record.
        is_uncertain: Whether a row that this run sent for the record may be stored or not.
    """

    place: int
    body: bytes
    texts: Sequence[str | None]
    names: Mapping[str, int]
    company: str | None = None
    unsure: frozenset[str] = frozenset()
    is_written: bool = False
    is_uncertain: bool = False
    _values: dict[str, Any] | None = None

    @classmethod
    def of(cls, place: int, row: Mapping[str, Any]) -> HeldRow:
        """A record that is not in an index.

        Args:
            place: A number that no other record has.
            row: The record as answered.
        """
        return cls(place, encode(row), [key_text(row.get("_id"))], _ONLY_ID)

    @property
    def planhat_id(self) -> str | None:
        """``_id``; None if this run created the record and the answer did not tell it."""
        return self.key("_id")

    @property
    def values(self) -> dict[str, Any]:
        """The fields, decoded when they are first needed: most records are equal to their row as bytes."""
        if self._values is None:
            self._values = _decode_row(self.body)
        return self._values

    def key(self, name: str) -> str | None:
        """A key as text."""
        at = self.names.get(name)
        return None if at is None else self.texts[at] or None

    @property
    def keys(self) -> dict[str, str]:
        """The keys that the record has, without ``_id``."""
        return {name: text for name, at in self.names.items() if name != "_id" and (text := self.texts[at])}

    def unsure_in(self, sent: Mapping[str, Any]) -> frozenset[str]:
        """The fields of a row that is sent of which it is not known what Planhat holds.

        Names of custom fields have the form ``custom.Tier``.
        """
        if _ALL not in self.unsure:
            return self.unsure
        names = {name for name in sent if name not in self.values}
        custom, held = sent.get(_CUSTOM), self.values.get(_CUSTOM)
        if isinstance(custom, dict) and isinstance(held, dict):
            names.update(f"{_CUSTOM}.{name}" for name in custom if name not in held)
        return (self.unsure - {_ALL}) | names


class Match(msgspec.Struct, frozen=True, gc=False):
    """What Planhat would match a row with.

    Attributes:
        is_plain: Whether the record has all keys of the row, and the company that the row names.
        needs_id: Whether the match is sure only if the row is sent with the ``_id`` of the record, because it is not
            known whether Planhat matches on the key of the row (Q12).
        held: The record. Without a doubt, None means that there is surely none, so that the row would be created.
        doubt: Why the match is not sure, with the number of the question; None if it is sure. Then ``held`` is the only
            record that comes into question, if there is one.
    """

    held: HeldRow | None
    doubt: str | None = None
    is_plain: bool = False
    needs_id: bool = False


class HeldRows(Protocol):
    """Where the held rows are searched."""

    @property
    def hidden_keys(self) -> str | None:
        """Why a row can have keys that the index does not show; None if it cannot."""

    def holders(self, name: str, value: str, company: str | None = None) -> Sequence[HeldRow]:
        """The rows that have this key, or may have it. Email addresses are compared without case.

        Args:
            name: Name of the key.
            value: Its value.
            company: Only rows of this company, and rows of which the company is not known; None for all.
        """

    def gap(self, name: str, value: str) -> str | None:
        """Why Planhat may hold a row with this key that is not in the index; None if it cannot."""


class Matcher:
    """Matches rows of one model."""

    def __init__(self, names: KeyNames, rows: HeldRows) -> None:
        """Take the names of the keys, and where rows are searched."""
        self._names = names
        self._rows = rows
        self._keyables = frozenset(names.keyables)
        self._confirmed = tuple(name for name in names.names if name not in names.unconfirmed)

    def plain_match(self, sent: SentKeys, held: HeldRow) -> Match | None:
        """The match in the usual case: one row has the first key, and all other keys are equal.

        Args:
            sent: The keys of a row.
            held: The only row that has the first key, in the company of the row if the key is unique there only.

        Returns:
            None if it is another case, for which there is ``match``.
        """
        if held.is_uncertain or sent.company_is_unknown or sent.company_is_emptied:
            return None
        if sent.company is not None and sent.company != held.company:
            return None
        first = next(iter(sent.keys))
        if first not in self._keyables or (
            first not in _SURE_KEYS and self._rows.gap(first, sent.keys[first]) is not None
        ):
            return None
        if self._names.unconfirmed.intersection(sent.keys):
            return None
        texts, places = held.texts, held.names
        for name, value in sent.keys.items():
            if texts[places[name]] != value:
                return None
        return Match(held, None, is_plain=True)

    def match(self, sent: SentKeys) -> Match:
        """What Planhat would match a row with these keys with."""
        match = self._by_keys(sent, self._names.names)
        if sent.company_is_unknown:
            return Match(match.held, _UNKNOWN_COMPANY)
        unconfirmed = [name for name in sent.keys if name in self._names.unconfirmed]
        if match.doubt is not None or not unconfirmed:
            return match
        other = self._by_keys(sent, self._confirmed)
        if other.doubt is None and _place(other.held) == _place(match.held):
            return match
        if other.doubt is None and other.held is None and match.held is not None and match.held.planhat_id is not None:
            return Match(match.held, None, needs_id=True)
        return Match(match.held or other.held, _UNCONFIRMED.format(name=unconfirmed[0]))

    def _by_keys(self, sent: SentKeys, names: Sequence[str]) -> Match:
        """The match if Planhat matches on these keys and no others."""
        given = [name for name in names if name in sent.keys]
        if not given or given[0] not in self._names.keyables:
            return self._unmatched(sent, given)
        first, *lower = given
        found, in_any_case = self._candidates(first, sent)
        only = in_any_case[0] if len(in_any_case) == 1 else None
        doubt = self._doubt_of_candidates(in_any_case, sent)
        if doubt is None and len(found) != len(in_any_case):
            doubt, only = _OTHER_CASE, found[0] if len(found) == 1 else only
        elif doubt is None and len(found) > 1:
            doubt = _SEVERAL.format(name=first)
        elif doubt is None and only is None:
            return Match(None, _NO_SUCH_ID) if first == "_id" else self._unmatched(sent, lower, first)
        if doubt is None and only is not None:
            if first not in _SURE_KEYS:
                doubt = self._rows.gap(first, sent.keys[first])
            doubt = doubt or self._conflict(only, sent, names)
        return Match(only, doubt)

    def _unmatched(self, sent: SentKeys, lower: Iterable[str], first: str | None = None) -> Match:
        """The match of a row whose first key no held row has. Planhat may search the lower keys (Q10)."""
        doubt = None if first is None else self._rows.gap(first, sent.keys[first])
        holders: dict[int, HeldRow] = {}
        for name in lower:
            found, in_any_case = self._candidates(name, sent)
            holders.update((held.place, held) for held in in_any_case)
            if in_any_case:
                doubt = doubt or (_OF_ANOTHER.format(name=name) if found else _OTHER_CASE)
            else:
                doubt = doubt or self._rows.gap(name, sent.keys[name])
        only = next(iter(holders.values())) if len(holders) == 1 else None
        return Match(only, doubt)

    def _candidates(self, name: str, sent: SentKeys) -> tuple[Sequence[HeldRow], Sequence[HeldRow]]:
        """The rows that a key of a row matches, and those that it matches if addresses are compared without case."""
        value = sent.keys[name]
        found = self._rows.holders(name, value, sent.company if name in self._names.scoped else None)
        if name != "email":
            return found, found
        exact = [held for held in found if held.is_uncertain or held.key(name) == value]
        return self._of_company(exact, sent), self._of_company(found, sent)

    def _of_company(self, found: Sequence[HeldRow], sent: SentKeys) -> Sequence[HeldRow]:
        """The rows of the company that the row names. If there are none, an address moves with its person."""
        if sent.company is None or len(found) < 2 or len(found) > MOST_HOLDERS:  # noqa: PLR2004 - no choice
            return found
        in_company = [held for held in found if held.company == sent.company]
        if not in_company:
            return found
        return in_company + [held for held in found if held.is_uncertain or self._has_unknown_company(held)]

    def _doubt_of_candidates(self, found: Collection[HeldRow], sent: SentKeys) -> str | None:
        if any(held.is_uncertain for held in found):
            return _UNCERTAIN
        if sent.company is not None and any(self._has_unknown_company(held) for held in found):
            return _COMPANY_OF_CREATED
        return None

    def _has_unknown_company(self, held: HeldRow) -> bool:
        return held.is_written and held.company is None and self._names.company is not None

    def _conflict(self, held: HeldRow, sent: SentKeys, names: Sequence[str]) -> str | None:
        """Why an update of this row may fail, or may leave out a key, because another row has the key (B60, B62)."""
        before = held.company
        moves = sent.company is not None and sent.company != before
        company = sent.company if moves else before
        for name in names:
            own = held.key(name)
            value = sent.keys.get(name, own)
            if not value and name in self._names.scoped and (moves or sent.company_is_emptied):
                # The record may have a key that the list does not show.
                doubt = self._rows.hidden_keys
                if doubt is not None:
                    return doubt
            if not value or name == "_id":
                continue
            if sent.company_is_emptied and name in self._names.scoped:
                return _EMPTIED_COMPANY.format(name=name)
            if value == own and not (moves and name in self._names.scoped):
                continue
            others = self._rows.holders(name, value, company if name in self._names.scoped else None)
            if any(other.place != held.place for other in others):
                return _OF_ANOTHER.format(name=name)
            gap = self._rows.gap(name, value)
            if gap is not None:
                return gap
        return None


def _place(held: HeldRow | None) -> int | None:
    return None if held is None else held.place
