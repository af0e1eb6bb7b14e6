"""Compares email addresses with or without regard to upper and lower case (Q21).

If case is ignored, an update stores the address as it was sent, and the keys in an answer contain the stored form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planhat_sandbox.store import Collection, Value
    from planhat_sandbox.switches import Switches

__all__ = ["compared", "rows_with"]


def compared(name: str, value: Value, switches: Switches) -> Value:
    """The form of a value for comparison with other values of the same field."""
    return value.casefold() if isinstance(value, str) and _ignores_case(name, switches) else value


def rows_with(rows: Collection, name: str, value: Value, switches: Switches) -> list[str]:
    """The ids of the rows with this value in the field."""
    return rows.find(name, compared(name, value, switches), ignore_case=_ignores_case(name, switches))


def _ignores_case(name: str, switches: Switches) -> bool:
    return name == "email" and switches["email_case"] == "ignored"
