"""Keeps secrets and people's data out of texts: log lines, errors, reasons."""

from __future__ import annotations

import base64
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["keep_secret", "redacted", "shortened"]

HIDDEN = "[hidden]"
LONGEST = 300

_secrets: set[str] = set()
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# urllib3 logs the path of each call, and the tenant token stands in the path of metrics and activities.
_LOGGERS = ("planhat_api", "urllib3.connectionpool")


def keep_secret(*secrets: str | None) -> None:
    """From now on hide these texts, and the forms in which they travel, wherever this process makes a text."""
    for secret in filter(None, secrets):
        _secrets.update({secret, quote(secret, safe=""), base64.b64encode(f"{secret}:".encode()).decode()})
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _HideSecrets) for known in logger.filters):
            logger.addFilter(_HideSecrets())


def redacted(text: str, *, keep: Iterable[str] = ()) -> str:
    """The text without secrets and without email addresses.

    Args:
        text: What to clean.
        keep: Email addresses that may stay: keys of the row the text is about.
    """
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    kept = set(keep)
    return _EMAIL.sub(lambda found: found[0] if found[0] in kept else HIDDEN, text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text on one line, cut to ``longest`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


class _HideSecrets(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = message
        for secret in _secrets:
            clean = clean.replace(secret, HIDDEN)
        if clean != message:
            record.msg, record.args = clean, ()
        return True
