"""Groups rows for bulk calls that are sent one after the other.

Rows that share a key are sent in different calls (B64, B90), and rows of one record keep their order.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from planhat_api.bulk.key_case import folded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from planhat_api.row import Row

    Names = tuple[str, ...]
    """The names of the keys of a row, in the order in which Planhat tries them."""

__all__ = ["MOST_GROUPS", "call_groups", "may_be_one_record", "some_may_be_one_record"]

MOST_GROUPS = 20
"""Number of calls, at most, into which rows that share a key are separated.

Otherwise a person who belongs to hundreds of companies, or a word instead of an address, would need hundreds of calls.
If more rows share a key, they are not separated. Those that Planhat rejects as duplicates are sent once more.
"""


def some_may_be_one_record(rows: Sequence[Row]) -> bool:
    """Whether some rows have different keys, so that only Planhat knows which of them are for one record."""
    return bool(_names_in_doubt(rows))


def call_groups(rows: Sequence[Row], most: int | None = MOST_GROUPS, first: Collection[int] = ()) -> list[list[int]]:
    """Indices of the rows in groups. The groups in their order have the same effect as the single rows in their order.

    No group contains a key twice, even for different companies: Planhat rejected rows of one call with equal externalId
    and email although they belong to different companies (B90). Rows with different keys may be for the same record, so
    such a row is never in an earlier group than one before it. Within a group, rows keep their order.

    Args:
        rows: Rows in the order in which they have to take effect.
        most: Number of groups, at most, to separate rows that share a key; None for no limit. Rows with the same
            ``match`` are always separated.
        first: Indices of rows that take effect before all others of their group.
    """
    if not rows:
        return []
    sharing = _sharing(rows, most)
    names = _names_in_doubt(rows) if sharing or first else {}
    if not (sharing or (first and names)):
        return [list(range(len(rows)))]
    bound = sharing.keys() if not names else range(len(rows))
    order = _Order(most, names)
    groups: list[list[int]] = [[]] if names else [[index for index in range(len(rows)) if index not in sharing]]
    for index in sorted(bound):
        group = order.group_of(rows[index], sharing.get(index, ()), goes_first=index in first)
        if group == len(groups):
            groups.append([])
        groups[group].append(index)
    return [sorted(group) for group in groups]


class _Order:
    """Finds the group of each row."""

    def __init__(self, most: int | None, in_doubt: dict[Names, list[Names]]) -> None:
        """Args: most: See ``call_groups``. in_doubt: See ``_names_in_doubt``."""
        self._most = most
        self._in_doubt = in_doubt
        self._next: dict[object, int] = {}
        self._latest: dict[Names, int] = {}
        self._latest_other: dict[Names, int] = {}

    def group_of(self, row: Row, shared: Iterable[object], *, goes_first: bool) -> int:
        """The index of the group of the next row.

        Args:
            row: The row.
            shared: The keys that it shares with other rows.
            goes_first: Whether it takes effect before the others of its group.
        """
        group = max((self._next.get(key, 0) for key in shared), default=0)
        if self._most is not None and not goes_first:
            group = min(group, self._most - 1)
        group = max(group, self._next.get(row.match, 0)) if row.match is not None else group
        names = tuple(row.keys)
        for other in self._in_doubt.get(names, ()):
            group = max(group, self._latest.get(other, 0))
            if goes_first and other in self._latest_other:
                group = max(group, self._latest_other[other] + 1)
        for key in filter(None, (row.match, *shared)):
            self._next[key] = max(self._next.get(key, 0), group + 1)
        self._latest[names] = max(self._latest.get(names, 0), group)
        if not goes_first:
            self._latest_other[names] = max(self._latest_other.get(names, 0), group)
        return group


def may_be_one_record(names: Names, others: Names) -> bool:
    """Whether two rows with keys of these names may be for one record, which only Planhat knows.

    Planhat matches a row on the first of its keys that some record has (B58). So a row may change its other keys.
    """
    return bool(names and others) and names[0] not in others and others[0] not in names


def _names_in_doubt(rows: Sequence[Row]) -> dict[Names, list[Names]]:
    """For each combination of key names, the others that may be for the same record; usually there are none."""
    all_names = {tuple(row.keys) for row in rows}
    found = {names: [other for other in all_names if may_be_one_record(names, other)] for names in all_names}
    return {names: others for names, others in found.items() if others}


def _sharing(rows: Sequence[Row], most: int | None) -> dict[int, list[object]]:
    """The keys that each row shares with other rows, by index of the row; usually very few.

    A key that more than ``most`` rows share is left out. But rows with the same ``match`` are always included.
    """
    carried = [row.keys for row in rows]
    sharing: dict[int, list[object]] = {}
    for name in set(chain.from_iterable(carried)):
        forms = [keys.get(name) for keys in carried]
        if name == "email":
            forms = [value and folded(name, value) for value in forms]
        if len(set(forms)) == len(forms):
            continue
        repeated = {form: times for form, times in Counter(forms).items() if form is not None and times > 1}
        for index, form in enumerate(forms if repeated else ()):
            if form in repeated:
                keys = sharing.setdefault(index, [])
                if most is None or repeated[form] <= most:
                    keys.append((name, form))
    matches = Counter(rows[index].match for index in sharing)
    del matches[None]
    return {index: keys for index, keys in sharing.items() if keys or matches[rows[index].match] > 1}
