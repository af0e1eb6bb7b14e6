"""Folds the case of keys that Planhat may compare without case (Q21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_api.row import Row

__all__ = ["folded", "folded_all", "folded_keys"]


def folded(name: str, value: str) -> str:
    """A form of a key that is equal for two keys which Planhat may take for the same.

    It is not known whether Planhat distinguishes addresses that differ only in case (Q21), so they count as equal.
    """
    return value.casefold() if name == "email" else value


def folded_all(name: str, values: list[str]) -> list[str]:
    """``folded`` for each of many values of one key."""
    return [value.casefold() for value in values] if name == "email" else values


def folded_keys(row: Row) -> list[tuple[str, str]]:
    """The keys of a row with their names, folded."""
    return [(name, folded(name, value)) for name, value in row.keys.items()]
