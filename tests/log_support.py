"""Collects what a run in this process logs, as the command writes it."""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING

from singer_sdk.logging import ConsoleFormatter

from planhat_api.logs import SafeLogFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| [A-Z]+ +\| .+? +\| .*")


@contextmanager
def logged(level: int = logging.INFO) -> Iterator[io.StringIO]:
    """What a run writes to the standard error stream."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(ConsoleFormatter())
    handler.addFilter(SafeLogFilter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield out
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def assert_told_well(log: str, *hidden: str) -> None:
    """Check that each line is one of the log and safe to print, and that none tells what is to be hidden."""
    for line in log.split("\n")[:-1]:
        assert LOG_LINE.fullmatch(line), line
        assert not any(unicodedata.category(one) in {"Cc", "Zl", "Zp", "Cs"} or one in "\u202e\u2066" for one in line)
    for text in hidden:
        assert text not in log
