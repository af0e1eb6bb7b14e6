"""Rows that share a key never go out in one request, and keep their order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planhat_api import Row
from planhat_api.apart import folded, turns

VALUES = st.sampled_from(["a", "b", "A", "c"])
ROWS = st.lists(
    st.builds(lambda keys: Row(b"{}", keys), st.dictionaries(st.sampled_from(["sourceId", "email"]), VALUES)),
    max_size=12,
)


def shared(one: Row, other: Row) -> bool:
    return any(
        folded(name, value) == folded(name, other.keys[name]) for name, value in one.keys.items() if name in other.keys
    )


@given(rows=ROWS)
def test_no_group_holds_a_key_twice_and_order_is_kept(rows: list[Row]) -> None:
    groups = turns(rows, most=None)
    assert sorted(index for group in groups for index in group) == list(range(len(rows)))
    group_of = {index: place for place, group in enumerate(groups) for index in group}
    for group in groups:
        assert group == sorted(group)
    for later, row in enumerate(rows):
        for earlier in range(later):
            if shared(rows[earlier], row):
                assert group_of[earlier] < group_of[later]


@given(rows=ROWS)
def test_there_are_no_more_groups_than_it_takes(rows: list[Row]) -> None:
    """Each row stands in the first group that comes after the rows it shares a key with."""
    groups = turns(rows, most=None)
    for place, group in enumerate(groups[1:], start=1):
        for index in group:
            assert any(shared(rows[earlier], rows[index]) for earlier in groups[place - 1] if earlier < index)


@given(rows=ROWS, most=st.integers(1, 4))
def test_the_last_group_takes_what_is_beyond_the_most(rows: list[Row], most: int) -> None:
    free, bound = turns(rows, most=None), turns(rows, most)
    assert len(bound) == min(len(free), most)
    assert bound[: most - 1] == free[: most - 1]
    assert sorted(index for group in bound for index in group) == list(range(len(rows)))


def test_addresses_that_differ_in_case_only_count_as_one() -> None:
    rows = [Row(b"{}", {"email": address}) for address in ("Kim@x.example", "kim@X.example", "ada@x.example")]
    assert turns(rows) == [[0, 2], [1]]
    assert turns([Row(b"{}", {"externalId": name}) for name in ("a", "A")]) == [[0, 1]]
