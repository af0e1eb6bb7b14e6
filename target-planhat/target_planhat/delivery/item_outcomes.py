"""The type in which a delivery returns outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api import Outcome
    from target_planhat.rows.item import Item

    ItemOutcomes = tuple[Sequence[Item], Sequence[Outcome]]
    """Rows, and the outcome of each."""
