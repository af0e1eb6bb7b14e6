"""The index of what Planhat holds: rows are found by their keys, and it takes in what the run writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api import Row, TemporaryFileError
from planhat_api.destination.comparison import Comparison
from planhat_api.destination.index import DestinationIndex
from planhat_api.jsontext import encode
from planhat_api.lists.page import Page
from planhat_api.models.registry import model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from planhat_api.destination.matching import HeldRow, Match

C1, C2 = f"{1:024x}", f"{2:024x}"
A, B, D = "a" * 24, "b" * 24, "d" * 24
COMPANIES = {C1: C1, C2: C2, "extid-acme": C1, "extid-other": C2}
STAMP = {"updatedAt": "2024-05-14T09:30:00.000Z"}
TYPES = {"Tier": "text", "Seats": "number"}
Make: TypeAlias = "Callable[..., DestinationIndex]"


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[DestinationIndex] = []

    def index(file: str, *rows: dict[str, Any], fields: tuple[str, ...] = ("name", "custom")) -> DestinationIndex:
        made.append(DestinationIndex(model(file), fields, COMPANIES.get))
        made[-1].add([encode({**STAMP, **row}) for row in rows])
        return made[-1]

    yield index
    for one in made:
        one.close()


def row(**fields: Any) -> Row:
    return Row(encode(fields))


def match(index: DestinationIndex, **fields: Any) -> Match:
    (found,) = index.find([row(**fields)])
    return found


def held(index: DestinationIndex, **fields: Any) -> HeldRow:
    found = match(index, **fields).held
    assert found is not None
    return found


def doubt(index: DestinationIndex, **fields: Any) -> str | None:
    """The numbers in the doubt of the match; None without a doubt."""
    found = match(index, **fields).doubt
    return None if found is None else found.rpartition("(")[2].removesuffix(")")


def changed(index: DestinationIndex, file: str, **fields: Any) -> list[tuple[str, bool]]:
    """The fields that the comparison with the matched row names, and whether it is in doubt."""
    one = held(index, **fields)
    differences = Comparison(model(file), TYPES, COMPANIES.get).differences(one.values, fields, one.unsure_in(fields))
    return [(each.field, each.doubt is not None) for each in differences]


def page(*rows: dict[str, Any], left_out: int = 0) -> Page:
    body = encode(list(rows))
    raw = msgspec.json.decode(body, type=list[msgspec.Raw])[left_out:]
    return Page(0, body, raw, [one.get("_id") for one in rows[left_out:]], len(rows))


# Add and find


@pytest.mark.parametrize(
    "key", [{"_id": A}, {"sourceId": "s"}, {"externalId": "e", "companyId": C1}, {"email": "a@x.y"}]
)
def test_a_row_is_found_by_each_of_its_keys(make: Make, key: dict[str, str]) -> None:
    index = make(
        "endusers",
        {"_id": A, "sourceId": "s", "externalId": "e", "email": "a@x.y", "companyId": C1, "name": "Ann"},
        {"_id": B, "sourceId": "t", "externalId": "f", "email": "b@x.y", "companyId": C1, "name": "Bob"},
    )
    found = match(index, **key)
    assert found.held is not None
    assert (found.held.planhat_id, found.doubt, found.is_plain) == (A, None, True)
    assert found.held.values["name"] == "Ann"


def test_numbers_are_the_same_key_as_their_text(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": 77}, {"_id": B, "externalId": "78"})
    assert held(index, externalId="77").planhat_id == A
    assert held(index, externalId=78).planhat_id == B


def test_a_row_that_no_key_leads_to_would_be_created(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1"})
    found = match(index, externalId="2")
    assert (found.held, found.doubt) == (None, None)


def test_rows_of_a_page_that_are_left_out_are_not_added(make: Make) -> None:
    index = make("companies")
    index.add_page(page({"_id": A, "externalId": "1"}, {"_id": B, "externalId": "2"}, left_out=1))
    index.add_page(page({"_id": D, "externalId": "3"}))
    assert len(index) == 2
    assert match(index, externalId="1").held is None
    assert held(index, externalId="2").planhat_id == B
    assert held(index, externalId="3").planhat_id == D


def test_a_row_that_comes_again_is_ignored(make: Make) -> None:
    index = make(
        "companies", {"_id": A, "externalId": "1", "name": "first"}, {"_id": A, "externalId": "1", "name": "again"}
    )
    index.add_page(page({"_id": A, "externalId": "1", "name": "once more"}))
    assert (len(index), index.held_rows) == (1, 1)
    index.add([encode({"_id": A, "externalId": "1", "name": "late"})])
    assert (len(index), index.held_rows) == (1, 1)
    assert held(index, externalId="1").values["name"] == "first"
    index.add([encode({"_id": B, "externalId": "2"})])
    assert (len(index), index.held_rows) == (2, 2)


@pytest.mark.parametrize("bad", [{}, {"_id": None}, {"_id": ""}, {"_id": [1]}])
def test_a_row_without_id_makes_the_index_incomplete(make: Make, bad: dict[str, Any]) -> None:
    index = make("companies", {"_id": A, "externalId": "1"}, {**bad, "externalId": "2"})
    assert not index.complete
    assert doubt(index, externalId="2") == "B29"


def test_only_the_fields_that_were_named_are_kept(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1", "name": "Acme", "city": "Bonn", "sourceId": "s"})
    assert held(index, externalId="1").values.keys() == {"_id", "externalId", "sourceId", "name"}


def test_secret_fields_are_never_requested_and_never_kept(make: Make) -> None:
    index = make("users", {"_id": A, "email": "a@x.y", "apiTokens": "s"}, fields=("apiTokens", "nickName"))
    assert "apiTokens" not in index.select
    assert "apiTokens" not in held(index, email="a@x.y").values


def test_what_is_requested(make: Make) -> None:
    assert set(make("endusers", fields=("firstName",)).select) == {
        *("_id", "sourceId", "externalId", "email", "companyId", "firstName", "updatedAt"),
    }
    tickets = set(make("tickets", fields=("title",)).select)
    assert tickets >= {"_id", "externalId", "title", "subject", "companyId", "archived"}
    assert "type" in make("notes", fields=("subject",)).select


def test_keys_of_a_ticket_have_other_names(make: Make) -> None:
    index = make("tickets", {"_id": A, "externalId": "T-1", "subject": "Broken", "companyId": C1}, fields=("title",))
    one = held(index, sourceId="T-1")
    assert (one.planhat_id, one.keys, one.values["subject"]) == (A, {"sourceId": "T-1"}, "Broken")


# What a match needs


def test_b62_an_external_id_is_searched_in_the_company(make: Make) -> None:
    index = make(
        "endusers",
        {"_id": A, "externalId": "e", "companyId": C1},
        {"_id": B, "externalId": "e", "companyId": {"_id": C2, "name": "Other"}},
    )
    assert held(index, externalId="e", companyId=C1).planhat_id == A
    assert held(index, externalId="e", companyId="extid-other").planhat_id == B
    assert held(index, externalId="e", companyExternalId="acme").planhat_id == A
    assert doubt(index, externalId="e") == "B62, Q10"
    assert doubt(index, externalId="e", companyId="extid-nobody") in {"Q24", "B62, Q10"}
    assert doubt(index, externalId="e", companyId=None) == "B62, Q10"


def test_b62_an_external_id_of_another_company_is_free(make: Make) -> None:
    index = make("assets", {"_id": A, "externalId": "e", "companyId": C1})
    found = match(index, externalId="e", companyId=C2)
    assert (found.held, found.doubt) == (None, None)


def test_q24_an_unknown_company(make: Make) -> None:
    index = make("endusers", {"_id": A, "email": "a@x.y", "companyId": C1})
    assert doubt(index, email="a@x.y", companyId="extid-nobody") == "Q24"


def test_q21_an_address_in_another_case(make: Make) -> None:
    index = make("endusers", {"_id": A, "email": "Ann@x.y", "companyId": C1})
    assert doubt(index, email="Ann@x.y") is None
    assert doubt(index, email="ann@X.y") == "Q21"
    assert held(index, email="ann@X.y").planhat_id == A


def test_b62_an_address_of_several_people(make: Make) -> None:
    index = make(
        "endusers", {"_id": A, "email": "a@x.y", "companyId": C1}, {"_id": B, "email": "a@x.y", "companyId": C1}
    )
    assert doubt(index, email="a@x.y") == "B62, Q10"


def test_b62_more_rows_with_one_key_than_are_looked_at(make: Make) -> None:
    index = make("endusers", *[{"_id": f"{n:024x}", "email": "same@x.y", "companyId": C1} for n in range(200)])
    assert doubt(index, email="same@x.y") == "B62, Q10"


def test_b60_a_lower_key_of_another_row(make: Make) -> None:
    index = make("companies", {"_id": A, "sourceId": "s", "externalId": "1"}, {"_id": B, "externalId": "2"})
    assert doubt(index, sourceId="s", externalId="2") == "B60, Q10"
    assert doubt(index, sourceId="new", externalId="2") == "B60, Q10"
    assert doubt(index, sourceId="s", externalId="3") is None


def test_q11_an_id_that_no_row_has(make: Make) -> None:
    assert doubt(make("companies", {"_id": A}), _id=B) == "B61, Q11"


def test_q12_a_key_that_may_be_none(make: Make) -> None:
    index = make("products", {"_id": A, "externalId": "1"})
    (match,) = index.find([Row(encode({"externalId": "1"}))])
    assert (match.doubt, match.needs_id, match.held and match.held.planhat_id) == (None, True, A)
    (match,) = index.find([Row(encode({"_id": A, "externalId": "1"}))])
    assert (match.doubt, match.needs_id) == (None, False)


# Lists that do not show all


def lean(index: DestinationIndex, *ids: str) -> DestinationIndex:
    index.add([encode({"_id": one, "name": "x"}) for one in ids])
    return index


def test_q5_a_lean_list_shows_no_keys_and_no_values(make: Make) -> None:
    index = lean(make("companies"), A)
    assert doubt(index, externalId="1") == "Q5"
    assert held(index, _id=A).unsure_in({"name": "x", "phase": "y"}) == {"phase"}
    assert changed(index, "companies", _id=A, name="x") == []
    assert changed(index, "companies", _id=A, name="x", phase="y") == [("phase", True)]


def test_q5_a_list_of_users_shows_few_fields(make: Make) -> None:
    shown = dict.fromkeys(model("users").default_select or (), "x")
    index = make("users", fields=("roles", "firstName", "custom"))
    index.add([encode({**shown, "_id": B, "email": "b@x.y"})])
    assert held(index, email="b@x.y").unsure_in({"roles": [], "firstName": "y"}) == {"roles", "custom"}
    whole = make("users", {**shown, "_id": B, "email": "b@x.y", "permissions": {}}, fields=("roles", "firstName"))
    assert held(whole, email="b@x.y").unsure_in({"roles": []}) == frozenset()


@pytest.mark.parametrize("file", ["issues", "conversations"])
def test_q17_an_archived_row_may_be_hidden(make: Make, file: str) -> None:
    key = {"issues": "sourceId", "conversations": "externalId"}[file]
    listed = {"_id": A, key: "1", "companyId": C1, "companyIds": [C1], "archived": False}
    index = make(file, listed, fields=("archived",))
    found = match(index, **{key: "2", "companyId": C1})
    assert found.doubt
    assert found.doubt.endswith("(B37, Q17)")
    shows = make(file, listed, {**listed, "_id": B, key: "3", "archived": True}, fields=("archived",))
    assert shows.shows_archived
    assert match(shows, **{key: "2", "companyId": C1}).doubt is None
    # An id cannot be held twice.
    assert doubt(index, _id=A) is None


def test_b29_a_list_that_may_lack_rows(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1", "sourceId": "s"})
    index.complete = False
    assert doubt(index, externalId="2") == "B29"
    assert doubt(index, externalId="1") == "B29"
    assert doubt(index, sourceId="s") is None


def test_only_the_rows_that_were_asked_for_are_known(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1"})
    index.asked = frozenset({("externalId", "1"), ("externalId", "2")})
    assert doubt(index, externalId="1") is None
    assert match(index, externalId="2").doubt is None
    assert match(index, externalId="3").doubt == "Rows with this externalId were not looked for"


def test_the_rows_of_a_view_are_counted(make: Make) -> None:
    index = make("notes", {"_id": A, "type": "note"}, {"_id": B, "type": "email"}, {"_id": D}, fields=("subject",))
    assert (index.held_rows, len(index)) == (2, 3)
    index.add([encode({"_id": "e" * 24, "type": "call"})])
    assert (index.held_rows, len(index)) == (2, 4)


# What the run writes


def test_a_b_a_ends_with_a(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1", "name": "b"})
    to_a, to_b = {"externalId": "1", "name": "a"}, {"externalId": "1", "name": "b"}
    assert changed(index, "companies", **to_b) == []
    index.note_stored(row(**to_a), held(index, **to_a), A)
    assert changed(index, "companies", **to_a) == []
    assert changed(index, "companies", **to_b) == [("name", False)]
    index.note_stored(row(**to_b), held(index, **to_b), A)
    index.note_stored(row(**to_a), held(index, **to_a), A)
    assert changed(index, "companies", **to_a) == []
    assert held(index, **to_a).planhat_id == A
    assert (len(index), index.held_rows) == (1, 1)


def test_b85_fields_that_were_not_sent_are_unsure_after_a_write(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1", "name": "a", "city": "Bonn"}, fields=("name", "city"))
    index.note_stored(row(externalId="1", name="b"), held(index, externalId="1"), A)
    assert changed(index, "companies", externalId="1", name="b", city="Bonn") == [("city", True)]


def test_q8_custom_fields_that_were_not_sent_are_unsure_after_a_write(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1", "custom": {"Tier": "Gold", "Seats": 5}})
    index.note_stored(row(externalId="1", custom={"Tier": "Gold"}), held(index, externalId="1"), A)
    again = {"externalId": "1", "custom": {"Tier": "Gold", "Seats": 5}}
    assert changed(index, "companies", **again) == [("custom.Seats", True)]
    assert changed(index, "companies", externalId="1", custom={"Tier": "Silver"}) == [("custom.Tier", False)]


@pytest.mark.parametrize("empty", [None, ""])
def test_q9_fields_that_were_emptied_are_unsure(make: Make, empty: str | None) -> None:
    index = make("companies", {"_id": A, "externalId": "1", "name": "a", "custom": {"Tier": "Gold"}})
    sent = {"externalId": "1", "name": empty, "custom": {"Tier": empty}}
    index.note_stored(row(**sent), held(index, externalId="1"), A)
    assert changed(index, "companies", **sent) == [("name", True), ("custom.Tier", True)]


@pytest.mark.parametrize("is_planned", [False, True])
def test_a_planned_row_keeps_the_other_fields(make: Make, *, is_planned: bool) -> None:
    before = {"_id": A, "externalId": "1", "name": "a", "city": "Bonn", "custom": {"Tier": "Gold", "Seats": 5}}
    index = make("companies", before, fields=("name", "city", "custom"))
    index.note_stored(
        row(externalId="1", name="b", custom={"Seats": 6}), held(index, externalId="1"), A, is_planned=is_planned
    )
    found = changed(index, "companies", externalId="1", name="b", city="Bonn", custom={"Tier": "Gold", "Seats": 6})
    assert found == ([] if is_planned else [("city", True), ("custom.Tier", True)])


@pytest.mark.parametrize(
    "key", [{"_id": D}, {"sourceId": "s"}, {"externalId": "e", "companyId": C1}, {"email": "d@x.y", "companyId": C1}]
)
def test_a_created_row_is_found_by_each_key(make: Make, key: dict[str, str]) -> None:
    index = make("endusers", {"_id": A, "email": "a@x.y", "companyId": C2})
    sent = {"sourceId": "s", "externalId": "e", "email": "d@x.y", "companyId": "extid-acme", "name": "Dan"}
    index.note_stored(row(**sent), None, D)
    found = match(index, **key)
    assert found.held is not None
    assert (found.held.planhat_id, found.doubt) == (D, None)
    assert (len(index), index.held_rows) == (2, 1)
    # The company is known by its id, in whatever way it was sent.
    assert found.held.values["companyId"] == C1


def test_b86_a_created_row_without_company_may_belong_to_any(make: Make) -> None:
    index = make("endusers", {"_id": A, "email": "a@x.y", "companyId": C1})
    index.note_stored(row(email="d@x.y", externalId="e"), None, D)
    assert doubt(index, externalId="e", companyId=C2) == "B86"


def test_a_key_that_was_changed_is_found_by_its_new_value(make: Make) -> None:
    index = make("companies", {"_id": A, "sourceId": "s", "externalId": "1"})
    index.note_stored(row(sourceId="s", externalId="2"), held(index, sourceId="s"), A)
    assert held(index, externalId="2").planhat_id == A
    assert match(index, externalId="1").held is None
    assert held(index, sourceId="s").key("externalId") == "2"


def test_b24_a_row_that_may_be_stored_or_not(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1", "name": "a"})
    index.note_uncertain(row(externalId="1", name="b"), held(index, externalId="1"))
    index.note_uncertain(row(externalId="new", name="b"), None)
    assert doubt(index, externalId="1") == "B24"
    assert doubt(index, externalId="new") == "B24"
    assert doubt(index, externalId="other") is None
    index.note_stored(row(externalId="1", name="c"), held(index, externalId="1"), A)
    assert doubt(index, externalId="1") is None
    assert changed(index, "companies", externalId="1", name="c") == []


def test_b24_a_row_that_may_have_a_new_key(make: Make) -> None:
    index = make("companies", {"_id": A, "sourceId": "s", "externalId": "1"})
    index.note_uncertain(row(sourceId="s", externalId="2"), held(index, sourceId="s"))
    assert doubt(index, externalId="2") == "B24"
    assert doubt(index, externalId="1") == "B24"


def test_a_deleted_row_is_not_held(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1"}, {"_id": B, "externalId": "2"})
    index.note_deleted(A)
    assert match(index, externalId="1").held is None
    assert doubt(index, externalId="1") is None
    assert held(index, externalId="2").planhat_id == B
    assert (len(index), index.held_rows) == (1, 2)
    index.note_deleted(D)
    index.note_stored(row(externalId="1"), None, D)
    assert held(index, externalId="1").planhat_id == D


IDS = [A, B, D]
STEPS = st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from("abc")), max_size=12)


@given(before=st.dictionaries(st.sampled_from(IDS), st.sampled_from("abc")), steps=STEPS)
@settings(max_examples=100)
def test_the_index_holds_what_was_written_last(before: dict[str, str], steps: list[tuple[str, str]]) -> None:
    index = DestinationIndex(model("companies"), ("name",), COMPANIES.get)
    try:
        index.add([encode({**STAMP, "_id": one, "externalId": one, "name": name}) for one, name in before.items()])
        now = dict(before)
        for one, name in steps:
            sent = row(externalId=one, name=name)
            (found,) = index.find([sent])
            assert (found.held is None) == (one not in now)
            assert found.doubt is None
            index.note_stored(sent, found.held, one)
            now[one] = name
        matches = index.find([row(externalId=one) for one in IDS])
        assert {one: found.held.values["name"] for one, found in zip(IDS, matches, strict=True) if found.held} == now
        assert len(index) == len(now)
    finally:
        index.close()


# The file


def full(index: DestinationIndex, pages: int) -> None:
    """Let the file have only some pages more, as on a disk that is full."""
    ((used,),) = index._file.execute("pragma page_count")
    index._file.execute(f"pragma max_page_count = {used + pages}")


def test_a_full_disk_while_rows_are_added(make: Make) -> None:
    index = make("companies")
    full(index, 2)
    with pytest.raises(TemporaryFileError, match=r"temporary file .* full"):
        index.add([encode({"_id": f"{n:024x}", "name": "x" * 500}) for n in range(500)])


def test_a_full_disk_while_rows_are_made_searchable(make: Make) -> None:
    index = make("companies", *[{"_id": f"{n:024x}"} for n in range(3000)])
    full(index, 1)
    with pytest.raises(TemporaryFileError, match="full"):
        index.find([row(externalId="1")])


def test_a_full_disk_while_a_write_is_noted(make: Make) -> None:
    index = make("companies", {"_id": A, "externalId": "1"})
    assert index.held_rows == 1
    full(index, 1)
    with pytest.raises(TemporaryFileError, match="full"):
        index.note_stored(row(externalId="2", name="x" * 100_000), None, None)


def test_a_closed_index_says_so(make: Make) -> None:
    index = make("companies", {"_id": A})
    index.close()
    with pytest.raises(TemporaryFileError):
        index.find([row(externalId="1")])


HOLDS_A_FILE = """
import os, sys
from planhat_api.destination.index import DestinationIndex
from planhat_api.jsontext import encode
from planhat_api.models.registry import model

def files():
    open_ones = [f"/proc/self/fd/{one}" for one in os.listdir("/proc/self/fd")]
    # One of them was the folder itself, which is closed now.
    links = [os.readlink(one) for one in open_ones if os.path.lexists(one)]
    return [link for link in links if link.startswith(sys.argv[1])]

index = DestinationIndex(model("companies"), ("name",), lambda company: None)
for start in range(0, 40_000, 2000):
    index.add([encode({"_id": f"{n:024x}", "name": "x" * 1000}) for n in range(start, start + 2000)])
print(os.listdir(sys.argv[1]), len(files()), all(link.endswith(" (deleted)") for link in files()))
index.close()
print(os.listdir(sys.argv[1]), len(files()))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_the_file_has_no_name_and_goes_with_the_index(tmp_path: Path) -> None:
    environment = {**os.environ, "SQLITE_TMPDIR": str(tmp_path), "TMPDIR": str(tmp_path)}
    told = run(HOLDS_A_FILE, str(tmp_path), environment)
    # Nobody else can open a file without a name.
    assert told == ["[] 1 True", "[] 0"]


GROWTH = """
from planhat_api import Row
from planhat_api.destination.index import DestinationIndex
from planhat_api.jsontext import encode
from planhat_api.models.registry import model

def row(n):
    fields = {f"field{at}": f"value {n} of {at}" for at in range(20)}
    keys = {"email": f"{n}@x.y", "externalId": str(n), "sourceId": f"s{n}"}
    return {"_id": f"{n:024x}", **keys, **fields, "custom": fields}

def peak():
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

index = DestinationIndex(model("endusers"), [*row(0)], lambda company: company)
index.add([encode(row(n)) for n in range(2000)])
before = peak()
for start in range(2000, 100_000, 2000):
    index.add([encode(row(n)) for n in range(start, start + 2000)])
assert index.find([Row(encode({"externalId": "99999"}))])[0].held
print((peak() - before) // 1024, len(index))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_stays_flat() -> None:
    (told,) = run(GROWTH, "", dict(os.environ))
    growth, rows = map(int, told.split())
    assert rows == 100_000
    assert growth < 40


def run(code: str, argument: str, environment: dict[str, str]) -> list[str]:
    command = [sys.executable, "-c", code, argument]
    return subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout.splitlines()
