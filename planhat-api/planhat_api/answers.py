"""Reads the answers to list calls and single calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.bulk.answer import BulkAnswer, read_bulk
from planhat_api.http.call import GarbledError, NestedError
from planhat_api.jsontext import decode, deepest_record, ids_of, raw_records, replace_lone_surrogates
from planhat_api.lists.page import Page

if TYPE_CHECKING:
    from planhat_api.http.call import Answer
    from planhat_api.lists.page import ConformingIds

__all__ = ["copies_made", "nothing", "one_record", "page_at", "record_or_text"]


def page_at(offset: int, answer: Answer, *, conforming_ids: ConformingIds | None = None) -> Page:
    """Read the answer to a list call.

    Raises:
        GarbledError: It is not a JSON array of objects, or it is nested too deeply.
    """
    try:
        try:
            body, raw = answer.body, raw_records(answer.body)
        except msgspec.DecodeError:
            body = replace_lone_surrogates(answer.body)
            raw = raw_records(body)
        conforms = conforming_ids(body, raw) if conforming_ids else None
        ids = ids_of(body, raw) if conforms is None else conforms
    except RecursionError:
        deepest = deepest_record(answer.body)
        message = f"the record with _id {deepest}" if deepest else "a record without _id"
        raise NestedError(message) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = "not a list of records"
        raise GarbledError(message) from None
    return Page(offset, body, raw, ids, len(raw), conforms is not None)


def one_record(answer: Answer) -> dict[str, Any]:
    """Read the answer to a call for one record.

    Raises:
        GarbledError: It is not an object, but for example a text (B73) or a list (B20).
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
    """Read the record that was written, or the text that Planhat answers instead (B73).

    Raises:
        GarbledError: It is an HTML page or other JSON, so it is not an answer of the API.
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
    """Ignore the body of an answer: any 2xx means success (B78, B84)."""


def copies_made(answer: Answer) -> BulkAnswer:
    """Read the answer to a copy of time entries. Its form is not known: perhaps it is a bulk answer."""
    try:
        return read_bulk(answer)
    except GarbledError:
        return BulkAnswer(answer.status, has_results=False, text=answer.text)
