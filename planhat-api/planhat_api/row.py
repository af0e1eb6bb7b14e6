"""One row to send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Row"]


@dataclass(slots=True)
class Row:
    """One row to send, encoded.

    Attributes:
        body: One JSON object, UTF-8.
        keys: The keyables the row carries, as text: ``{"sourceId": "crm-77"}``. Empty for a row without any, which
            can only be created and is not safe to send twice (B24).
    """

    body: bytes
    keys: Mapping[str, str] = field(default_factory=dict)
