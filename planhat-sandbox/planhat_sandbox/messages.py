"""Requests and responses as the sandbox passes them around, and the error that becomes a response."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_sandbox.flight import Flight
    from planhat_sandbox.store import Value

__all__ = ["Refusal", "Request", "Response", "json_response", "text_response"]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Request:
    """One call. ``path`` has no leading slash and keeps a trailing one; header names are lower case.

    ``flight`` is what a bulk call of endusers knows of others, where somebody looks for equal keys.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    flight: Flight | None = None

    def json(self) -> Value:
        """The decoded body.

        Raises:
            Refusal: It is no JSON (400).
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(400, f"The body is not valid JSON: {error}") from error


@dataclass
class Response:
    """One answer. ``rows`` counts the rows in it, or the rows a bulk call brought."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    rows: int = 0


class Refusal(Exception):  # noqa: N818 - what Planhat does, not always an error of the sandbox
    """A call that is answered with an error status and a text (B73, B74)."""

    def __init__(self, status: int, text: str) -> None:
        """Args: status: HTTP status. text: What the body says."""
        super().__init__(text)
        self.status = status
        self.text = text


def json_response(value: object, status: int = 200, rows: int = 0) -> Response:
    """An answer with a JSON body."""
    return Response(status, _encode(value), rows=rows)


def text_response(text: str, status: int = 200) -> Response:
    """An answer with a text that is no JSON."""
    return Response(status, text.encode(), "text/html; charset=utf-8")
