"""Recognises a plan in the input, and checks that it is whole before any of it is processed."""

from __future__ import annotations

import hashlib
import io
import os
from itertools import chain
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import msgspec

from target_planhat.errors import InputError
from target_planhat.plan_header import PLAN_STREAM, PlanHeader, sealed
from target_planhat.record_line import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PlanInput", "is_plan", "read_plan"]

_LINES_OF_HEADER = 2
_BEGINNING = 300
_FAULT = "the input begins as a plan, but {}. Make a new plan. Nothing was sent"


class _HeaderMessage(msgspec.Struct, tag_field="type", tag="RECORD"):
    stream: str
    record: PlanHeader


class _FirstMessage(msgspec.Struct):
    stream: str


class PlanInput(msgspec.Struct):
    """A plan that is whole.

    Attributes:
        header: Its header.
        messages: Its other lines.
    """

    header: PlanHeader
    messages: io.BufferedReader


def is_plan(line: bytes) -> bool:
    """Whether the first line of the input begins a plan."""
    if PLAN_STREAM.encode() not in line[:_BEGINNING]:
        return False
    try:
        return msgspec.json.decode(line, type=_FirstMessage).stream == PLAN_STREAM
    except UNREADABLE:
        return False


def read_plan(lines: Sequence[bytes], rest: Iterable[bytes]) -> PlanInput:
    """Read a plan to its end. Its lines are kept in a temporary file, which only this process can read.

    Args:
        lines: The first lines.
        rest: The other lines.

    Raises:
        InputError: It was edited, or it is not whole.
    """
    head = list(lines[:_LINES_OF_HEADER])
    more = iter(rest)
    while len(head) < _LINES_OF_HEADER:
        head.append(next(more, b""))
    header = _header(head[1])
    digest = hashlib.sha256()
    with TemporaryFile() as file:
        for line in chain(lines[_LINES_OF_HEADER:], more):
            digest.update(line)
            file.write(line)
        if sealed(header, digest.hexdigest()) != header:
            raise InputError(_FAULT.format("it is not as it was written: it was edited, or it is not whole"))
        file.seek(0)
        # The copy is open as long as the run reads it.
        return PlanInput(header, io.BufferedReader(io.FileIO(os.dup(file.fileno()))))


def _header(line: bytes) -> PlanHeader:
    try:
        return msgspec.json.decode(line, type=_HeaderMessage).record
    except UNREADABLE:
        raise InputError(_FAULT.format("its second line is not the header of a plan")) from None
