"""Knows which bulk calls of endusers are processed at the same time (B90).

Planhat was seen to answer ``externalId,email duplicated`` for bulk calls that ran in parallel and whose rows had equal
keys in different companies. It is not known what exactly it refuses, so each part of this is a switch.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from planhat_sandbox.bulk_call import BulkCall
from planhat_sandbox.messages import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planhat_sandbox.messages import Request
    from planhat_sandbox.switches import Switches

__all__ = ["ParallelCalls"]


class ParallelCalls:
    """The bulk calls of endusers that are processed at present. Thread-safe."""

    def __init__(self, switches: Switches) -> None:
        """Take the switches."""
        self._switches = switches
        self._lock = Lock()
        self._running: list[BulkCall] = []

    @contextmanager
    def entered(self, request: Request) -> Iterator[Request]:
        """Give the request its ``bulk_call`` from its arrival to its answer."""
        bulk_call = self._bulk_call(request)
        if bulk_call is None:
            yield request
            return
        with self._lock:
            for other in self._running if self._switches["duplicated_calls"] == "parallel" else ():
                other.met.append(bulk_call)
                bulk_call.met.append(other)
            self._running.append(bulk_call)
        try:
            yield replace(request, bulk_call=bulk_call)
        finally:
            with self._lock:
                self._running.remove(bulk_call)
                bulk_call.met.clear()

    def _bulk_call(self, request: Request) -> BulkCall | None:
        concerned = (request.method, request.path) == ("PUT", "endusers")
        if not concerned or self._switches["duplicated_endusers"] == "stored":
            return None
        try:
            items = request.json()
        except ApiError:
            return None
        return BulkCall(items, self._switches) if isinstance(items, list) else None
