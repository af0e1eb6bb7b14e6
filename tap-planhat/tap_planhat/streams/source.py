"""Identifies the source of rows, so that a bookmark is not used for another source."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api import Connection

__all__ = ["SOURCE", "change_of_source", "source_of"]

SOURCE = "source"
"""Name of the source in the state of a stream."""

_ROUNDS = 100_000
_BYTES = 2  # Many tokens share each fingerprint, so that nobody can find out the token from it, even a short one.
_SETTINGS = {
    "base_url": "base_url or region",
    "token": "api_token",
    "passed_on": "the selected columns, stream_maps or flattening",
}


def source_of(connection: Connection, passed_on: str) -> dict[str, str]:
    """The URL of a connection, a fingerprint of its token, and a fingerprint of the output, for a state.

    Args:
        connection: The connection.
        passed_on: The fingerprint from ``tap_planhat.streams.output_fingerprint``.
    """
    token = _fingerprint(connection.base_url, connection.api_token)
    return {"base_url": connection.base_url, "token": token, "passed_on": passed_on}


def change_of_source(state: Mapping[str, Any], source: Mapping[str, str]) -> str | None:
    """The settings that changed since a state was written, so that the loader may lack data; None if none did.

    Args:
        state: The state of a stream. A state without a source is accepted.
        source: The present source of the rows.
    """
    former = state.get(SOURCE)
    if not isinstance(former, dict):
        return None
    return next((names for part, names in _SETTINGS.items() if part in former and former[part] != source[part]), None)


@lru_cache(maxsize=8)
def _fingerprint(base_url: str, token: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", token.encode(), base_url.encode(), _ROUNDS, dklen=_BYTES).hex()
