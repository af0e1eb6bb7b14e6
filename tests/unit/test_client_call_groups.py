"""Rows that share a key never go out in one request, and keep their order."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from planhat_api import Row
from planhat_api.bulk.call_groups import MOST_GROUPS, call_groups
from planhat_api.bulk.key_case import folded, folded_keys

VALUES = st.sampled_from(["a", "b", "A", "c"])
NAMES = st.sampled_from(["sourceId", "externalId", "email"])


def row(keys: dict[str, str], company: str | None = None) -> Row:
    match = next(iter(keys.items()), None)
    return Row(b"{}", keys, match and (*match, *filter(None, [company])))


ROWS = st.lists(st.builds(row, st.dictionaries(NAMES, VALUES), st.sampled_from([None, "C"])), max_size=12)


def shared(one: Row, other: Row) -> bool:
    return any(
        folded(name, value) == folded(name, other.keys[name]) for name, value in one.keys.items() if name in other.keys
    )


def may_be_one(one: Row, other: Row) -> bool:
    """Rows whose first keys are of different names, none of which the other has: only Planhat knows."""
    if not (one.keys and other.keys):
        return False
    return next(iter(one.keys)) not in other.keys and next(iter(other.keys)) not in one.keys


def group_of(groups: list[list[int]]) -> dict[int, int]:
    return {index: place for place, group in enumerate(groups) for index in group}


@given(rows=ROWS, first=st.sets(st.integers(0, 11)))
def test_no_group_holds_a_key_twice_and_order_is_kept(rows: list[Row], first: set[int]) -> None:
    groups = call_groups(rows, most=None, first=first)
    assert sorted(index for group in groups for index in group) == list(range(len(rows)))
    assert all(groups)
    assert all(group == sorted(group) for group in groups)
    place = group_of(groups)
    for later, one in enumerate(rows):
        for earlier in range(later):
            if shared(rows[earlier], one):
                assert place[earlier] < place[later]
            if may_be_one(rows[earlier], one):
                overtakes = later in first and earlier not in first
                assert place[earlier] < place[later] if overtakes else place[earlier] <= place[later]


@given(rows=ROWS)
def test_there_are_no_more_groups_than_it_takes(rows: list[Row]) -> None:
    """Each row stands in the first group that its order with others allows."""
    groups = call_groups(rows, most=None)
    place = group_of(groups)
    for later, one in enumerate(rows):
        least = [place[earlier] + 1 for earlier in range(later) if shared(rows[earlier], one)]
        least += [place[earlier] for earlier in range(later) if may_be_one(rows[earlier], one)]
        assert place[later] == max(least, default=0)


@given(rows=ROWS, most=st.integers(1, 4))
def test_keys_that_many_rows_share_do_not_keep_them_apart_and_one_record_still_goes_apart(
    rows: list[Row], most: int
) -> None:
    groups = call_groups(rows, most)
    place = group_of(groups)
    assert sorted(place) == list(range(len(rows)))
    forms = Counter(form for one in rows for form in folded_keys(one))
    for later, one in enumerate(rows):
        for earlier in range(later):
            if rows[earlier].match == one.match is not None:
                assert place[earlier] < place[later]
            elif may_be_one(rows[earlier], one):
                assert place[earlier] <= place[later]
            if place[later] < most - 1 and any(
                forms[form] <= most for form in {*folded_keys(one)} & {*folded_keys(rows[earlier])}
            ):
                assert place[earlier] < place[later]


@given(number=st.integers(2, 100))
def test_rows_of_many_companies_with_one_key_cost_no_more_calls_than_the_most(number: int) -> None:
    rows = [row({"externalId": "1"}, f"company{place}") for place in range(number)]
    assert len(call_groups(rows)) == (number if number <= MOST_GROUPS else 1)


def test_addresses_that_differ_in_case_only_count_as_one() -> None:
    rows = [Row(b"{}", {"email": address}) for address in ("Kim@x.example", "kim@X.example", "ada@x.example")]
    assert call_groups(rows) == [[0, 2], [1]]
    assert call_groups([Row(b"{}", {"externalId": name}) for name in ("a", "A")]) == [[0, 1]]
