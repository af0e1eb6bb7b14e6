"""Reads the items of an error list. Their form is not known (B68, Q1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from planhat_api.bulk.key_case import folded
from planhat_api.jsontext import decode, encode
from planhat_api.redaction import redacted, shortened
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from planhat_api.row import Row

__all__ = ["Named", "message_of", "messages_of", "names_rows"]

_MESSAGE_FIELDS = ("error", "message", "errmsg", "errorMessage", "reason", "msg", "description")
_TWO = 2
# A key that more rows share does not identify a row.
_MOST_CALLED = 20
_WORD = re.compile(r"[^\s\"'`,;:(){}\[\]]+")


class Named:
    """The rows that an error item names.

    Attributes:
        certain: The one row that it certainly names, because it contains the keys of the row or the row itself; None if
            there is none.
        possible: Rows whose key occurs in the item. A text like ``company 1234 not found`` may contain the key of a
            correct row, so this is only a hint.
    """

    __slots__ = ("certain", "possible")

    def __init__(self, certain: int | None, possible: frozenset[int]) -> None:
        """Keep the result."""
        self.certain = certain
        self.possible = possible


class _Index:
    """Finds rows by the texts that errors may use for them, also fast if many rows share a key."""

    def __init__(self, rows: Sequence[Row], open_rows: Iterable[int]) -> None:
        self._by_word: dict[str, list[int]] = {}
        self._like: dict[frozenset[str], list[tuple[int, Mapping[str, str]]]] = {}
        self._by_fields: dict[tuple[frozenset[str], frozenset[str]], dict[tuple[str, ...], list[int]]] = {}
        self.by_body: dict[bytes, list[int]] = {}
        for index in open_rows:
            keys = {name: folded(name, value) for name, value in rows[index].keys.items()}
            if keys:
                self._like.setdefault(frozenset(keys), []).append((index, keys))
            else:
                self.by_body.setdefault(_canonical(decode(rows[index].body)), []).append(index)
            for value in set(keys.values()):
                self._by_word.setdefault(value, []).append(index)

    def carries_keys_of(self, fields: Mapping[str, Any]) -> list[int]:
        """Rows whose keys agree with these fields and have at least one of them; at most two for each combination."""
        texts = {name: folded(name, text) for name, value in fields.items() if (text := key_text(value)) is not None}
        found: list[int] = []
        for names in self._like:
            shared = names.intersection(texts)
            if shared:
                found += self._with(names, shared).get(tuple(texts[name] for name in sorted(shared)), [])[:_TWO]
        return found

    def _with(self, names: frozenset[str], shared: frozenset[str]) -> dict[tuple[str, ...], list[int]]:
        """Rows with keys of these names, by the values of some of the keys."""
        known = self._by_fields.get((names, shared))
        if known is None:
            known = self._by_fields[names, shared] = {}
            for index, keys in self._like[names]:
                known.setdefault(tuple(keys[name] for name in sorted(shared)), []).append(index)
        return known

    def called(self, text: str) -> Sequence[int]:
        """Rows with this key, unless very many have it. An address may have another case (Q21)."""
        rows = self._by_word.get(text) or (self._by_word.get(folded("email", text)) if "@" in text else None) or ()
        return rows if len(rows) <= _MOST_CALLED else ()


def names_rows(errors: Sequence[Any], rows: Sequence[Row], open_rows: Sequence[int]) -> list[Named]:
    """The rows that each error item names, among the rows without an outcome.

    Args:
        errors: Error items from the answer.
        rows: All rows of the call.
        open_rows: Indices of the rows without an outcome.
    """
    index = _Index(rows, open_rows)
    return [_named(item, index) for item in errors]


def message_of(item: Any, keep: Iterable[str] = ()) -> str:  # noqa: ANN401 - any JSON value
    """The message of an error item, in one short line without personal data.

    Args:
        item: The item from the answer.
        keep: Keys of its row, which may be in the message.
    """
    text = item if isinstance(item, str) else _said(item)
    return shortened(redacted(text, keep=keep))


def messages_of(errors: Sequence[Any], keep: Iterable[str] = ()) -> str:
    """The first three different messages of error items."""
    distinct = list(dict.fromkeys(message_of(item, keep) for item in errors))
    more = f"; and {len(distinct) - 3} more" if len(distinct) > 3 else ""  # noqa: PLR2004 - as the docstring says
    return "; ".join(distinct[:3]) + more


def _named(item: Any, index: _Index) -> Named:  # noqa: ANN401 - any JSON value
    certain: set[int] = set()
    for fields in _objects(item):
        certain.update(index.carries_keys_of(fields))
        same_body = index.by_body.get(_canonical(fields)) if index.by_body else None
        if same_body:
            # Some rows have equal bytes. One of them failed, and it does not matter which one.
            certain.add(same_body.pop())
    possible = {row for text in _texts(item) for word in (text, *_WORD.findall(text)) for row in index.called(word)}
    only = next(iter(certain)) if len(certain) == 1 else None
    return Named(only, frozenset(possible | certain))


def _objects(item: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    if isinstance(item, dict):
        yield item
    if isinstance(item, (dict, list)):
        for value in item.values() if isinstance(item, dict) else item:
            yield from _objects(value)


def _texts(item: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(item, (dict, list)):
        for value in item.values() if isinstance(item, dict) else item:
            yield from _texts(value)
    elif (text := key_text(item)) is not None:
        yield text


def _said(item: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(item, dict):
        for name in _MESSAGE_FIELDS:
            if isinstance(item.get(name), str):
                return str(item[name])
        scalars = {name: value for name, value in item.items() if not isinstance(value, (dict, list))}
        return encode(scalars).decode() if scalars else f"an error with {', '.join(sorted(item)) or 'no text'}"
    return encode(item).decode()


def _canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return encode(value, order="sorted")
