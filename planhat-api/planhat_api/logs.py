"""Makes log records safe to read: one line each, limited in length, without control characters and secrets.

Names of streams, columns and settings come from outside. A line break in a name would look like another log line, an
escape sequence would control the terminal, and characters for the direction of writing would make the terminal show
another text than the real one.
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

__all__ = ["SafeLogFilter", "guard_loggers", "make_logs_safe", "one_line"]

LONGEST = 10_000
"""The most characters of a message. The summary of a run with a hundred streams is shorter."""
LONGEST_NAME = 200
"""The most characters of the name of a logger, which may be the name of a stream."""
MARGIN = "    | "
"""The beginning of each line of a stack trace, so that no line looks like a log message."""

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

    Characters that are not safe to print are escaped as in JSON, so that JSON in the text keeps its meaning.
    """
    line = _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text[:longest])
    if len(text) <= longest and len(line) <= longest:
        return line
    return f"{line[:longest]}… (cut, {len(text)} characters)"


class SafeLogFilter(logging.Filter):
    """A log filter that makes each record safe to read, and drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the message, the name of the logger and the stack trace."""
        record.name = one_line(record.name, LONGEST_NAME)
        message = _message(record)
        clean = one_line(without_secrets(message))
        # A clean message keeps its arguments, because structured logs show them one by one.
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info or record.exc_text:
            _clean_trace(record)
        if record.stack_info:
            record.stack_info = _with_margin(without_secrets(record.stack_info))
        return True


def guard_loggers() -> None:
    """Make the log records of the HTTP client safe, for programs that do not call ``make_logs_safe``."""
    for name in _OWN_LOGGERS:
        _guard(logging.getLogger(name))


def make_logs_safe() -> None:
    """Make everything safe that this process logs from now on. This is for commands that own their process.

    The filter is added to the handlers, which get the records of all loggers, including those of libraries. Handlers
    that are added later do not have it.

    A line that cannot be written, for example because a signal arrived while it was being written, is left out. Python
    would print a stack trace and the arguments of the line in its place, and nothing would clean them.
    """
    logging.raiseExceptions = False
    known = logging.getLogger().manager.loggerDict.values()
    loggers = [logging.getLogger(), *(entry for entry in known if isinstance(entry, logging.Logger))]
    for handler in (*_handlers(loggers), logging.lastResort):
        if handler is not None:
            _guard(handler)


def _handlers(loggers: Iterable[logging.Logger]) -> Iterable[logging.Handler]:
    return {handler for logger in loggers for handler in logger.handlers}


def _guard(logger: logging.Filterer) -> None:
    if not any(isinstance(known, SafeLogFilter) for known in logger.filters):
        logger.addFilter(SafeLogFilter())


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - formatting the arguments can raise any error
        # Drop them, because the handler would fail in the same way and print them with a stack trace.
        record.args = ()
        return str(record.msg)


def _clean_trace(record: logging.LogRecord) -> None:
    text = record.exc_text or "".join(traceback.format_exception(*record.exc_info or ()))
    clean = without_secrets(text)
    record.exc_text = _with_margin(clean)
    if clean != text:
        # Structured logs would format the exception themselves.
        record.exc_info = None


def _with_margin(text: str) -> str:
    lines = (line.removeprefix(MARGIN) for line in text.rstrip("\n").split("\n"))
    return "\n".join(MARGIN + one_line(line) for line in lines)
