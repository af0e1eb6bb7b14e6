"""Reads the files of a BATCH message."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import unquote, urlparse

from target_planhat.errors import InputError, quoted
from target_planhat.intake.messages import BYTE_ORDER_MARK, read_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_planhat.intake.messages import BatchMessage, RecordMessage

__all__ = ["records_of"]

_LONGEST_PATH = 1_000


def records_of(message: BatchMessage) -> Iterator[RecordMessage]:
    """The records in the files of a BATCH message.

    Raises:
        InputError: A file cannot be read, or is not a local file with JSON lines, plain or gzipped.
    """
    form, compression = message.encoding.format, message.encoding.compression or "none"
    if form != "jsonl" or compression not in {"gzip", "none"}:
        msg = (
            f"{message.place}: BATCH of stream {quoted(message.stream)}: "
            f"{quoted(form)} with {quoted(compression)} is not supported; use jsonl with gzip or none"
        )
        raise InputError(msg)
    for file in message.manifest:
        for number, line in _numbered_lines(file, compression):
            yield read_record(line, message.stream, f"line {number} of batch file {quoted(file, _LONGEST_PATH)}")


def _numbered_lines(file: str, compression: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank."""
    try:
        with _open(file, compression) as lines:
            for number, line in enumerate(lines, 1):
                text = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
                if text.strip():
                    yield number, text
    except (OSError, EOFError, ValueError, zlib.error) as err:
        damaged = "" if isinstance(err, (OSError, ValueError)) else "it is damaged or incomplete: "
        msg = f"cannot read batch file {quoted(file, _LONGEST_PATH)}: {damaged}{err}"
        raise InputError(msg) from err


def _open(file: str, compression: str) -> IO[bytes]:
    url = urlparse(file)
    if url.scheme not in {"", "file"}:
        msg = f"cannot read batch file {quoted(file, _LONGEST_PATH)}: only local files are supported"
        raise InputError(msg)
    path = Path(unquote(url.path) if url.scheme else file)
    return cast("IO[bytes]", gzip.open(path, "rb")) if compression == "gzip" else path.open("rb")
