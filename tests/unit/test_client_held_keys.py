"""The keys a model holds: none is lost, none is made up, and it is known whether one row has a key or several."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from planhat_api.held_keys import HeldKeys
from planhat_api.registry import model

ENDUSERS = model("endusers")
KEY = st.sampled_from(["a", "b", "c", "d"])
ROWS = st.lists(st.tuples(KEY, st.sampled_from(["c1", "c2"])), max_size=12)


@given(rows=ROWS, wanted=KEY, company=st.sampled_from(["c1", "c2"]))
def test_how_many_rows_have_a_key(rows: list[tuple[str, str]], wanted: str, company: str) -> None:
    read = [{"_id": f"id{n}", "externalId": key, "companyId": owner} for n, (key, owner) in enumerate(rows)]
    # The sets of list parameters that bring all rows may bring one twice.
    keys = HeldKeys([*read, *read[:3]], ENDUSERS, ENDUSERS.keyables)
    assert keys.rows_with(("externalId", wanted)) == min(2, Counter(key for key, _ in rows)[wanted])
    assert keys.rows_with(("externalId", wanted, company)) == min(2, rows.count((wanted, company)))
    assert (("externalId", wanted) in keys) == any(key == wanted for key, _ in rows)


@given(stored=st.lists(st.tuples(KEY, st.booleans()), max_size=12), wanted=KEY)
def test_rows_that_are_stored_count(stored: list[tuple[str, bool]], wanted: str) -> None:
    keys = HeldKeys([], ENDUSERS, ENDUSERS.keyables)
    expected = 0
    for key, another in stored:
        keys.add(("email", key), another=another)
        if key == wanted:
            expected = min(2, expected + 1) if another else max(1, expected)
    assert keys.rows_with(("email", wanted)) == expected
    assert keys.holds_in_any_case("email", wanted.upper()) == (expected > 0)
