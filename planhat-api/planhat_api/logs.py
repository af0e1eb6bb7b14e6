"""Makes what is logged safe to read: one line for each event, no control characters, no secrets, no endless texts.

Names of streams, columns and settings come from elsewhere. A line break in one would begin a line that nobody logged,
an escape sequence would reach into the terminal, and characters that turn the direction of writing would show another
text than the one that is there.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from typing import TYPE_CHECKING

from planhat_api.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SafeToRead", "guard_loggers", "make_logs_safe", "one_line"]

LONGEST = 10_000
"""Characters of one message. The summary of a run with a hundred streams is shorter."""
LONGEST_NAME = 200
"""Characters of the name of a logger, which may be the name of a stream."""
MARGIN = "    | "
"""Stands before each line of a trace, so that none can pass for a message."""

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls, line breaks among them
    "\u2028\u2029"  # further line breaks
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of writing
    "\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # not to be seen
    "\ud800-\udfff"  # halves of characters, which no output can write
    "]"
)
# urllib3 logs the path of each call, and the tenant token stands in the path of metrics and activities.
_OWN_LOGGERS = ("planhat_api", "urllib3.connectionpool")


def one_line(text: str, longest: int = LONGEST) -> str:
    """A text on one line, cut to a number of characters.

    What is not safe to print is escaped as JSON does it: JSON in which it stood still means the same.
    """
    line = _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text[:longest])
    if len(text) <= longest and len(line) <= longest:
        return line
    return f"{line[:longest]}… (cut, {len(text)} characters)"


class SafeToRead(logging.Filter):
    """Makes each record of a log safe to read; lets all of them through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the message, the name of the logger and the trace."""
        record.name = one_line(record.name, LONGEST_NAME)
        message = _message(record)
        clean = one_line(without_secrets(message))
        # A message that is clean keeps its parts: structured logs show them one by one.
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info or record.exc_text:
            _clean_trace(record)
        if record.stack_info:
            record.stack_info = _in_margin(without_secrets(record.stack_info))
        return True


def guard_loggers() -> None:
    """Make safe what the HTTP client logs, for programs that install no handlers through ``make_logs_safe``."""
    for name in _OWN_LOGGERS:
        _guard(logging.getLogger(name))


def make_logs_safe() -> None:
    """From here on make everything safe that this process logs: for a command that owns its process.

    The filter sits on the handlers, where the records of all loggers pass, those of libraries too. Handlers that are
    added later are not covered.
    """
    known = logging.getLogger().manager.loggerDict.values()
    loggers = [logging.getLogger(), *(entry for entry in known if isinstance(entry, logging.Logger))]
    for handler in (*_handlers(loggers), logging.lastResort):
        if handler is not None:
            _guard(handler)


def _handlers(loggers: Iterable[logging.Logger]) -> Iterable[logging.Handler]:
    return {handler for logger in loggers for handler in logger.handlers}


def _guard(place: logging.Filterer) -> None:
    if not any(isinstance(known, SafeToRead) for known in place.filters):
        place.addFilter(SafeToRead())


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever the arguments do when they are made a text
        # Without them, or the handler would fail in the same way, and print them with a trace.
        record.args = ()
        return str(record.msg)


def _clean_trace(record: logging.LogRecord) -> None:
    text = record.exc_text or "".join(traceback.format_exception(*record.exc_info or ()))
    clean = without_secrets(text)
    record.exc_text = _in_margin(clean)
    if clean != text:
        # Structured logs would take the exception apart themselves.
        record.exc_info = None


def _in_margin(text: str) -> str:
    lines = (line.removeprefix(MARGIN) for line in text.rstrip("\n").split("\n"))
    return "\n".join(MARGIN + one_line(line) for line in lines)
