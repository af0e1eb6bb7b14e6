"""The parts of the page that two commands write: each keeps what the other wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BEGIN = "<!-- written by make bench-calls -->\n"
_END = "<!-- end -->\n"
_HEADING = "\n## "


def with_measurements(earlier: str, measurements: str) -> str:
    """The page of measurements, with the section about calls of the earlier page."""
    _, begin, rest = earlier.partition(_BEGIN)
    section, end, _ = rest.partition(_END)
    return _inserted(measurements, section) if begin and end else measurements


def with_calls(earlier: str, section: str) -> str:
    """The earlier page with another section about calls, which stands before all others."""
    before, begin, rest = earlier.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{_BEGIN}{section}{_END}{after}" if begin and end else _inserted(earlier, section)


def text_of(page: Path) -> str:
    """The page as it is; nothing if there is none yet."""
    return page.read_text("utf-8") if page.exists() else ""


def _inserted(page: str, section: str) -> str:
    before, heading, after = page.partition(_HEADING)
    return f"{before}\n{_BEGIN}{section}{_END}{heading}{after}" if heading else f"{page}{_BEGIN}{section}{_END}"
