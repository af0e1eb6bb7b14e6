"""What is made of records: rows, and outcomes that are known before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api import Outcome
    from target_planhat.rows.item import Item

__all__ = ["MadeRows"]


@dataclass(frozen=True)
class MadeRows:
    """What is made of some records in succession.

    Attributes:
        items: The rows.
        records: The number of records.
        known: What is not sent, with its outcome.
    """

    items: list[Item]
    records: int = 1
    known: Sequence[tuple[Item, Outcome]] = ()
