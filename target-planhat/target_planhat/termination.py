"""What SIGTERM and Ctrl-C do: the batch in flight finishes, STATE is exact, the exit code tells the signal."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["Termination"]

_BASE = 128


class Termination:
    """The signals of one run.

    Attributes:
        requested: Whether the run is to end after the message at hand.

    The SDK drains inside its signal handler, which sends a batch anew that is being sent and acknowledges rows that
    never were. Here a signal is only noted while a message is being handled.
    """

    def __init__(self, logger: logging.Logger, is_waiting: Callable[[], bool], finish: Callable[[], None]) -> None:
        """Not signalled yet.

        Args:
            logger: Told of signals.
            is_waiting: Whether no message is being handled.
            finish: Sends what is pending and lets STATE out.
        """
        self._logger = logger
        self._is_waiting = is_waiting
        self._finish = finish
        self._signal: int | None = None
        self.requested = False

    def signalled(self, number: int) -> None:
        """Take a signal. The second one ends the process at once: STATE then stays where it was."""
        name = signal.Signals(number).name
        if self._signal is not None:
            self._logger.warning("%s again: ending at once, what is pending comes with the next run", name)
            os._exit(_BASE + number)
        self._signal = number
        self.requested = True
        self._logger.info("%s: sending what is pending, then ending", name)
        if self._is_waiting():
            self.end()

    def end(self) -> NoReturn:
        """Send what is pending, then end the run.

        Raises:
            SystemExit: With 128 and the number of the signal.
        """
        self._finish()
        raise SystemExit(_BASE + (self._signal or 0))
