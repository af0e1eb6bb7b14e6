"""Checks of finished rows that look at many of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["QuickCheck", "leading"]


@dataclass(frozen=True)
class QuickCheck:
    """A check of some fields of many rows.

    Attributes:
        fields: Fields it looks at.
        good: Given the values of each field, tells how many rows from the first pass.
    """

    fields: tuple[str, ...]
    good: Callable[..., int]


def leading(values: Sequence[object]) -> int:
    """How many values from the first are not empty."""
    return next((place for place, value in enumerate(values) if not value), len(values))
