"""Limits the calls of the main API per minute, per second and at the same time (B10, B11)."""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from threading import Lock
from typing import TYPE_CHECKING

from planhat_sandbox.messages import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planhat_sandbox.switches import Switches

__all__ = ["Quota", "QuotaExceededError"]

_TOO_MANY = 429
_PREFIXES = {"present": "X-Rate-Limit-", "x-ratelimit": "x-ratelimit-"}


class QuotaExceededError(ApiError):
    """The call is above the quota and is answered with 429."""

    def __init__(self, text: str, wait: float) -> None:
        """Take the text of the answer, and the seconds until a call is possible."""
        super().__init__(_TOO_MANY, text)
        self.wait = wait


class Quota:
    """Counts calls. Thread-safe."""

    def __init__(self, switches: Switches) -> None:
        """Take the switches with the limits."""
        self._switches = switches
        self._lock = Lock()
        self._calls: deque[float] = deque()
        self._at_once = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count one call from its arrival to its answer.

        Raises:
            QuotaExceededError: The call is above the quota.
        """
        self._enter()
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def _enter(self) -> None:
        now = time.monotonic()
        with self._lock:
            parallel = self._switches.number("parallel_calls")
            if parallel and self._at_once >= parallel:
                text = "Too many parallel requests"
                raise QuotaExceededError(text, 1)
            self._check("calls_per_second", 1, now)
            self._check("calls_per_minute", self._switches.number("quota_window_seconds"), now)
            self._calls.append(now)
            self._at_once += 1

    def _check(self, switch: str, window: float, now: float) -> None:
        limit = int(self._switches.number(switch))
        longest = max(1.0, self._switches.number("quota_window_seconds"))
        while self._calls and self._calls[0] <= now - longest:
            self._calls.popleft()
        if limit and len(self._calls) >= limit and self._calls[-limit] > now - window:
            text = "Too Many Requests"
            raise QuotaExceededError(text, self._calls[-limit] + window - now)

    def _rate_headers(self) -> dict[str, str]:
        prefix = _PREFIXES.get(self._switches["rate_headers"])
        if prefix is None:
            return {}
        limit = str(int(self._switches.number("calls_per_minute")))
        headers = {f"{prefix}limit": limit, f"{prefix}remaining": str(self.left())}
        if prefix == "x-ratelimit-":
            headers[f"{prefix}reset"] = str(math.ceil(self._switches.number("quota_window_seconds")))
        return headers

    def left(self) -> int:
        """Calls that are left in this window."""
        with self._lock:
            return max(0, int(self._switches.number("calls_per_minute")) - len(self._calls))

    def headers(self, wait: float | None = None) -> dict[str, str]:
        """The headers about the quota; ``wait`` is given with a 429."""
        headers = self._rate_headers()
        if wait is not None and self._switches["retry_after"] == "seconds":
            headers["Retry-After"] = str(math.ceil(wait))
        if wait is not None and self._switches["retry_after"] == "date":
            # The real time, even if the tenant has another day, because clients compare it with their own clock.
            moment = datetime.now(timezone.utc) + timedelta(seconds=math.ceil(wait))
            headers["Retry-After"] = format_datetime(moment, usegmt=True)
        return headers
