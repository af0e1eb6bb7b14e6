"""Records of a list told apart without being decoded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planhat_api.answers import one_record, page_at, record_or_text
from planhat_api.http.call import Answer, GarbledError
from planhat_api.jsontext import ids_of, raw_records
from planhat_api.values.texts import key_text

IDS = st.one_of(
    st.from_regex(r"[0-9a-f]{24}", fullmatch=True), st.text(), st.integers(-(10**9), 10**9), st.none(), st.booleans()
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    fields = draw(st.dictionaries(st.text().filter(lambda name: name != "_id"), VALUES, max_size=4))
    if draw(st.booleans()):
        return {"_id": draw(IDS), **fields}
    return {**fields, "_id": draw(IDS)} if draw(st.booleans()) else fields


@given(records=st.lists(records(), max_size=6), indent=st.sampled_from([None, 1]))
def test_a_page_holds_the_records_as_they_came(records: list[dict[str, Any]], indent: int | None) -> None:
    body = msgspec.json.encode(records)
    body = msgspec.json.format(body, indent=indent) if indent else body
    page = page_at(7, Answer(200, body))
    assert (page.offset, len(page), page.body) == (7, len(records), body)
    assert [msgspec.json.decode(raw) for raw in page.raw] == records == page.records()
    assert page.ids == [key_text(record.get("_id")) for record in records]


@given(st.lists(st.from_regex(r"[0-9a-f]{24}", fullmatch=True), max_size=20))
def test_ids_that_lead_are_read_like_all_others(ids: list[str]) -> None:
    leading = msgspec.json.encode([{"_id": row_id, "companyId": {"_id": "f" * 24}} for row_id in ids])
    trailing = msgspec.json.encode([{"companyId": {"_id": "f" * 24}, "_id": row_id} for row_id in ids])
    assert ids_of(leading, raw_records(leading)) == ids == ids_of(trailing, raw_records(trailing))


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[1]", b"[[]]", b'[{"_id":"a"}', b'"text"', b"null", b"<html>", b"\xff\xfe", b'[{"_id":"\xff"}]'],
)
def test_a_list_that_is_none(body: bytes) -> None:
    with pytest.raises(GarbledError):
        page_at(0, Answer(200, body))


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (5, "5"), (5.0, "5"), (1.5, "1.5"), (True, None), (None, None), ({}, None), ([], None)],
)
def test_keys_as_text(value: Any, text: str | None) -> None:
    assert key_text(value) == text


def test_single_answers_are_objects_or_texts() -> None:
    assert record_or_text(Answer(200, b'{"_id":"a"}')) == {"_id": "a"}
    assert record_or_text(Answer(200, b'"done"')) == "done"
    assert record_or_text(Answer(200, b"Failed to find it")) == "Failed to find it"
    assert record_or_text(Answer(200, b"")) == ""
    for body in (b"<html></html>", b'{"_id":', b"[]", b"5"):
        with pytest.raises(GarbledError):
            record_or_text(Answer(200, body))
    for body in (b'"text"', b"[]", b""):
        with pytest.raises(GarbledError):
            one_record(Answer(200, body))
