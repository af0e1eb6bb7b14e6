"""Data classes of a call and its answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit

from planhat_api.redaction import redacted, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_api.http.auth import Authorization

__all__ = ["Answer", "Call", "CallTally", "GarbledError", "NestedError", "is_success"]

_T = TypeVar("_T")
_PRINTABLE = 4000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of Planhat.

    Attributes:
        status: HTTP status.
        body: The decompressed body. If ``read`` of the call does not need it, only the first megabyte.
        content_type: Value of the header; empty if there is none.
        wait: Seconds to wait before the next call, if Planhat gives them in the answer.
    """

    status: int
    body: bytes
    content_type: str = ""
    wait: float | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the status is a 2xx."""
        return is_success(self.status)

    @property
    def text(self) -> str:
        """The body for messages: one line, shortened, without secrets and email addresses."""
        text = self.body[:_PRINTABLE].decode("utf-8", "replace")
        if "html" in self.content_type.lower() and "<" in text:
            return f"an HTML page of {len(self.body)} bytes"
        return shortened(redacted(text))


def is_success(status: int) -> bool:
    """Whether a status is a 2xx."""
    return status // 100 == 2  # noqa: PLR2004 - the 2xx


class GarbledError(Exception):
    """The answer has another form than expected; the message describes it."""


class NestedError(GarbledError):
    """The answer is nested too deeply to be read; the message says which part of it."""


class CallTally:
    """Counts the calls of one reader, while other readers make calls with the same client. Thread-safe.

    Attributes:
        calls: Number of calls so far, including retries.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.calls = 0
        self._counting = threading.Lock()

    def add(self) -> None:
        """Count one call."""
        with self._counting:
            self.calls += 1


@dataclass(frozen=True, slots=True)
class Call(Generic[_T]):
    """One call.

    Attributes:
        method: HTTP method.
        url: The URL, which may contain the tenant token.
        shown: The path for logs and errors, without secrets: ``companies``.
        read: Makes the result from the answer. Raises ``GarbledError`` if the answer has another form than expected,
            and ``RecursionError`` if it is nested too deeply.
        auth: Sets the Authorization header.
        safe: Whether doing it twice is the same as doing it once.
        counted: Whether it counts against the quota (B10).
        params: Query parameters.
        body: JSON to send.
        rows: Rows in ``body``.
        takes: Statuses other than 2xx that ``read`` handles.
        find_result: After a call without a usable answer, checks whether Planhat carried it out: returns its result, or
            None if it did not. In that case it is safe to repeat the call.
        tally: Counts each attempt of this call; None if nobody needs the number.
    """

    method: str
    url: str = field(repr=False)
    shown: str
    read: Callable[[Answer], _T]
    auth: Authorization
    safe: bool
    counted: bool = True
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    rows: int = 0
    takes: frozenset[int] = frozenset()
    find_result: Callable[[], _T | None] | None = field(default=None, repr=False)
    tally: CallTally | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Method and path, without secrets."""
        return f"{self.method} {self.shown}"

    @property
    def host(self) -> str:
        """The host of the URL."""
        return urlsplit(self.url).netloc
