"""Which company a new enduser goes to, and what becomes of one that goes to none (B89)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

ERRORS = ("createdErrors", "updatedErrors", "permissionErrors")
STRANGER = {"email": "who@elsewhere.example", "firstName": "Who"}
KEYED = {"externalId": "nobody-knows", "firstName": "Who"}
UNKNOWN_COMPANY = {**STRANGER, "companyExternalId": "nobody"}
NO_KEY = {"firstName": "Who"}


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=20) as found:
        yield found


def enduser(api: Api, **wanted: Any) -> dict[str, Any]:
    rows = api.box.rows("endusers")
    return next(row for row in rows if all(row.get(name) == value for name, value in wanted.items()))


def company_id(api: Api, external_id: str) -> str:
    return next(str(row["_id"]) for row in api.box.rows("companies") if row.get("externalId") == external_id)


@pytest.mark.parametrize("item", [STRANGER, KEYED, UNKNOWN_COMPANY, NO_KEY], ids=["domain", "key", "company", "none"])
def test_an_enduser_without_a_company_is_ignored_in_silence(api: Api, item: dict[str, Any]) -> None:
    before = api.box.counts()["endusers"]
    answer = api.bulk("endusers", [item])
    assert sum(answer[name] for name in ("created", "updated", "nonupdates")) == 0
    assert not any(answer[name] for name in (*ERRORS, "insertsKeys", "updatesKeys", "modified", "upsertedIds"))
    assert api.box.counts()["endusers"] == before


@pytest.mark.parametrize("item", [STRANGER, KEYED, UNKNOWN_COMPANY, NO_KEY], ids=["domain", "key", "company", "none"])
def test_it_is_refused_where_the_switch_says_so(api: Api, item: dict[str, Any]) -> None:
    api.box.set_switch("enduser_without_company", "refused")
    answer = api.bulk("endusers", [item], 400)
    assert [entry["error"] for entry in answer["createdErrors"]] == ["companyId required"]
    single = api.post("endusers", item)
    assert (single.status_code, single.json()) == (400, {"error": "companyId required"})


def test_good_neighbours_of_an_ignored_row_are_kept(api: Api) -> None:
    rows = [{"email": "new@company2.example"}, STRANGER, {"email": "bad@company2.example", "tags": "no list"}]
    answer = api.bulk("endusers", rows, 206)
    assert (answer["created"], len(answer["createdErrors"])) == (1, 1)
    assert enduser(api, email="new@company2.example")["companyId"] == company_id(api, "C-00002")


@pytest.mark.parametrize(
    "place",
    [
        {"companyExternalId": "C-00002"},
        {"companyId": "extid-C-00002"},
        {"companyId": "srcid-crm-00002"},
        {"companyId": "extid-C-00002", "companyExternalId": "C-00003"},
        {"companyId": None, "companyExternalId": "C-00002"},
        {"companyExternalId": "nobody", "email": "placed@company2.example"},
    ],
    ids=["external", "extid", "srcid", "id_first", "empty_id", "domain_last"],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_new_enduser_is_placed(api: Api, place: dict[str, Any], method: str) -> None:
    item = {"externalId": "placed", "email": "placed@company3.example", **place}
    assert api.call(method, "endusers", [item] if method == "PUT" else item).status_code == 200
    stored = enduser(api, externalId="placed")
    assert stored["companyId"] == company_id(api, "C-00002")
    assert "companyExternalId" not in stored


@pytest.mark.parametrize("name", ["extid-nobody", "f" * 24])
def test_a_company_id_that_names_no_company(api: Api, name: str) -> None:
    item = {"email": "new@company2.example", "companyId": name}
    answer = api.bulk("endusers", [item], 400)
    assert "matches no company" in answer["createdErrors"][0]["error"]
    api.box.set_switch("enduser_of_unknown_company", "unmapped")
    assert api.bulk("endusers", [item])["created"] == 1
    assert enduser(api, email="new@company2.example")["companyId"] == company_id(api, "C-00002")
    assert api.bulk("endusers", [{**STRANGER, "companyId": name}])["created"] == 0


def test_an_enduser_that_exists_needs_no_company(api: Api) -> None:
    item = {"externalId": "settled", "email": "settled@elsewhere.example", "companyExternalId": "C-00002"}
    api.bulk("endusers", [item])
    for key in ({"externalId": "settled"}, {"email": "settled@elsewhere.example"}):
        changed = {**key, "position": next(iter(key)), "companyExternalId": "nobody"}
        assert api.bulk("endusers", [changed])["updated"] == 1
    stored = enduser(api, externalId="settled")
    assert (stored["position"], stored["companyId"]) == ("email", company_id(api, "C-00002"))
    assert api.put(f"endusers/{stored['_id']}", {"phone": "1", "companyExternalId": "nobody"}).status_code == 200


def test_a_company_external_id_moves_an_enduser(api: Api) -> None:
    stored = enduser(api, email="user3@company3.example")
    assert api.bulk("endusers", [{"_id": stored["_id"], "companyExternalId": "C-00002"}])["updated"] == 1
    assert enduser(api, _id=stored["_id"])["companyId"] == company_id(api, "C-00002")


def test_a_key_is_looked_for_in_the_company_that_the_external_id_names(api: Api) -> None:
    twins = [{"externalId": "twin", "companyExternalId": f"C-0000{number}"} for number in (2, 3)]
    assert api.bulk("endusers", twins)["created"] == 2
    answer = api.bulk("endusers", [{**twins[1], "position": "second"}])
    assert answer["modified"] == [enduser(api, externalId="twin", companyId=company_id(api, "C-00003"))["_id"]]


def test_an_ignored_enduser_may_be_counted_as_created(api: Api) -> None:
    api.box.set_switch("endusers_skipped", "counted_as_created")
    before = api.box.rows("endusers")
    rows = [{"externalId": 7, **STRANGER}, {"email": "new@company2.example"}, NO_KEY]
    answer = api.bulk("endusers", rows)
    claimed, created, nameless = answer["insertsKeys"]
    assert (answer["created"], answer["upsertedIds"]) == (3, [claimed["_id"], created["_id"], nameless["_id"]])
    assert claimed == {"_id": claimed["_id"], "externalId": "7", "email": STRANGER["email"]}
    assert nameless == {"_id": nameless["_id"]}
    stored = api.box.rows("endusers")
    assert [row["_id"] for row in stored if row not in before] == [created["_id"]]
    assert api.call("GET", f"endusers/{claimed['_id']}").status_code == 404
    again = api.bulk("endusers", [rows[0]])
    assert again["created"] == 1
    assert again["upsertedIds"] != [claimed["_id"]]


def test_a_create_of_an_ignored_enduser_may_be_answered_with_a_row(api: Api) -> None:
    api.box.set_switch("ignored_create", "claimed")
    answer = api.post("endusers", STRANGER)
    assert answer.json() == {**STRANGER, "_id": answer.json()["_id"]}
    assert api.call("GET", f"endusers/{answer.json()['_id']}").status_code == 404


@pytest.mark.parametrize("claimed", [False, True])
@pytest.mark.parametrize("lost", [{"sourceId": "t-1"}, {"sourceId": "t-1", "email": STRANGER["email"]}], ids=str)
def test_a_ticket_may_vanish(api: Api, lost: dict[str, Any], claimed: bool) -> None:  # noqa: FBT001
    api.box.set_switch("ticket_without_company", "ignored")
    api.box.set_switch("tickets_skipped", "counted_as_created" if claimed else "counted_as_nothing")
    before = api.box.counts()
    answer = api.bulk("tickets", [lost])
    assert [keys.get("sourceId") for keys in answer["insertsKeys"]] == (["t-1"] if claimed else [])
    assert answer["created"] == len(answer["upsertedIds"]) == (1 if claimed else 0)
    assert not any(answer[name] for name in (*ERRORS, "updated", "nonupdates"))
    assert api.box.counts() == before


def test_a_ticket_without_a_company_is_refused_unless_the_switch_says_otherwise(api: Api) -> None:
    answer = api.bulk("tickets", [{"sourceId": "t-1", "email": STRANGER["email"]}], 400)
    assert [entry["error"] for entry in answer["createdErrors"]] == ["domains or companyExternalId required"]


@pytest.mark.parametrize(("position", "body"), [("empty_object", b"{}"), ("text", b"Ignored"), ("empty", b"")], ids=str)
def test_what_a_create_of_an_ignored_enduser_is_answered(api: Api, position: str, body: bytes) -> None:
    api.box.set_switch("ignored_create", position)
    before = api.box.counts()["endusers"]
    answer = api.post("endusers", STRANGER)
    assert (answer.status_code, answer.content) == (200, body)
    assert api.box.counts()["endusers"] == before


def test_a_token_that_may_not_create_is_told_so_first(api: Api) -> None:
    api.box.set_switch("refused_creates", "endusers")
    assert len(api.bulk("endusers", [STRANGER], 403)["permissionErrors"]) == 1
