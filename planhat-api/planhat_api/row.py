"""The class of a row that is sent to Planhat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Row"]


class Row(msgspec.Struct):
    """One encoded row to send. It is a msgspec struct because there are many rows and it is cheap to make.

    Attributes:
        body: One JSON object in UTF-8.
        keys: The keyables of the row as text, in order of priority: ``{"sourceId": "crm-77"}``. A row without keyables
            can only be created, and is not safe to send twice (B24).
        match: Identifies the record of the row: rows with equal values are one record. None if it is not known.
    """

    body: bytes
    keys: Mapping[str, str] = msgspec.field(default_factory=dict)
    match: tuple[str, ...] | None = None
