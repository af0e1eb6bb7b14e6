"""Handles SIGTERM and Ctrl-C: pending rows are sent, STATE is exact, and the exit code is that of the signal."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

from planhat_api.plugin.exit_codes import SIGNALS
from planhat_api.plugin.stop_requests import StopRequests

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from planhat_api import Deadline

__all__ = ["Termination"]

_SECONDS_LEFT = 8.0
"""How long calls continue after a signal. Containers are killed ten seconds after SIGTERM."""


class Termination:
    """Ends the run after a signal.

    Attributes:
        requested: Whether the run must end after the current message.

    The SDK sends batches inside its signal handler. So it would repeat a batch that is being sent, and write STATE for
    rows that were never sent. Here a signal is only noted while a message is being handled.
    """

    def __init__(
        self,
        logger: logging.Logger,
        deadline: Deadline,
        is_waiting: Callable[[], bool],
        finish: Callable[[], None],
    ) -> None:
        """Start without a signal.

        Args:
            logger: Logs signals.
            deadline: Deadline of the calls of the run. A signal sets it.
            is_waiting: Whether no message is being handled.
            finish: Sends pending rows and writes STATE.
        """
        self._logger = logger
        self._deadline = deadline
        self._is_waiting = is_waiting
        self._finish = finish
        self._signal: int | None = None
        self._is_over = False
        self._stop_requests = StopRequests()
        self.requested = False

    def handle(self, number: int) -> None:
        """Handle a signal. A second request ends the process at once, without a further STATE."""
        name = signal.Signals(number).name
        is_request = self._stop_requests.add()
        if not is_request:
            return
        if self._is_over:
            os._exit(SIGNALS + number)
        if self._signal is not None:
            self._logger.warning(
                "%s again: ending at once. Pending rows come with the next run. For rows that are being sent, it is "
                "not known whether they arrived; the next run finds out for metrics if the delivery ledger is kept",
                name,
            )
            os._exit(SIGNALS + number)
        self._signal = number
        self.requested = True
        self._deadline.set(_SECONDS_LEFT)
        self._logger.info("%s: sending pending rows, then ending", name)
        if self._is_waiting():
            self.end()

    def end(self) -> NoReturn:
        """Send pending rows, then end the run.

        Raises:
            SystemExit: With 128 and the number of the signal.
        """
        self._finish()
        raise SystemExit(self._code)

    def code_of_run(self, code: int, pending: int) -> int:
        """The exit code of a finished run: that of the signal, if there was one. A later signal ends the process.

        Args:
            code: The exit code without a signal.
            pending: Number of rows that were read and have no outcome.

        Returns:
            The exit code.
        """
        self._is_over = True
        if self._signal is None:
            return code
        if pending or code:
            self._logger.warning(
                "%s: ended with %s pending rows that were not sent. They come with the next run, like the rows that "
                "were not read yet",
                signal.Signals(self._signal).name,
                pending,
            )
        return self._code

    @property
    def _code(self) -> int:
        return SIGNALS + (self._signal or 0)
