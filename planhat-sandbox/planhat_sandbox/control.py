"""Lets tests read and control a sandbox in another process, over HTTP below /_sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from planhat_sandbox.clock import ClockError
from planhat_sandbox.faults import FaultError
from planhat_sandbox.messages import ApiError, Request, Response, json_response
from planhat_sandbox.switches import SwitchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_sandbox.store import Row, Value

__all__ = ["Control"]


class Controlled(Protocol):
    """The part of the sandbox that tests can use."""

    @property
    def metrics(self) -> Value:
        """Points as they arrived."""

    @property
    def landed_metrics(self) -> Value:
        """Points that were stored."""

    @property
    def dropped_metrics(self) -> Value:
        """Points that were not stored."""

    @property
    def metric_book(self) -> Value:
        """Every accepted point with what became of it."""

    @property
    def metric_cells(self) -> Value:
        """The values of each record, metric and day that were pushed and landed."""

    @property
    def now(self) -> float:
        """The time of the sandbox."""

    @property
    def frozen(self) -> bool:
        """Whether its clock moves only by ``advance``."""

    def advance(self, seconds: float) -> float:
        """Move the clock forward."""

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop the clock, or let it run on."""

    @property
    def activities(self) -> Value:
        """User activities as they arrived."""

    @property
    def calls(self) -> Value:
        """The calls so far."""

    @property
    def moves(self) -> Value:
        """Rows that the switch ``moving_rows`` inserted and deleted."""

    def counts(self) -> Value:
        """Rows of each model."""

    def switches(self) -> dict[str, str]:
        """Every switch with its position."""

    def rows(self, path: str) -> list[Row]:
        """The rows of a model."""

    def set_switch(self, name: str, position: Value) -> None:
        """Move one switch."""

    def set_faults(self, faults: Value) -> None:
        """Set the faults."""

    def forget_calls(self) -> None:
        """Empty the list of calls."""


class Control:
    """Answers calls about the sandbox itself. They need no token and do not count in the quota."""

    def __init__(self, sandbox: Controlled) -> None:
        """Take the sandbox."""
        self._sandbox = sandbox
        self._reads: dict[str, Callable[[], Value]] = {
            "counts": sandbox.counts,
            "metrics": lambda: sandbox.metrics,
            "metrics/landed": lambda: sandbox.landed_metrics,
            "metrics/dropped": lambda: sandbox.dropped_metrics,
            "metrics/book": lambda: sandbox.metric_book,
            "metrics/cells": lambda: sandbox.metric_cells,
            "clock": self._clock,
            "activities": lambda: sandbox.activities,
            "calls": lambda: sandbox.calls,
            "moves": lambda: sandbox.moves,
            "switches": sandbox.switches,
        }

    def answer(self, request: Request) -> Response:
        """The answer to one call, also if it is an error."""
        try:
            return self._answer(request)
        except (ClockError, FaultError, SwitchError, TypeError) as error:
            return json_response({"error": str(error)}, 400)
        except (ApiError, KeyError) as error:
            return json_response({"error": f"There is no {error}"}, 404)

    def _answer(self, request: Request) -> Response:
        _, _, path = request.path.partition("/")
        if request.method == "PUT" and path == "faults":
            self._sandbox.set_faults(request.json())
            return json_response({"faults": len(request.json())})
        if request.method == "PUT" and path == "switches":
            for name, position in request.json().items():
                self._sandbox.set_switch(name, position)
            return json_response(self._sandbox.switches())
        if request.method == "PUT" and path == "clock":
            return json_response(self._set_clock(request.json()))
        if request.method == "DELETE" and path == "calls":
            self._sandbox.forget_calls()
            return json_response({})
        if request.method == "GET" and path.startswith("rows/"):
            return json_response(self._sandbox.rows(path.removeprefix("rows/")))
        if request.method == "GET" and path in self._reads:
            return json_response(self._reads[path]())
        raise ApiError(404, path)

    def _clock(self) -> Value:
        return {"now": self._sandbox.now, "frozen": self._sandbox.frozen}

    def _set_clock(self, changes: Value) -> Value:
        known = isinstance(changes, dict) and set(changes) <= {"advance", "frozen"}
        if not known or not isinstance(changes.get("frozen", False), bool):
            message = "The clock takes an object with advance, a number of seconds, and frozen, true or false."
            raise ClockError(message)
        if "frozen" in changes:
            self._sandbox.freeze(frozen=changes["frozen"])
        if "advance" in changes:
            self._sandbox.advance(changes["advance"])
        return self._clock()
