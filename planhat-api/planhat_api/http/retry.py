"""Decides whether a failed call is repeated, with which delay."""

from __future__ import annotations

import math
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["CallFault", "Fault", "backoff_delays", "fault_of_status", "retry_after", "retry_delays"]


class Fault(Enum):
    """What went wrong with one attempt."""

    NOT_SENT = "no connection"
    NO_HOST = "no such host"
    LOST = "no answer"
    GARBLED = "an answer that has another form than expected"
    NESTED = "an answer that is nested too deeply"
    OVERSIZE = "an answer that is too large"
    BUSY = "over the quota"
    DOWN = "Planhat is not available"
    FAILED = "a fault inside Planhat"
    REFUSED = "refused"
    ENDING = "not sent, because the program ends"

    @property
    def may_have_arrived(self) -> bool:
        """Whether Planhat may have carried out the call."""
        return self not in {Fault.NOT_SENT, Fault.NO_HOST, Fault.BUSY, Fault.REFUSED, Fault.ENDING}


class CallFault(Exception):  # noqa: N818 - a step inside the client; callers get the errors of planhat_api.errors
    """One attempt of a call failed.

    Attributes:
        pause: Seconds until the next attempt; set when there is one.
        waited: Seconds that the attempt waited for its turn before it began.
    """

    def __init__(
        self, fault: Fault, detail: str, *, safe: bool, status: int | None = None, wait: float | None = None
    ) -> None:
        """Take what went wrong, its details, whether a repeat is safe, and how long Planhat asks to wait."""
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.safe = safe
        self.status = status
        self.wait = wait
        self.pause = 0.0
        self.waited = 0.0


@dataclass(frozen=True, slots=True)
class _Rule:
    """The most attempts, and the first delay as a share of the time after which the client gives up."""

    tries: int
    first_wait: float = 0.0


_ONCE = _Rule(1)
_FEW = _Rule(3, 1 / 120)
_MANY = _Rule(100, 1 / 120)
# Q6: the first delay is some seconds; all delays together are about two minutes.
_PATIENT = _Rule(100, 1 / 40)

_RULES: dict[tuple[Fault, bool], _Rule] = {
    # (what went wrong, whether the call is safe to repeat)
    (Fault.NOT_SENT, True): _MANY,
    (Fault.NOT_SENT, False): _MANY,
    # The host name is wrong. If the host answered before, the fault is NOT_SENT.
    (Fault.NO_HOST, True): _ONCE,
    (Fault.NO_HOST, False): _ONCE,
    (Fault.LOST, True): _MANY,
    (Fault.LOST, False): _ONCE,
    (Fault.GARBLED, True): _FEW,
    (Fault.GARBLED, False): _ONCE,
    (Fault.NESTED, True): _FEW,
    (Fault.NESTED, False): _ONCE,
    # The same call would get the same answer. Lists are read again in smaller pages.
    (Fault.OVERSIZE, True): _ONCE,
    (Fault.OVERSIZE, False): _ONCE,
    (Fault.BUSY, True): _PATIENT,
    (Fault.BUSY, False): _PATIENT,
    (Fault.DOWN, True): _MANY,
    (Fault.DOWN, False): _ONCE,
    # B75: a 500 is not always temporary.
    (Fault.FAILED, True): _FEW,
    (Fault.FAILED, False): _ONCE,
    (Fault.REFUSED, True): _ONCE,
    (Fault.REFUSED, False): _ONCE,
    (Fault.ENDING, True): _ONCE,
    (Fault.ENDING, False): _ONCE,
}

# Not the module's own generator: programs that seed it, as property tests do, would get other numbers after each retry.
_jitter = random.Random()  # noqa: S311 - this is not for cryptography

_STATUSES = {408: Fault.DOWN, 429: Fault.BUSY, 502: Fault.DOWN, 503: Fault.DOWN, 504: Fault.DOWN}


def fault_of_status(status: int) -> Fault:
    """The fault that an error status means."""
    server_fault = 500
    return _STATUSES.get(status) or (Fault.FAILED if status >= server_fault else Fault.REFUSED)


def retry_after(value: str | None) -> float | None:
    """Seconds to wait, from either form of a Retry-After header; None if there is none that can be read."""
    if not value:
        return None
    with suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def backoff_delays(give_up_after: float) -> Generator[float, CallFault, None]:
    """A generator for ``backoff`` that yields only 0, so that ``backoff`` itself does not wait.

    It sets the ``pause`` of each fault instead, so that the caller can wait in a way that can be interrupted.

    Args:
        give_up_after: As for ``retry_delays``.
    """
    schedule = retry_delays(give_up_after)
    fault = yield next(schedule)
    while True:
        try:
            fault.pause = schedule.send(fault)
        except StopIteration:
            return
        fault = yield 0.0


def retry_delays(give_up_after: float) -> Generator[float, CallFault, None]:
    """A generator that receives each fault and yields the seconds until the next attempt. It ends to give up.

    Args:
        give_up_after: Seconds after the start of the first attempt after which no further one starts. The time that
            attempts waited for their turn does not count, because others use the quota meanwhile. A call whose first
            attempt took all of the seconds still gets a second one.
    """
    began = time.monotonic()
    fault = yield 0.0
    tries = 1
    while True:
        rule = _RULES[fault.fault, fault.safe]
        began += fault.waited
        left = began + give_up_after - time.monotonic()
        wait = fault.wait
        if wait is None:
            longest = rule.first_wait * give_up_after * 2 ** (tries - 1)
            wait = _jitter.uniform(longest / 2, longest)
            wait = min(wait, max(left, rule.first_wait * give_up_after))
        if tries >= rule.tries or (wait > left and (tries > 1 or fault.wait is not None)):
            return
        fault = yield wait
        tries += 1
