"""The keys a model holds: none is lost, none is made up, and it is known whether one row has a key or several."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from planhat_api.bulk.existing_keys import ExistingKeys
from planhat_api.models.registry import model

ENDUSERS = model("endusers")
KEY = st.sampled_from(["a", "b", "c", "d"])
ROWS = st.lists(st.tuples(KEY, st.sampled_from(["c1", "c2"])), max_size=12)


@given(rows=ROWS, wanted=KEY, company=st.sampled_from(["c1", "c2"]))
def test_how_many_rows_have_a_key(rows: list[tuple[str, str]], wanted: str, company: str) -> None:
    read = [{"_id": f"id{n}", "externalId": key, "companyId": owner} for n, (key, owner) in enumerate(rows)]
    # The sets of list parameters that bring all rows may bring one twice.
    keys = ExistingKeys([*read, *read[:3]], ENDUSERS, ENDUSERS.keyables)
    assert keys.rows_with(("externalId", wanted)) == min(2, Counter(key for key, _ in rows)[wanted])
    assert keys.rows_with(("externalId", wanted, company)) == min(2, rows.count((wanted, company)))
    assert (("externalId", wanted) in keys) == any(key == wanted for key, _ in rows)


@given(stored=st.lists(KEY, max_size=12), wanted=KEY)
def test_rows_that_are_stored_are_held(stored: list[str], wanted: str) -> None:
    keys = ExistingKeys([], ENDUSERS, ENDUSERS.keyables)
    for key in stored:
        keys.add(("email", key))
    assert keys.rows_with(("email", wanted)) == (wanted in stored)
    assert keys.holds_in_any_case("email", wanted.upper()) == (wanted in stored)


def test_a_row_that_was_read_is_known() -> None:
    keys = ExistingKeys([{"_id": "a", "email": "k"}], ENDUSERS, ENDUSERS.keyables)
    assert not keys.add_row({"_id": "a", "email": "k"})
    assert keys.add_row({"_id": "b", "email": "k"})
    assert keys.rows_with(("email", "k")) == 2
