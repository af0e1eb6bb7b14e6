"""The classes of requests and responses inside the sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_sandbox.bulk_call import BulkCall
    from planhat_sandbox.store import Value

__all__ = ["ApiError", "Request", "Response", "json_response", "text_response"]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Request:
    """One call. ``path`` has no leading slash and keeps a trailing one; header names are lower case.

    ``bulk_call`` finds equal keys in a bulk call of endusers, if a switch requires it.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    bulk_call: BulkCall | None = None

    def json(self) -> Value:
        """The decoded body.

        Raises:
            ApiError: The body is not JSON (400).
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, f"The body is not valid JSON: {error}") from error


@dataclass
class Response:
    """One answer. ``rows`` is the number of rows in it, or of rows that a bulk call sent."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    rows: int = 0


class ApiError(Exception):
    """The call is answered with an error status and a text (B73, B74)."""

    def __init__(self, status: int, text: str) -> None:
        """Take the HTTP status and the text of the body."""
        super().__init__(text)
        self.status = status
        self.text = text


def json_response(value: object, status: int = 200, rows: int = 0) -> Response:
    """An answer with a JSON body."""
    return Response(status, _encode(value), rows=rows)


def text_response(text: str, status: int = 200) -> Response:
    """An answer with a text that is not JSON."""
    return Response(status, text.encode(), "text/html; charset=utf-8")
