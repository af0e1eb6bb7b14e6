"""Read-back and control over HTTP, below /_sandbox: for tests that run the sandbox as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_sandbox.faults import FaultError
from planhat_sandbox.messages import Refusal, Request, Response, json_response
from planhat_sandbox.switches import SwitchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_sandbox.sandbox import Sandbox
    from planhat_sandbox.store import Value

__all__ = ["Control"]


class Control:
    """Answers the calls of a test about the sandbox itself; they need no token and do not count."""

    def __init__(self, sandbox: Sandbox) -> None:
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
