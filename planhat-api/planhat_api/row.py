"""One row to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Row"]


class Row(msgspec.Struct):
    """One row to send, encoded. There are many of them, so it is of a kind that is cheap to make.

    Attributes:
        body: One JSON object, UTF-8.
        keys: The keyables the row carries, as text and by priority: ``{"sourceId": "crm-77"}``. Empty for a row
            without any, which can only be created and is not safe to send twice (B24).
        match: What identifies the row among others: rows with the same are one record. None if that is not known.
    """

    body: bytes
    keys: Mapping[str, str] = msgspec.field(default_factory=dict)
    match: tuple[str, ...] | None = None
