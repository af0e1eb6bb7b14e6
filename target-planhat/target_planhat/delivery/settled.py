"""Names the pair in which outcomes come back from a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api import Outcome
    from target_planhat.rows.item import Item

    Settled = tuple[Sequence[Item], Sequence[Outcome]]
    """Rows, and what became of each."""
