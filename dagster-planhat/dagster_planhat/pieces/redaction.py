"""Takes secrets out of lines of a log."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Redaction"]

_SHORTEST = 4
"""A shorter text would be found in many words, and is no secret worth its name."""
_SHORTEST_LINE = 8
"""The same for a line of a secret that has several."""
_PASSWORD = re.compile(r"://[^:/]*:([^@]*)@")
"""The password as SQLAlchemy finds it, also one with ``#``, ``?`` or ``/``."""
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)
"""Names of options of a URL that hold a secret."""


class Redaction:
    """Replaces secrets by stars."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Know these secrets.

        Of a URL, the passwords count by themselves too, and so does each line of a secret with several. All of them are
        also found as URLs and JSON write them.
        """
        parts = {part for secret in secrets for part in _parts(secret)}
        texts = {text for part in parts for text in _spellings(part) if len(part) >= _SHORTEST}
        longest_first = sorted(texts, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if texts else None

    def of(self, line: str) -> str:
        """The line without secrets."""
        return self._pattern.sub("***", line) if self._pattern else line


def _parts(secret: str) -> Iterator[str]:
    yield secret
    yield from (line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE)
    for password in _passwords(secret):
        yield password
        yield unquote(password)


def _passwords(secret: str) -> Iterator[str]:
    yield from _PASSWORD.findall(secret)
    try:
        url = urlsplit(secret)
        yield url.password or ""
        yield from (value for name, value in parse_qsl(url.query) if _SECRET_NAME.search(name))
    except ValueError:
        # It is no URL.
        return


def _spellings(text: str) -> Iterator[str]:
    yield text
    yield quote(text, safe="", errors="replace")
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
