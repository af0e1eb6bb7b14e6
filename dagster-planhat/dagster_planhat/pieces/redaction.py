"""Takes secrets out of lines of a log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Redaction"]

_SHORTEST = 4
"""A shorter text would be found in many words, and is no secret worth its name."""


class Redaction:
    """Replaces secrets by stars."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Know these secrets. Of a URL, the password counts by itself too."""
        texts = {part for secret in secrets for part in _parts(secret) if len(part) >= _SHORTEST}
        longest_first = sorted(texts, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if texts else None

    def of(self, line: str) -> str:
        """The line without secrets."""
        return self._pattern.sub("***", line) if self._pattern else line


def _parts(secret: str) -> Iterator[str]:
    yield secret
    try:
        password = urlsplit(secret).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
