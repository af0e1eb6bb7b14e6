"""Reads the keys of many rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planhat_api.bulk.existing_keys import UNIQUE_IN_COMPANY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_planhat.rows.fast.shape import Shape
    from target_planhat.rows.keys import KeyRule

__all__ = ["Keys"]


def _dicts(names: Sequence[str], columns: Sequence[list[str]]) -> list[dict[str, str]]:
    """A dict for each row. Up to three keys are written out, which takes half the time."""
    if len(names) == 1:
        (first,) = names
        return [{first: value} for value in columns[0]]
    if len(names) == 2:  # noqa: PLR2004 # as many as below
        first, second = names
        return [{first: one, second: two} for one, two in zip(*columns, strict=True)]
    if len(names) == 3:  # noqa: PLR2004 # as many as below
        first, second, third = names
        return [{first: one, second: two, third: three} for one, two, three in zip(*columns, strict=True)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Keys:
    """Reads the keys of rows."""

    names: tuple[str, ...]
    readers: tuple[Callable[[Any], Any], ...]
    company: Callable[[Any], Any] | None

    @classmethod
    def of(cls, rule: KeyRule, shape: Shape) -> Keys:
        """Reads the keys of a rule that have a column."""
        held = [(name, reader) for name in rule.keyables if (reader := shape.reader(name)) is not None]
        company = shape.reader(rule.company) if rule.company else None
        return cls(tuple(name for name, _ in held), tuple(reader for _, reader in held), company)

    def read(self, records: Sequence[Any]) -> list[dict[str, str]]:
        """The keys of each row."""
        if not self.names:
            return [{} for _ in records]
        columns = [list(map(reader, records)) for reader in self.readers]
        names = self.names
        if all(map(all, columns)):
            return _dicts(names, columns)
        return [
            {name: value for name, value in zip(names, values, strict=True) if value}
            for values in zip(*columns, strict=True)
        ]

    def matches(self, records: Sequence[Any]) -> list[tuple[str, ...] | None]:
        """The key that identifies each row in a batch."""
        if not self.names:
            return [None] * len(records)
        first = list(map(self.readers[0], records))
        if all(first) and not (self.company and self.names[0] in UNIQUE_IN_COMPANY):
            name = self.names[0]
            return [(name, value) for value in first]
        return list(map(self._match, records))

    def _match(self, record: Any) -> tuple[str, ...] | None:  # noqa: ANN401 # of a generated class
        for name, reader in zip(self.names, self.readers, strict=True):
            value = reader(record)
            if value:
                company = self.company(record) if self.company is not None and name in UNIQUE_IN_COMPANY else None
                return (name, value, company) if isinstance(company, str) else (name, value)
        return None
