"""Reading a list that stands still costs no calls beside those that its length needs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from planhat_api import Page
from planhat_api.lists.paging import read_list
from planhat_api.lists.prefetch import PageSource

LIMIT = 100


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("rows", [250, 1000])
def test_pages_read_ahead_are_the_pages_used(rows: int, in_flight: int) -> None:
    ids = [f"{rank:024x}" for rank in range(rows)]
    asked: list[int] = []

    def fetch(offset: int, limit: int) -> Page:
        asked.append(offset)
        part = ids[offset : offset + limit]
        return Page(offset, b"", [msgspec.Raw(msgspec.json.encode({"_id": each})) for each in part], part, len(part))

    with ThreadPoolExecutor(in_flight) as pool:
        read = [
            each
            for page in read_list(PageSource(fetch, pool, LIMIT, in_flight), name="rows", sort="_id")
            for each in page.ids
        ]

    assert read == ids
    assert len(asked) == len(set(asked)), "a page was asked for twice"
    within = [offset for offset in asked if offset < rows]
    # Each page but the first shows one row again, and the end shows in one page more.
    assert len(within) <= -(-rows // (LIMIT - 1)) + 1
