"""Lists that hold half an emoji are read all the same."""

from __future__ import annotations

import json

import pytest

from planhat_api.answers import page_at
from planhat_api.http.call import Answer, GarbledError
from planhat_api.jsontext import replace_lone_surrogates


@pytest.mark.parametrize(
    ("text", "mended_text"),
    [
        (r"\ud83d\ude80", r"\ud83d\ude80"),
        (r"\uD83D\uDE80", r"\uD83D\uDE80"),
        (r"\ud000 \u00e9", r"\ud000 \u00e9"),
        (r"\\ud83d", r"\\ud83d"),
        (r"\ud83d", r"\ufffd"),
        (r"\ude80\ud83d", r"\ufffd\ufffd"),
        (r"\\\ud83d", r"\\\ufffd"),
        (r"\ud83d\ude80\ude80", r"\ud83d\ude80\ufffd"),
    ],
)
def test_only_lone_surrogates_are_replaced(text: str, mended_text: str) -> None:
    assert replace_lone_surrogates(text.encode()).decode() == mended_text


def test_a_list_with_half_an_emoji_is_read() -> None:
    body = rb'[{"_id":"64c1","snippet":"cut \ud83d"},{"_id":"64c2","snippet":"\ud83d\ude80"}]'
    page = page_at(0, Answer(200, body))
    assert page.ids == ["64c1", "64c2"]
    assert page.records()[0]["snippet"] == "cut \N{REPLACEMENT CHARACTER}"
    assert json.loads(page.body) == page.records()


def test_what_is_no_list_stays_a_fault() -> None:
    with pytest.raises(GarbledError):
        page_at(0, Answer(200, b'[{"_id":"64c1"'))
