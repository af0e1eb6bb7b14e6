"""Decides what a fault means: whether the call may be repeated, and when."""

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

__all__ = ["CallFault", "Fault", "fault_of_status", "pauses", "retry_after", "waits"]


class Fault(Enum):
    """What went wrong with one try."""

    NOT_SENT = "no connection"
    NO_HOST = "no such host"
    LOST = "no answer"
    GARBLED = "an answer that is not what was asked for"
    NESTED = "an answer that nests too deeply"
    OVERSIZE = "an answer that is too large"
    BUSY = "over the quota"
    DOWN = "Planhat is not available"
    FAILED = "a fault inside Planhat"
    REFUSED = "refused"
    ENDING = "not sent, because the program ends"

    @property
    def may_have_arrived(self) -> bool:
        """Whether Planhat may have acted on the call all the same."""
        return self not in {Fault.NOT_SENT, Fault.NO_HOST, Fault.BUSY, Fault.REFUSED, Fault.ENDING}


class CallFault(Exception):  # noqa: N818 - a step inside the client; callers get the errors of planhat_api.errors
    """One try of a call failed.

    Attributes:
        pause: Seconds until the next try, as soon as it is known that there is one.
    """

    def __init__(
        self, fault: Fault, detail: str, *, safe: bool, status: int | None = None, wait: float | None = None
    ) -> None:
        """Takes what went wrong, what was said, whether repeating is safe, and how long Planhat says to wait."""
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.safe = safe
        self.status = status
        self.wait = wait
        self.pause = 0.0


@dataclass(frozen=True, slots=True)
class _Rule:
    """How often to try at most, and the first wait as a share of the time after which the client gives up."""

    tries: int
    first_wait: float = 0.0


_ONCE = _Rule(1)
_FEW = _Rule(3, 1 / 120)
_MANY = _Rule(100, 1 / 120)
# Q6: the first wait some seconds, all together about two minutes.
_PATIENT = _Rule(100, 1 / 40)

_RULES: dict[tuple[Fault, bool], _Rule] = {
    # (what went wrong, is the call safe to repeat?)
    (Fault.NOT_SENT, True): _MANY,
    (Fault.NOT_SENT, False): _MANY,
    # The name is wrong: a host that has answered before counts as NOT_SENT.
    (Fault.NO_HOST, True): _ONCE,
    (Fault.NO_HOST, False): _ONCE,
    (Fault.LOST, True): _MANY,
    (Fault.LOST, False): _ONCE,
    (Fault.GARBLED, True): _FEW,
    (Fault.GARBLED, False): _ONCE,
    (Fault.NESTED, True): _FEW,
    (Fault.NESTED, False): _ONCE,
    # The same call would bring the same answer; a list is asked for again in smaller pages.
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

_STATUSES = {408: Fault.DOWN, 429: Fault.BUSY, 502: Fault.DOWN, 503: Fault.DOWN, 504: Fault.DOWN}


def fault_of_status(status: int) -> Fault:
    """What a status that is not a success means."""
    server_fault = 500
    return _STATUSES.get(status) or (Fault.FAILED if status >= server_fault else Fault.REFUSED)


def retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a Retry-After header in either form; None when there is none that can be read."""
    if not value:
        return None
    with suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def pauses(give_up_after: float) -> Generator[float, CallFault, None]:
    """A wait generator for ``backoff``, which is to wait no time itself: a fault is told its ``pause``.

    So whoever is told of the fault can wait in a way that something ends. The argument is that of ``waits``.
    """
    schedule = waits(give_up_after)
    fault = yield next(schedule)
    while True:
        try:
            fault.pause = schedule.send(fault)
        except StopIteration:
            return
        fault = yield 0.0


def waits(give_up_after: float) -> Generator[float, CallFault, None]:
    """A generator of waits: takes each fault, yields the seconds until the next try, ends to give up.

    Args:
        give_up_after: Seconds after the first try when no further one is begun. A call that used them up in its
            first try gets a second one all the same.
    """
    began = time.monotonic()
    fault = yield 0.0
    tries = 1
    while True:
        rule = _RULES[fault.fault, fault.safe]
        left = began + give_up_after - time.monotonic()
        wait = fault.wait
        if wait is None:
            longest = rule.first_wait * give_up_after * 2 ** (tries - 1)
            wait = random.uniform(longest / 2, longest)  # noqa: S311 - spreads calls, guards nothing
            wait = min(wait, max(left, rule.first_wait * give_up_after))
        if tries >= rule.tries or (wait > left and (tries > 1 or fault.wait is not None)):
            return
        fault = yield wait
        tries += 1
