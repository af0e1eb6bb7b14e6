"""Finds the name that a person most likely meant by one that does not exist."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from planhat_api.values.names import singular

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["nearest"]

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")

# From these lengths on, that many slips of the pen are still a slip and not another word.
_LETTERS_FOR_ONE_SLIP = 3
_LETTERS_FOR_ANY_SLIP = 5
_LETTERS_FOR_TWO_SLIPS = 8

_SAYS_LITTLE = frozenset(
    ("id", "name", "date", "type", "status", "state", "number", "count", "value", "key", "time", "total", "custom")
)
"""Words that many names share: having one in common means nothing."""
_LETTERS_THAT_SAY_MUCH = 5


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was meant, as far as one can tell.

    It differs in case, separators, order of words, plural, one or two slips of the pen, or a single word. When two are
    equally near, or none is near enough, there is no telling: a wrong suggestion costs more time than none.
    """
    words = _words(name)
    ranked = sorted((far, one) for one in known if (far := _distance(words, _words(one))) is not None)
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def _words(name: str) -> list[str]:
    """The words of a name, without case, accents, and signs; a leading underscore belongs to the first one."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    words = _BETWEEN_WORDS.sub(" ", _HUMP.sub(" ", plain)).casefold().split()
    return [f"_{words[0]}", *words[1:]] if words and name.startswith("_") else words


def _distance(given: Sequence[str], known: Sequence[str]) -> int | None:
    """How far two names are apart; None when one does not mean the other."""
    if not given or not known or _numbers_differ(given, known):
        return None
    one, other = "".join(given), "".join(known)
    if one == other:
        return 0
    if sorted(map(singular, given)) == sorted(map(singular, known)):
        return 1
    slips = _slips(one, other)
    if slips is not None:
        return 1 + slips
    return 4 if _lacks_one_word(given, known) else None


def _numbers_differ(given: Sequence[str], known: Sequence[str]) -> bool:
    """`Line 1` never means `Line 2`."""
    one, other = (_DIGITS.findall(" ".join(words)) for words in (given, known))
    return bool(one and other and one != other)


def _slips(one: str, other: str) -> int | None:
    """How many letters are missing, too many, wrong or swapped; None for more than are a slip of the pen."""
    short = min(len(one), len(other))
    most = 2 if short >= _LETTERS_FOR_TWO_SLIPS else 1
    if short < _LETTERS_FOR_ONE_SLIP or abs(len(one) - len(other)) > most:
        return None
    slips = _edits(one, other)
    if slips > most:
        return None
    # Of short words, most are a word of their own if a letter is another, or if the first one is missing.
    is_other_word = len(one) == len(other) and sorted(one) != sorted(other)
    if short < _LETTERS_FOR_ANY_SLIP and (is_other_word or one[0] != other[0]):
        return None
    return slips


def _edits(one: str, other: str) -> int:
    """Letters to add, drop, replace, or swap with their neighbour, to make one text of the other."""
    before, last = [0] * (len(other) + 1), list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, target in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != target))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == target:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]


def _lacks_one_word(given: Sequence[str], known: Sequence[str]) -> bool:
    """Whether one name is the other without one word, and what they share says enough."""
    longer, shorter = (known, given) if len(known) > len(given) else (given, known)
    if len(longer) - len(shorter) != 1 or not any(
        list(shorter) == [*longer[:place], *longer[place + 1 :]] for place in range(len(longer))
    ):
        return False
    says_much = any(word not in _SAYS_LITTLE and len(word) >= _LETTERS_THAT_SAY_MUCH for word in shorter)
    # One word out of several may be any name: `usage` is not what `Usage tier` means.
    return says_much and (shorter is given or len(shorter) > 1)
