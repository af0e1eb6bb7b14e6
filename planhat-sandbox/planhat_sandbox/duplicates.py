"""Watches over bulk calls of endusers that are under way at the same time (B90).

Planhat was seen to answer ``externalId,email duplicated`` for bulk calls that ran in parallel and whose rows had equal
keys in different companies. What exactly it refuses is not known, so each part of it is a switch.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from planhat_sandbox.flight import Flight
from planhat_sandbox.messages import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planhat_sandbox.messages import Request
    from planhat_sandbox.switches import Switches

__all__ = ["Flights"]


class Flights:
    """The bulk calls of endusers that are under way. Thread-safe."""

    def __init__(self, switches: Switches) -> None:
        """Args: switches: Whether anything is to be refused."""
        self._switches = switches
        self._lock = Lock()
        self._under_way: list[Flight] = []

    @contextmanager
    def entered(self, request: Request) -> Iterator[Request]:
        """The request with its flight, from its arrival until it is answered."""
        flight = self._flight(request)
        if flight is None:
            yield request
            return
        with self._lock:
            for other in self._under_way if self._switches["duplicated_calls"] == "parallel" else ():
                other.met.append(flight)
                flight.met.append(other)
            self._under_way.append(flight)
        try:
            yield replace(request, flight=flight)
        finally:
            with self._lock:
                self._under_way.remove(flight)
                flight.met.clear()

    def _flight(self, request: Request) -> Flight | None:
        concerned = (request.method, request.path) == ("PUT", "endusers")
        if not concerned or self._switches["duplicated_endusers"] == "stored":
            return None
        try:
            items = request.json()
        except Refusal:
            return None
        return Flight(items, self._switches) if isinstance(items, list) else None
