"""The command of the target with the clock of a sandbox: ``python -m tests.landing_target --config config.json``.

Environment variables:
    LANDING_SANDBOX: URL of the sandbox whose clock the target reads and moves.
    LANDING_ROWS_PER_CALL: The most points in one call.
    LANDING_CHECKPOINT: Seconds between checkpoints; the setting takes no parts of a second.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

from target_planhat import start

if TYPE_CHECKING:
    from planhat_api import Deadline

__all__ = ["SandboxClock", "main"]

_PAUSE = 0.005
"""Real seconds that each wait takes, so that a signal can come during it."""


class SandboxClock:
    """The clock of a sandbox, in place of the target's."""

    def __init__(self, url: str, deadline: Deadline) -> None:
        """Take the URL of the sandbox, and what ends every wait."""
        self._url = f"{url}/_sandbox/clock"
        self._deadline = deadline

    def now(self) -> float:
        """Seconds since 1970-01-01 (UTC)."""
        return self._ask()

    def wait(self, seconds: float) -> bool:
        """Move the clock. False if the run must end."""
        if not self._deadline.wait(_PAUSE):
            return False
        body = json.dumps({"advance": max(0.0, seconds)}).encode()
        self._ask(body)
        return not self._deadline.is_set

    def _ask(self, body: bytes | None = None) -> float:
        from urllib.request import Request, urlopen  # noqa: PLC0415 # as in _prepare

        with urlopen(Request(self._url, body, method="PUT" if body else "GET"), timeout=30) as answer:
            return float(json.load(answer)["now"])


def _prepare() -> None:
    """Change what the environment asks for. The imports take long, so the signals must be handled before."""
    from unittest.mock import patch  # noqa: PLC0415

    from planhat_api import analytics  # noqa: PLC0415
    from target_planhat import target  # noqa: PLC0415
    from target_planhat.intake.checkpoint import Checkpoint  # noqa: PLC0415

    def checkpoint(_seconds: float, *rest: Any) -> Checkpoint:
        return Checkpoint(float(os.environ["LANDING_CHECKPOINT"]), *rest)

    if hasattr(target.TargetPlanhat, "make_clock"):
        made = partial(SandboxClock, os.environ["LANDING_SANDBOX"])
        patch.object(target.TargetPlanhat, "make_clock", staticmethod(made)).start()
    patch.object(analytics, "ROWS_PER_CALL", int(os.environ["LANDING_ROWS_PER_CALL"])).start()
    patch.object(target, "Checkpoint", checkpoint).start()


def main() -> None:
    """Run the command."""
    # A run that hangs is asked where it is.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    start._end_by_signals()
    _prepare()
    start.main()


if __name__ == "__main__":
    main()
