"""What SIGTERM and Ctrl-C do: pending rows go out without waiting, STATE is exact, the exit code tells the signal."""

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
"""How long calls go on after a signal: containers are killed ten seconds after SIGTERM."""


class Termination:
    """The signals of one run.

    Attributes:
        requested: Whether the run is to end after the message at hand.

    The SDK drains inside its signal handler, which sends a batch anew that is being sent and acknowledges rows that
    never were. Here a signal is only noted while a message is being handled.
    """

    def __init__(
        self,
        logger: logging.Logger,
        deadline: Deadline,
        is_waiting: Callable[[], bool],
        finish: Callable[[], None],
    ) -> None:
        """Not signalled yet.

        Args:
            logger: Told of signals.
            deadline: That of the run, with which a signal makes an end.
            is_waiting: Whether no message is being handled.
            finish: Sends what is pending and lets STATE out.
        """
        self._logger = logger
        self._deadline = deadline
        self._is_waiting = is_waiting
        self._finish = finish
        self._signal: int | None = None
        self._is_over = False
        self._stop_requests = StopRequests()
        self.requested = False

    def signalled(self, number: int) -> None:
        """Take a signal. A second wish to end ends the process at once: STATE then stays where it was."""
        name = signal.Signals(number).name
        wish = self._stop_requests.add()
        if not wish:
            return
        if self._is_over:
            os._exit(SIGNALS + number)
        if self._signal is not None:
            self._logger.warning(
                "%s again: ending at once. What is pending comes with the next run; of rows that were on their way "
                "nobody knows whether they arrived, and of metrics and activities among them those that did will count "
                "twice",
                name,
            )
            os._exit(SIGNALS + number)
        self._signal = number
        self.requested = True
        self._deadline.set(_SECONDS_LEFT)
        self._logger.info("%s: sending what is pending, then ending", name)
        if self._is_waiting():
            self.end()

    def end(self) -> NoReturn:
        """Send what is pending, then end the run.

        Raises:
            SystemExit: With 128 and the number of the signal.
        """
        self._finish()
        raise SystemExit(self._code)

    def code_of_run(self, code: int, pending: int) -> int:
        """The exit code of a run that is done: that of the signal, if there was one. A later one ends the process.

        Args:
            code: What the exit code is without a signal.
            pending: Rows that were read and whose fate is not known.

        Returns:
            The exit code.
        """
        self._is_over = True
        if self._signal is None:
            return code
        if pending or code:
            self._logger.warning(
                "%s: ended with %s rows pending that did not get out; they come with the next run, and so do those "
                "that were not read yet",
                signal.Signals(self._signal).name,
                pending,
            )
        return self._code

    @property
    def _code(self) -> int:
        return SIGNALS + (self._signal or 0)
