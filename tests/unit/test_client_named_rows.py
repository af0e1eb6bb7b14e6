"""Which rows the key lists of an answer name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from planhat_api import Row
from planhat_api.bulk.named_rows import NamedRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    Keys = list[Mapping[str, str]]

BY_SOURCE, BY_ADDRESS = {"sourceId": "s"}, {"email": "k@x.example"}


@pytest.mark.parametrize(
    ("rows", "entries", "new", "expected"),
    [
        # One record that two rows name, each by another key, was written by both of them.
        ([BY_SOURCE, BY_ADDRESS], [{"_id": "a", **BY_SOURCE, **BY_ADDRESS}] * 2, False, [0, 1]),
        ([BY_SOURCE, BY_ADDRESS], [{"_id": "a", **BY_SOURCE, **BY_ADDRESS}], False, [None]),
        # The second row has changed the address.
        (
            [BY_SOURCE, {"_id": "a", "email": "new@x.example"}],
            [{"_id": "a", **BY_SOURCE, **BY_ADDRESS}, {"_id": "a", **BY_SOURCE, "email": "new@x.example"}],
            False,
            [0, 1],
        ),
        # An _id that matches nothing may become another one (B61).
        ([{"_id": "a", **BY_ADDRESS}], [{"_id": "b", **BY_ADDRESS}], True, [0]),
        ([{"_id": "a", **BY_ADDRESS}], [{"_id": "b", **BY_ADDRESS}], False, [None]),
        ([BY_ADDRESS, BY_ADDRESS], [{"_id": "b", **BY_ADDRESS}], True, [None]),
        ([BY_ADDRESS], [{"_id": "b", "email": "K@X.example"}], True, [0]),
    ],
)
def test_rows_that_key_lists_name(rows: Keys, entries: Keys, *, new: bool, expected: list[int | None]) -> None:
    assert NamedRows([Row(b"{}", keys) for keys in rows]).meant_by(entries, new=new) == expected
