"""Suggests a known name for a misspelt one."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from planhat_api.values.names import singular

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["closest_name"]

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")

# Words of at least this length may have so many typing errors and still be the same word.
_LETTERS_FOR_ONE_TYPO = 3
_LETTERS_FOR_ANY_TYPO = 5
_LETTERS_FOR_TWO_TYPOS = 8

_COMMON_WORDS = frozenset(
    ("id", "name", "date", "type", "status", "state", "number", "count", "value", "key", "time", "total", "custom")
)
"""Words in many names: two names with such a word in common are not similar."""
_LETTERS_OF_DISTINCT_WORD = 5


def closest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to a misspelt one; None if there is no clear suggestion.

    Similar names differ in case, separators, order of words, plural, one or two typing errors, or a single word. If two
    names are equally similar, or none is similar enough, the result is None: a wrong suggestion costs more time than
    none.
    """
    words = _words(name)
    ranked = sorted((far, one) for one in known if (far := _distance(words, _words(one))) is not None)
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def _words(name: str) -> list[str]:
    """The words of a name, without case, accents and separators; a leading underscore belongs to the first word."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    words = _BETWEEN_WORDS.sub(" ", _HUMP.sub(" ", plain)).casefold().split()
    return [f"_{words[0]}", *words[1:]] if words and name.startswith("_") else words


def _distance(given: Sequence[str], known: Sequence[str]) -> int | None:
    """How different two names are; None if they are not similar."""
    if not given or not known or _numbers_differ(given, known):
        return None
    one, other = "".join(given), "".join(known)
    if one == other:
        return 0
    if sorted(map(singular, given)) == sorted(map(singular, known)):
        return 1
    typos = _typos(one, other)
    if typos is not None:
        return 1 + typos
    return 4 if _lacks_one_word(given, known) else None


def _numbers_differ(given: Sequence[str], known: Sequence[str]) -> bool:
    """Whether the numbers in two names differ: `Line 1` is not a misspelt `Line 2`."""
    one, other = (_DIGITS.findall(" ".join(words)) for words in (given, known))
    return bool(one and other and one != other)


def _typos(one: str, other: str) -> int | None:
    """The number of missing, additional, wrong or swapped letters; None if there are too many of them."""
    short = min(len(one), len(other))
    most = 2 if short >= _LETTERS_FOR_TWO_TYPOS else 1
    if short < _LETTERS_FOR_ONE_TYPO or abs(len(one) - len(other)) > most:
        return None
    typos = _edits(one, other)
    if typos > most:
        return None
    # A short word with one other letter, or without its first letter, is usually another word.
    is_other_word = len(one) == len(other) and sorted(one) != sorted(other)
    if short < _LETTERS_FOR_ANY_TYPO and (is_other_word or one[0] != other[0]):
        return None
    return typos


def _edits(one: str, other: str) -> int:
    """The number of letters to add, remove, replace, or swap with the next one, to turn one text into the other."""
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
    """Whether one name is the other without one word, and the common words are distinct enough."""
    longer, shorter = (known, given) if len(known) > len(given) else (given, known)
    if len(longer) - len(shorter) != 1 or not any(
        list(shorter) == [*longer[:index], *longer[index + 1 :]] for index in range(len(longer))
    ):
        return False
    is_distinct = any(word not in _COMMON_WORDS and len(word) >= _LETTERS_OF_DISTINCT_WORD for word in shorter)
    # A known name of one word is no suggestion for a longer name: `Usage tier` does not mean `usage`.
    return is_distinct and (shorter is given or len(shorter) > 1)
