"""Where the rows of a state come from, who saw them, and what of them was passed on: what a state may tell of it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api import Connection

__all__ = ["SOURCE", "change_of_source", "source_of"]

SOURCE = "source"
"""The name that it has in the state of a stream."""

_ROUNDS = 100_000
_BYTES = 2  # Many tokens share each fingerprint, so that no token, however short, can be told from it.
_SETTINGS = {
    "base_url": "base_url or region",
    "token": "api_token",
    "passed_on": "the selected columns, stream_maps or flattening",
}


def source_of(connection: Connection, passed_on: str) -> dict[str, str]:
    """What a state holds: the URL of a connection, a fingerprint of its token, and what of each row is passed on.

    Args:
        connection: The connection.
        passed_on: As ``tap_planhat.streams.passed_on`` tells it.
    """
    token = _fingerprint(connection.base_url, connection.api_token)
    return {"base_url": connection.base_url, "token": token, "passed_on": passed_on}


def change_of_source(state: Mapping[str, Any], source: Mapping[str, str]) -> str | None:
    """The settings by which the loader lacks rows, or columns of rows, of before a state; None when none is known.

    Args:
        state: The state of a stream. One that was written before states told their source is taken as it is.
        source: Where the rows come from now.
    """
    former = state.get(SOURCE)
    if not isinstance(former, dict):
        return None
    return next((told for name, told in _SETTINGS.items() if name in former and former[name] != source[name]), None)


@lru_cache(maxsize=8)
def _fingerprint(base_url: str, token: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", token.encode(), base_url.encode(), _ROUNDS, dklen=_BYTES).hex()
