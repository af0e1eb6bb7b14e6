"""Tells of settings that ask for what did not come: a misspelt one narrows a stream to nothing, unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_FEW = 5
_SHOWN = 60


class Asked:
    """What one setting asks for, and what of it came.

    Args:
        setting: Name of the setting.
        wanted: What it asks for; nothing when it is left out.
    """

    def __init__(self, setting: str, wanted: Collection[str]) -> None:
        """Nothing came yet."""
        self._setting = setting
        self._missing = dict.fromkeys(wanted)
        self._wanted = len(wanted)

    @property
    def came(self) -> bool:
        """Whether something that was asked for came."""
        return len(self._missing) < self._wanted

    def note(self, values: Iterable[str | None]) -> None:
        """Take in what came."""
        for value in values:
            if value is not None:
                self._missing.pop(value, None)

    def told(self, what: str) -> str | None:
        """What did not come, for people; None when all did.

        Args:
            what: What should have come, such as ``points``.
        """
        if not self._missing:
            return None
        first = ", ".join(repr(name[:_SHOWN]) for name in list(self._missing)[:_FEW])
        more = f" and {len(self._missing) - _FEW} more" if len(self._missing) > _FEW else ""
        return f"{self._setting}: no {what} came for {first}{more}"
