"""A look at what Planhat holds: how many calls it takes, and what it says about rows."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import AccessError, NotFoundError, Row, TemporaryFileError
from planhat_api.destination.comparison import Comparison
from planhat_api.destination.index import DestinationIndex
from planhat_api.destination.look import look_at
from planhat_api.jsontext import encode
from planhat_api.models.registry import all_models, model
from tests.client_support import client_on, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planhat_api.client import PlanhatClient
    from planhat_api.destination.look import Look
    from planhat_sandbox import Sandbox

FILES = [found.file for found in all_models().values() if "bulk_upsert" in found.operations]
MANY = [Row(encode({"_id": f"{number:024x}"})) for number in range(600)]
"""So many keys that the list is read."""


def row(**fields: Any) -> Row:
    return Row(encode(fields))


@contextmanager
def looked(
    client: PlanhatClient, file: str, rows: Sequence[Row], fields: Sequence[str] = ("name", "custom")
) -> Iterator[Look]:
    look = look_at(client, model(file), fields, rows, client.companies.find)
    try:
        yield look
    finally:
        look.index.close()


def external_ids(box: Sandbox, path: str) -> list[str]:
    return [one["externalId"] for one in box.rows(path) if one.get("externalId")]


# The whole list


@pytest.mark.parametrize("file", FILES)
def test_a_whole_look_takes_two_calls_for_each_pass_and_sees_hidden_rows(file: str) -> None:
    found = model(file)
    with sandbox(companies=8, endusers=40) as box, client_on(box) as client:
        for hidden in ("endusers", "tasks"):
            name = {"endusers": "archived", "tasks": "isArchived"}[hidden]
            client.update(model(hidden), box.rows(hidden)[0]["_id"], {name: True})
        rows = box.rows(found.path)
        box.forget_calls()
        with looked(client, file, MANY) as look:
            assert look.calls == len(box.calls) == (4 if file == "tasks" else 2)
            assert {call.method for call in box.calls} == {"GET"}
            assert (look.whole, look.complete) == (True, True)
            assert len(look.index) == len(rows) > 0
            matches = look.index.find([row(_id=one["_id"]) for one in rows])
            assert [(each.held.planhat_id, each.doubt) for each in matches if each.held] == [
                (one["_id"], None) for one in rows
            ]
            assert look.covers([row(_id="f" * 24), row(email="a@x.y")])


def test_a_look_takes_as_many_calls_as_the_list_has_pages() -> None:
    with sandbox(companies=400) as box, client_on(box, parallel_calls=1) as client:
        rows = len(box.rows("lineitems"))
        # Each page overlaps the page before it by one row, and the last one brings nothing new.
        pages = -(-rows // ((model("lineitems").page.ask or 0) - 1)) + 1
        assert pages > 4
        with looked(client, "lineitems", MANY) as look:
            assert look.calls == len(box.calls) == pages
            assert len(look.index) == rows


@pytest.mark.parametrize("position", ["honoured", "ignored"])
def test_only_the_needed_fields_are_requested_and_kept(position: str) -> None:
    with sandbox(companies=5, switches={"select": position}) as box, client_on(box) as client:
        first = box.rows("companies")[0]
        with looked(client, "companies", MANY, ["name", "phase"]) as look:
            assert box.calls[0].query["select"] == "_id,sourceId,externalId,name,phase,updatedAt"
            (match,) = look.index.find([row(externalId=first["externalId"])])
            assert match.held is not None
            assert match.held.values["name"] == first["name"]
            assert match.held.values.keys() <= {"_id", "sourceId", "externalId", "name", "phase", "updatedAt"}
            assert match.doubt is None


@pytest.mark.parametrize("users_list", ["reduced", "full"])
@pytest.mark.parametrize("select", ["honoured", "ignored"])
def test_q5_users_have_the_fields_that_were_selected_or_these_are_unsure(select: str, users_list: str) -> None:
    switches = {"select": select, "users_list": users_list}
    with sandbox(companies=3, switches=switches) as box, client_on(box) as client:
        user = next(one for one in box.rows("users") if one.get("roles"))
        sent = {"email": user["email"], "roles": user["roles"], "firstName": user["firstName"]}
        with looked(client, "users", MANY, ["roles", "firstName"]) as look:
            (match,) = look.index.find([row(**sent)])
            assert match.held is not None
            comparison = Comparison(model("users"), {}, client.companies.find)
            found = comparison.differences(match.held.values, sent, match.held.unsure_in(sent))
            assert [each.field for each in found] == (
                ["roles"] if (select, users_list) == ("ignored", "reduced") else []
            )
            assert all(each.doubt and "Q5" in each.doubt for each in found)


def test_q5_a_list_that_ignores_select_and_is_lean() -> None:
    switches = {"select": "ignored", "list_width": "lean"}
    with sandbox(companies=3, switches=switches) as box, client_on(box) as client:
        first = box.rows("companies")[0]
        with looked(client, "companies", MANY) as look:
            (match,) = look.index.find([row(externalId=first["externalId"])])
            assert match.held is None
            assert match.doubt
            assert match.doubt.endswith("(Q5)")


@pytest.mark.parametrize("kind", ["both", "inserts", "deletes"])
def test_rows_that_stay_are_seen_while_others_come_and_go(kind: str) -> None:
    switches = {"moving_rows": 4, "moving_kind": kind, "page_max": 100}
    with sandbox(companies=15, endusers=600, switches=switches) as box, client_on(box) as client:
        before = {one["_id"] for one in box.rows("endusers")}
        with looked(client, "endusers", MANY) as look:
            stayed = before & {one["_id"] for one in box.rows("endusers")}
            assert len(box.moves) >= 10
            assert look.complete
            matches = look.index.find([row(_id=one) for one in sorted(stayed)])
            assert all(each.held and each.doubt is None for each in matches)


@pytest.mark.parametrize("kind", ["both", "inserts", "deletes"])
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
@pytest.mark.parametrize("number", [2, 6, 60])
def test_a_few_rows_that_stay_are_seen_while_others_come_and_go(kind: str, sort: str, number: int) -> None:
    switches = {"moving_rows": 4, "moving_kind": kind, "page_max": 50, "sort": sort}
    with sandbox(companies=15, endusers=600, switches=switches) as box, client_on(box) as client:
        before = {one["_id"] for one in box.rows("endusers")}
        chosen = far_apart(box, "endusers", number)
        with looked(client, "endusers", chosen) as look:
            stayed = before & {one["_id"] for one in box.rows("endusers")}
            wanted = [one for one in chosen if json.loads(one.body)["_id"] in stayed]
            assert wanted
            assert all(each.held and each.doubt is None for each in look.index.find(wanted))


# Records one by one


def calls_of(box: Sandbox) -> tuple[int, int, int]:
    """The calls for pages, for the length of the list, and for single records."""
    single = [call for call in box.calls if "/" in call.path]
    probes = [call for call in box.calls if call.query.get("limit") == "1"]
    return len(box.calls) - len(single) - len(probes), len(probes), len(single)


def far_apart(box: Sandbox, path: str, number: int) -> list[Row]:
    """Rows by ``_id`` for records in equal distances in the list."""
    ids = sorted(one["_id"] for one in box.rows(path))
    return [row(_id=ids[place * (len(ids) - 1) // (number - 1)]) for place in range(number)]


@pytest.mark.parametrize(("number", "calls"), [(1, (0, 0, 1)), (2, (1, 0, 0)), (3, (1, 0, 0)), (40, (1, 0, 0))])
def test_one_page_brings_all_records_of_a_short_list(number: int, calls: tuple[int, int, int]) -> None:
    with sandbox(companies=50) as box, client_on(box) as client:
        chosen = [row(externalId=key) for key in external_ids(box, "companies")[:number]]
        with looked(client, "companies", chosen) as look:
            assert calls_of(box) == calls
            assert not look.whole
            assert look.covers(chosen)
            found = look.index.find(chosen)
            assert [each.held is not None and each.doubt is None for each in found] == [True] * number


def test_a_record_is_not_called_missing_before_the_end_of_the_list_is_proved() -> None:
    with sandbox(companies=50) as box, client_on(box) as client:
        chosen = [row(externalId=key) for key in [*external_ids(box, "companies")[:2], "nowhere"]]
        with looked(client, "companies", chosen) as look:
            assert calls_of(box) == (2, 0, 0)
            assert look.whole
            assert [each.held is None for each in look.index.find(chosen)] == [False, False, True]


@pytest.mark.parametrize(
    ("open_tasks", "closed_tasks", "unknown", "calls"),
    [
        (10, 0, 0, (1, 0, 0)),
        (10, 2, 0, (1, 0, 2)),
        (10, 5, 0, (2, 0, 0)),
        (10, 5, 1, (2, 0, 1)),
        (10, 5, 2, (4, 0, 0)),
    ],
)
def test_the_first_page_of_each_pass_is_read_before_an_end_is_proved(
    open_tasks: int, closed_tasks: int, unknown: int, calls: tuple[int, int, int]
) -> None:
    with sandbox(companies=20) as box, client_on(box) as client:
        closed = [row(_id=one["_id"]) for one in box.rows("tasks") if one.get("isArchived")][:closed_tasks]
        others = [row(_id=one["_id"]) for one in box.rows("tasks") if not one.get("isArchived")][:open_tasks]
        new = [row(_id=f"{number:024x}") for number in range(unknown)]
        with looked(client, "tasks", [*closed, *others, *new]) as look:
            assert calls_of(box) == calls
            assert look.whole == (unknown > 1)
            assert all(each.held and not each.doubt for each in look.index.find([*closed, *others]))
            assert not any(each.held for each in look.index.find(new))


@pytest.mark.parametrize(("number", "calls"), [(2, (1, 0, 2)), (3, (1, 0, 3)), (4, (1, 1, 4)), (5, (1, 1, 5))])
def test_records_are_read_one_by_one_if_the_list_is_longer(number: int, calls: tuple[int, int, int]) -> None:
    """For four records and more, a call tells the length of the list."""
    with sandbox(companies=1200) as box, client_on(box) as client:
        assert len(box.rows("lineitems")) > (number + 1) * 100
        chosen = far_apart(box, "lineitems", number + 1)[1:]
        with looked(client, "lineitems", chosen) as look:
            assert calls_of(box) == calls
            assert (look.whole, look.complete) == (False, True)
            assert look.covers(chosen)
            assert [each.held and each.held.planhat_id for each in look.index.find(chosen)] == [
                json.loads(one.body)["_id"] for one in chosen
            ]


def test_records_of_pages_that_were_read_are_not_asked_for() -> None:
    with sandbox(companies=800) as box, client_on(box) as client:
        first, *others = far_apart(box, "lineitems", 5)
        ids = sorted(one["_id"] for one in box.rows("lineitems"))[:20]
        chosen = [first, *others, *(row(_id=one) for one in ids)]
        with looked(client, "lineitems", chosen) as look:
            assert calls_of(box) == (2, 1, 4)
            assert all(each.held and not each.doubt for each in look.index.find(chosen))


def test_the_list_is_read_as_far_as_needed_if_it_is_shorter_than_the_records_are_many() -> None:
    with sandbox(companies=800) as box, client_on(box) as client:
        pages = -(-len(box.rows("lineitems")) // 99)
        assert 8 < pages < 20
        ids = sorted((one["_id"] for one in box.rows("lineitems")), reverse=True)[:30]
        chosen = [row(_id=one) for one in ids]
        with looked(client, "lineitems", chosen) as look:
            found, probes, single = calls_of(box)
            assert (probes, single) == (1, 0)
            assert pages - 1 <= found <= pages
            assert not look.whole
            assert all(each.held and not each.doubt for each in look.index.find(chosen))


def test_the_length_is_not_asked_for_if_it_would_have_to_be_very_long() -> None:
    with sandbox(companies=800) as box, client_on(box) as client:
        chosen = [*far_apart(box, "lineitems", 300), row(_id="f" * 24)]
        with looked(client, "lineitems", chosen) as look:
            pages = -(-len(box.rows("lineitems")) // 99) + 1
            assert calls_of(box) == (pages, 0, 0)
            assert look.whole


def test_pages_that_planhat_caps_are_not_the_end() -> None:
    with sandbox(companies=60, switches={"page_max": 10}) as box, client_on(box) as client:
        chosen = far_apart(box, "companies", 3)
        with looked(client, "companies", chosen) as look:
            assert calls_of(box) == (2, 0, 2)
            assert all(each.held and not each.doubt for each in look.index.find(chosen))


def test_the_calls_of_other_looks_count() -> None:
    with sandbox(companies=400) as box, client_on(box) as client:
        chosen, pages = far_apart(box, "lineitems", 5), -(-len(box.rows("lineitems")) // 99)
        for gets, whole in ((0, False), (pages, True)):
            look = look_at(client, model("lineitems"), [], chosen, client.companies.find, other_gets=gets)
            assert look.whole == whole
            look.index.close()


def test_a_list_that_does_not_show_its_fields_does_not_answer_for_single_records() -> None:
    with sandbox(companies=20, switches={"select": "ignored", "list_width": "lean"}) as box, client_on(box) as client:
        chosen = far_apart(box, "companies", 5)
        with looked(client, "companies", chosen) as look:
            assert look.whole
            assert all(each.held and each.held.unsure for each in look.index.find(chosen))


def test_a_key_that_several_records_may_have_does_not_end_the_list() -> None:
    with sandbox(companies=20) as box, client_on(box) as client:
        chosen = [row(externalId=key) for key in external_ids(box, "users")[:5]]
        with looked(client, "users", chosen) as look:
            assert calls_of(box) == (2, 0, 0)
            assert look.whole


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("endusers", "email"),
        ("endusers", "externalId"),
        ("tickets", "sourceId"),
        ("deals", "sourceId"),
        ("users", "email"),
    ],
)
def test_keys_that_no_url_can_name_need_the_list(file: str, key: str) -> None:
    with sandbox(companies=4) as box, client_on(box) as client, looked(client, file, [row(**{key: "1"})]) as look:
        assert look.whole
        assert all("offset" in call.query for call in box.calls)


@pytest.mark.parametrize("key", ["", " ", "../companies", "a/b?c"])
def test_any_text_can_be_a_key(key: str) -> None:
    with sandbox(companies=4) as box, client_on(box) as client:
        client.create(model("companies"), {"name": "Odd", "externalId": "a/b?c"})
        chosen = row(externalId=key)
        with looked(client, "companies", [chosen]) as look:
            (match,) = look.index.find([chosen])
            assert (match.held is not None) == (key == "a/b?c")
            assert match.doubt is None
        assert len(box.rows("companies")) == 5


def test_a_record_that_was_asked_for_and_is_not_there() -> None:
    with (
        sandbox(companies=4) as box,
        client_on(box) as client,
        looked(client, "companies", [row(externalId="no")]) as look,
    ):
        assert (look.whole, look.calls, len(box.calls)) == (False, 1, 1)
        (match,) = look.index.find([row(externalId="no")])
        assert (match.held, match.doubt) == (None, None)


def test_what_a_look_covers() -> None:
    with sandbox(companies=4) as box, client_on(box) as client:
        key = external_ids(box, "companies")[0]
        with looked(client, "companies", [row(externalId=key)]) as look:
            assert look.covers([row(externalId=key, name="x")])
            assert not look.covers([row(externalId=key), row(externalId="other")])
            assert not look.covers([row(externalId=key, sourceId="s")])
            (match,) = look.index.find([row(externalId="other")])
            assert match.doubt


# Refused


@pytest.mark.parametrize("rows", [MANY, [row(externalId="1")]], ids=["list", "one by one"])
def test_a_model_that_the_token_may_not_read(rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[DestinationIndex] = []

    class Noted(DestinationIndex):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr("planhat_api.destination.look.DestinationIndex", Noted)
    with sandbox(companies=4) as box, client_on(box) as client:
        box.set_faults([{"kind": "status", "path": "companies", "status": 403}])
        with pytest.raises(AccessError):
            look_at(client, model("companies"), ["name"], rows, lambda _: None)
    # No file is left behind.
    (index,) = made
    with pytest.raises(TemporaryFileError):
        len(index)


def test_an_answer_with_another_record_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    with sandbox(companies=4) as box, client_on(box) as client:
        key = external_ids(box, "companies")[0]
        other = client.get(model("companies"), box.rows("companies")[1]["_id"])
        monkeypatch.setattr(client, "get", lambda *_: other)
        with looked(client, "companies", [row(externalId=key)]) as look:
            assert look.whole
            (match,) = look.index.find([row(externalId=key)])
            assert match.held is not None
            assert match.held.key("externalId") == key


def test_a_model_that_the_tenant_does_not_have() -> None:
    with sandbox(companies=4) as box, client_on(box) as client:
        box.set_faults([{"kind": "status", "path": "workspaces", "status": 404}])
        with pytest.raises(NotFoundError):
            look_at(client, model("workspaces"), ["name"], MANY, lambda _: None)
