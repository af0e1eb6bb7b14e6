"""Read-back and control over HTTP, below /_sandbox: for tests that run the sandbox as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from planhat_sandbox.faults import FaultError
from planhat_sandbox.messages import Refusal, Request, Response, json_response
from planhat_sandbox.switches import SwitchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_sandbox.store import Row, Value

__all__ = ["Control"]


class Controlled(Protocol):
    """What a test may ask of a sandbox, as the sandbox itself has it."""

    @property
    def metrics(self) -> Value:
        """Points as they arrived."""

    @property
    def landed_metrics(self) -> Value:
        """Points that were stored."""

    @property
    def dropped_metrics(self) -> Value:
        """Points that were not."""

    @property
    def activities(self) -> Value:
        """User activities as they arrived."""

    @property
    def calls(self) -> Value:
        """The calls so far."""

    @property
    def moves(self) -> Value:
        """Rows that came and went by themselves."""

    def counts(self) -> Value:
        """Rows of each model."""

    def switches(self) -> dict[str, str]:
        """Every switch with its position."""

    def rows(self, path: str) -> list[Row]:
        """The rows of a model."""

    def set_switch(self, name: str, position: Value) -> None:
        """Move one switch."""

    def set_faults(self, faults: Value) -> None:
        """Have calls go wrong."""

    def forget_calls(self) -> None:
        """Count calls from zero."""


class Control:
    """Answers the calls of a test about the sandbox itself; they need no token and do not count."""

    def __init__(self, sandbox: Controlled) -> None:
        """Args: sandbox: What to tell about."""
        self._sandbox = sandbox
        self._reads: dict[str, Callable[[], Value]] = {
            "counts": sandbox.counts,
            "metrics": lambda: sandbox.metrics,
            "metrics/landed": lambda: sandbox.landed_metrics,
            "metrics/dropped": lambda: sandbox.dropped_metrics,
            "activities": lambda: sandbox.activities,
            "calls": lambda: sandbox.calls,
            "moves": lambda: sandbox.moves,
            "switches": sandbox.switches,
        }

    def answer(self, request: Request) -> Response:
        """The answer to one call, also when it is refused."""
        try:
            return self._answer(request)
        except (FaultError, SwitchError, TypeError) as error:
            return json_response({"error": str(error)}, 400)
        except (Refusal, KeyError) as error:
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
        if request.method == "DELETE" and path == "calls":
            self._sandbox.forget_calls()
            return json_response({})
        if request.method == "GET" and path.startswith("rows/"):
            return json_response(self._sandbox.rows(path.removeprefix("rows/")))
        if request.method == "GET" and path in self._reads:
            return json_response(self._reads[path]())
        raise Refusal(404, path)
