"""One call and its answer, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit

from planhat_api.redaction import redacted, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from planhat_api.http.auth import Authorization

__all__ = ["Answer", "Call", "GarbledError", "NestedError", "is_success"]

_T = TypeVar("_T")
_PRINTABLE = 4000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of Planhat.

    Attributes:
        status: HTTP status.
        body: Body, decompressed; of a refusal that nobody wants to take apart, the first megabyte.
        content_type: Value of the header; empty when there is none.
        wait: Seconds that Planhat asks to wait before the next call; None when it does not say.
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
        """What the body says, for people: one line, shortened, without secrets and addresses."""
        text = self.body[:_PRINTABLE].decode("utf-8", "replace")
        if "html" in self.content_type.lower() and "<" in text:
            return f"an HTML page of {len(self.body)} bytes"
        return shortened(redacted(text))


def is_success(status: int) -> bool:
    """Whether a status is a 2xx."""
    return status // 100 == 2  # noqa: PLR2004 - the 2xx


class GarbledError(Exception):
    """The answer is not what was asked for; the text says what it is instead."""


class NestedError(GarbledError):
    """The answer nests more deeply than it can be read; the text says what in it does."""


@dataclass(frozen=True, slots=True)
class Call(Generic[_T]):
    """One call.

    Attributes:
        method: HTTP method.
        url: Where it goes. May hold the tenant token.
        shown: What logs and errors call it, without secrets: ``companies``.
        read: Makes the result out of the answer; raises ``GarbledError`` when the answer is not what was asked for, and
            ``RecursionError`` when it nests too deeply.
        auth: Who sends it.
        safe: Whether doing it twice is the same as doing it once.
        counted: Whether it counts against the quota (B10).
        params: Query parameters.
        body: JSON to send.
        rows: Rows in ``body``.
        takes: Statuses outside 2xx that ``read`` wants to see.
        look: Looks whether a call that failed was carried out all the same, and gives its result then, else None.
            A call that was not is safe to repeat.
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
    look: Callable[[], _T | None] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The call in a few words, without secrets."""
        return f"{self.method} {self.shown}"

    @property
    def host(self) -> str:
        """The host it goes to."""
        return urlsplit(self.url).netloc
