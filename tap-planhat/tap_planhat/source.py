"""Which tenant a state was read from, and with whose eyes: what a state may tell of it."""

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


def source_of(connection: Connection) -> dict[str, str]:
    """What a state holds of a connection: its URL, and a fingerprint of its token."""
    return {"base_url": connection.base_url, "token": _fingerprint(connection.base_url, connection.api_token)}


def change_of_source(state: Mapping[str, Any], source: Mapping[str, str]) -> str | None:
    """The setting by which the rows of a state come from elsewhere, or were seen by another; None when none is known.

    Args:
        state: The state of a stream. One that was written before states told their source is taken as it is.
        source: Where the rows come from now.
    """
    former = state.get(SOURCE)
    if not isinstance(former, dict) or former == source:
        return None
    return "base_url or region" if former.get("base_url") != source["base_url"] else "api_token"


@lru_cache(maxsize=8)
def _fingerprint(base_url: str, token: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", token.encode(), base_url.encode(), _ROUNDS, dklen=_BYTES).hex()
