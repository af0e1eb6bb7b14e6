"""Finds values of a setting that no row had: a misspelt value would leave a stream empty without a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_FEW = 5
_SHOWN = 60


class RequestedValues:
    """The values that one setting requests, and which of them were found.

    Args:
        setting: Name of the setting.
        wanted: The requested values; empty if the setting is left out.
    """

    def __init__(self, setting: str, wanted: Collection[str]) -> None:
        """Start with no value found."""
        self._setting = setting
        self._missing = dict.fromkeys(wanted)
        self._wanted = len(wanted)

    @property
    def any_found(self) -> bool:
        """Whether at least one requested value was found."""
        return len(self._missing) < self._wanted

    def mark_found(self, values: Iterable[str | None]) -> None:
        """Note values that were found."""
        for value in values:
            if value is not None:
                self._missing.pop(value, None)

    def missing_message(self, stream: str) -> str | None:
        """A message about the values that were not found; None if all were found.

        Args:
            stream: Name of the stream that was read.
        """
        if not self._missing:
            return None
        first = ", ".join(repr(name[:_SHOWN]) for name in list(self._missing)[:_FEW])
        more = f" and {len(self._missing) - _FEW} more" if len(self._missing) > _FEW else ""
        return f"{self._setting}: found no rows of {stream!r} for {first}{more}"
