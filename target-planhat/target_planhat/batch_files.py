"""Reads the files of a BATCH message."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlparse

from target_planhat.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["records_of"]


def records_of(message: Mapping[str, Any]) -> Iterator[bytes]:
    """The records of a BATCH message, each one JSON object as it stands in the file.

    Raises:
        InputError: The files are not JSON lines on this machine, plain or gzipped, or cannot be read.
    """
    encoding = message.get("encoding") or {}
    form, compression = encoding.get("format"), encoding.get("compression") or "none"
    if form != "jsonl" or compression not in {"gzip", "none"}:
        msg = (
            f"BATCH of stream {message.get('stream')!r}: {form} with {compression} is not supported; "
            "jsonl is, with gzip or none"
        )
        raise InputError(msg)
    for file in message.get("manifest") or ():
        try:
            with _open(str(file), compression) as lines:
                yield from (line for line in lines if line.strip())
        except (OSError, EOFError, zlib.error) as err:  # noqa: PERF203 # one file in each turn
            damaged = "" if isinstance(err, OSError) else "it is damaged or not complete: "
            msg = f"cannot read batch file {file}: {damaged}{err}"
            raise InputError(msg) from err


def _open(file: str, compression: str) -> IO[bytes]:
    url = urlparse(file)
    if url.scheme not in {"", "file"}:
        msg = f"cannot read batch file {file}: only files of this machine are supported"
        raise InputError(msg)
    path = Path(unquote(url.path) if url.scheme else file)
    return cast("IO[bytes]", gzip.open(path, "rb")) if compression == "gzip" else path.open("rb")
