"""Reads the items of an error list, whose form nobody knows (B68, Q1): whom they name, and what they say."""

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
# A key that more rows share tells nothing of any of them.
_MOST_CALLED = 20
_WORD = re.compile(r"[^\s\"'`,;:(){}\[\]]+")


class Named:
    """The rows an error item names.

    Attributes:
        surely: The one row it can only mean: it carries that row's keys, or the row itself. None without such.
        perhaps: Rows whose key occurs in it somewhere. A text like ``company 1234 not found`` may hold the key of
            a row that is quite well, so this is a hint and no proof.
    """

    __slots__ = ("perhaps", "surely")

    def __init__(self, surely: int | None, perhaps: frozenset[int]) -> None:
        """Takes what was found."""
        self.surely = surely
        self.perhaps = perhaps


class _Index:
    """Rows by what an error may call them. A look-up does not take longer when many rows share a key."""

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
        """Rows whose keys agree with these fields, at least one of them being there; two stand for more as well."""
        texts = {name: folded(name, text) for name, value in fields.items() if (text := key_text(value)) is not None}
        found: list[int] = []
        for names in self._like:
            shared = names.intersection(texts)
            if shared:
                found += self._with(names, shared).get(tuple(texts[name] for name in sorted(shared)), [])[:_TWO]
        return found

    def _with(self, names: frozenset[str], shared: frozenset[str]) -> dict[tuple[str, ...], list[int]]:
        """Rows that carry keys of these names, by the values of some of them."""
        known = self._by_fields.get((names, shared))
        if known is None:
            known = self._by_fields[names, shared] = {}
            for index, keys in self._like[names]:
                known.setdefault(tuple(keys[name] for name in sorted(shared)), []).append(index)
        return known

    def called(self, text: str) -> Sequence[int]:
        """Rows with this key, unless it is one of very many; an address may come in other case (Q21)."""
        rows = self._by_word.get(text) or (self._by_word.get(folded("email", text)) if "@" in text else None) or ()
        return rows if len(rows) <= _MOST_CALLED else ()


def names_rows(errors: Sequence[Any], rows: Sequence[Row], open_rows: Sequence[int]) -> list[Named]:
    """Whom each error item names, among the rows whose fate is open.

    Args:
        errors: Error items as they came.
        rows: All rows of the call.
        open_rows: Indices of the rows that may be meant.
    """
    index = _Index(rows, open_rows)
    return [_named(item, index) for item in errors]


def message_of(item: Any, keep: Iterable[str] = ()) -> str:  # noqa: ANN401 - any JSON value
    """What an error item says, in one short line without people's data.

    Args:
        item: The item as it came.
        keep: Keys of the row it is about, which may stay.
    """
    text = item if isinstance(item, str) else _said(item)
    return shortened(redacted(text, keep=keep))


def messages_of(errors: Sequence[Any], keep: Iterable[str] = ()) -> str:
    """What error items say together: the first three that differ."""
    distinct = list(dict.fromkeys(message_of(item, keep) for item in errors))
    more = f"; and {len(distinct) - 3} more" if len(distinct) > 3 else ""  # noqa: PLR2004 - as the docstring says
    return "; ".join(distinct[:3]) + more


def _named(item: Any, index: _Index) -> Named:  # noqa: ANN401 - any JSON value
    surely: set[int] = set()
    for fields in _objects(item):
        surely.update(index.carries_keys_of(fields))
        same_body = index.by_body.get(_canonical(fields)) if index.by_body else None
        if same_body:
            # Rows that are equal byte for byte: whichever is meant, one of them failed.
            surely.add(same_body.pop())
    perhaps = {row for text in _texts(item) for word in (text, *_WORD.findall(text)) for row in index.called(word)}
    only = next(iter(surely)) if len(surely) == 1 else None
    return Named(only, frozenset(perhaps | surely))


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
