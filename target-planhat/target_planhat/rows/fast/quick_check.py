"""Checks many finished rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["QuickCheck", "leading_filled"]


@dataclass(frozen=True)
class QuickCheck:
    """A check of some fields of many rows.

    Attributes:
        fields: Fields that it checks.
        good: Gets the values of each field. Returns how many rows before the first bad row are good.
    """

    fields: tuple[str, ...]
    good: Callable[..., int]


def leading_filled(values: Sequence[object]) -> int:
    """Number of values before the first empty one."""
    return next((place for place, value in enumerate(values) if not value), len(values))
