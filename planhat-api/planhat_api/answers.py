"""Reads the answers of single calls and lists into what the client hands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.bulk.answer import BulkAnswer, read_bulk
from planhat_api.http.call import GarbledError, NestedError
from planhat_api.jsontext import decode, deepest_record, ids_of, mended, raw_records
from planhat_api.lists.page import Page

if TYPE_CHECKING:
    from planhat_api.http.call import Answer
    from planhat_api.lists.page import Recognise

__all__ = ["copies_made", "nothing", "one_record", "page_at", "record_or_text"]


def page_at(offset: int, answer: Answer, *, recognise: Recognise | None = None) -> Page:
    """A list answer.

    Raises:
        GarbledError: It is no JSON array of objects, or one that nests too deeply.
    """
    try:
        try:
            body, raw = answer.body, raw_records(answer.body)
        except msgspec.DecodeError:
            body = mended(answer.body)
            raw = raw_records(body)
        recognised = recognise(body, raw) if recognise else None
        ids = ids_of(body, raw) if recognised is None else recognised
    except RecursionError:
        deepest = deepest_record(answer.body)
        message = f"the record with _id {deepest}" if deepest else "a record without _id"
        raise NestedError(message) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = "not a list of records"
        raise GarbledError(message) from None
    return Page(offset, body, raw, ids, len(raw), recognised is not None)


def one_record(answer: Answer) -> dict[str, Any]:
    """One object.

    Raises:
        GarbledError: It is something else, such as a text (B73) or a list (B20).
    """
    try:
        value = decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = None
    if not isinstance(value, dict):
        message = "not a record"
        raise GarbledError(message)
    return value


def record_or_text(answer: Answer) -> dict[str, Any] | str:
    """The object written, or what Planhat says instead (B73).

    Raises:
        GarbledError: It is an HTML page or JSON of another kind, so not an answer of the API.
    """
    try:
        value = decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = answer.body.decode("utf-8", "replace").strip()
        if text.startswith(("<", "{", "[")):
            message = "not a record"
            raise GarbledError(message) from None
        return text
    if not isinstance(value, (dict, str)):
        message = "not a record"
        raise GarbledError(message)
    return value


def nothing(_answer: Answer) -> None:
    """Any 2xx will do, whatever its body (B78, B84)."""


def copies_made(answer: Answer) -> BulkAnswer:
    """The answer to a copy of time entries, whose form is not known: a bulk answer, or anything."""
    try:
        return read_bulk(answer)
    except GarbledError:
        return BulkAnswer(answer.status, told=False, text=answer.text)
