"""Removes secrets and email addresses from texts for logs and errors."""

from __future__ import annotations

import base64
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["keep_secret", "redacted", "shortened", "without_secrets"]

HIDDEN = "[hidden]"
LONGEST = 300

_SHORTEST = 4

_lock = threading.Lock()
# The longest first, because one secret may contain another. The whole tuple is replaced, because other threads read it.
_secrets: tuple[str, ...] = ()
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def keep_secret(*secrets: str | None) -> None:
    """Hide these secrets, and their encoded forms in URLs and headers, in all later texts of this process."""
    global _secrets  # noqa: PLW0603 - secrets are hidden in the whole process
    forms = {
        form
        for secret in secrets
        # A shorter text is not a token, and hiding it would make every text unreadable.
        if secret and len(secret) >= _SHORTEST
        for form in (secret, quote(secret, safe=""), base64.b64encode(f"{secret}:".encode()).decode())
    }
    with _lock:
        _secrets = tuple(sorted(forms.union(_secrets), key=len, reverse=True))


def redacted(text: str, *, keep: Iterable[str] = ()) -> str:
    """The text without secrets and without email addresses.

    Args:
        text: The text to clean.
        keep: Email addresses that may stay, because they are keys of the row that the text is about.
    """
    text = without_secrets(text)
    kept = set(keep)
    return _EMAIL.sub(lambda found: found[0] if found[0] in kept else HIDDEN, text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text on one line, cut to ``longest`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def without_secrets(text: str) -> str:
    """The text with all known secrets hidden."""
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    return text
