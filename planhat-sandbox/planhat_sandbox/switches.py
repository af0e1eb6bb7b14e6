"""Keeps the positions of the switches of one sandbox."""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING

from planhat_sandbox.switch_table import NUMBER, SPAN, SWITCHES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SwitchError", "Switches"]


class SwitchError(ValueError):
    """The switch does not exist, or it does not have this position."""


class Switches:
    """The positions of one sandbox. Thread-safe."""

    def __init__(self, positions: Mapping[str, object] | None = None) -> None:
        """Start with the defaults, and set the given positions."""
        self._lock = Lock()
        self._positions = {name: switch.default for name, switch in SWITCHES.items()}
        self.generation = 0
        for name, position in (positions or {}).items():
            self.set(name, position)

    def __getitem__(self, name: str) -> str:
        """The position of one switch."""
        return self._positions[name]

    def number(self, name: str) -> float:
        """The value of a switch that holds a number."""
        return float(self._positions[name])

    def span(self, name: str) -> tuple[float, float]:
        """The least and the most of a switch that holds a number or a range."""
        least, dash, most = self._positions[name].partition("-")
        return float(least), float(most if dash else least)

    def names(self, name: str) -> frozenset[str]:
        """The parts of a switch whose position is a list with commas."""
        return frozenset(part.strip() for part in self._positions[name].split(",") if part.strip())

    def set(self, name: str, position: object) -> None:
        """Set one switch.

        Raises:
            SwitchError: There is no such switch, or it has no such position.
        """
        switch = SWITCHES.get(name)
        if switch is None:
            message = f"There is no switch {name!r}. There are: {', '.join(SWITCHES)}."
            raise SwitchError(message)
        text = str(position)
        if switch.positions and text not in switch.positions:
            message = f"Switch {name} takes one of {', '.join(switch.positions)}, not {text!r}."
            raise SwitchError(message)
        if switch.kind == NUMBER:
            _check_number(name, text)
        if switch.kind == SPAN:
            _check_span(name, text)
        with self._lock:
            self._positions[name] = text
            self.generation += 1

    def all(self) -> dict[str, str]:
        """Every switch with its position."""
        with self._lock:
            return dict(self._positions)


def _check_number(name: str, text: str) -> None:
    if not _is_number(text):
        message = f"Switch {name} takes a number from 0 on, not {text!r}."
        raise SwitchError(message)


def _check_span(name: str, text: str) -> None:
    least, dash, most = text.partition("-")
    if not _is_number(least) or (dash and (not _is_number(most) or float(least) > float(most))):
        message = f"Switch {name} takes a number from 0 on, or a range such as 0-600, not {text!r}."
        raise SwitchError(message)


def _is_number(text: str) -> bool:
    try:
        return 0 <= float(text) < math.inf
    except ValueError:
        return False
