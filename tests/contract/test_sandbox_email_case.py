"""Addresses in other case, and endusers that share one address (Q21, B96)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD = "user3@company3.example"
LOUD = "USER3@Company3.Example"
BOTH = pytest.mark.parametrize("position", ["exact", "ignored"])


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=20) as found:
        yield found


def with_address(api: Api, path: str, address: str) -> list[dict[str, Any]]:
    return [row for row in api.box.rows(path) if row.get("email") == address]


@BOTH
def test_the_address_as_a_key(api: Api, position: str) -> None:
    api.box.set_switch("email_case", position)
    (held,) = with_address(api, "endusers", HELD)
    answer = api.bulk("endusers", [{"email": LOUD, "position": "CEO"}])
    if position == "exact":
        assert answer["created"] == 1
        assert with_address(api, "endusers", HELD) == [held]
        return
    # The address is stored as it was sent, and told as it is stored.
    assert answer["updatesKeys"][0]["email"] == LOUD
    assert answer["modified"] == [held["_id"]]
    (stored,) = with_address(api, "endusers", LOUD)
    assert (stored["_id"], stored["position"]) == (held["_id"], "CEO")
    assert stored["emailMd5"] != held["emailMd5"]
    assert not with_address(api, "endusers", HELD)
    assert api.bulk("endusers", [{"email": LOUD}])["nonupdates"] == 1
    assert api.bulk("endusers", [{"email": HELD}])["updatesKeys"][0]["email"] == HELD


@BOTH
def test_two_spellings_in_one_request(api: Api, position: str) -> None:
    api.box.set_switch("email_case", position)
    rows = [{"email": address, "position": address} for address in ("new@company2.example", "NEW@company2.example")]
    answer = api.bulk("endusers", rows, 200 if position == "exact" else 206)
    assert answer["created"] == (2 if position == "exact" else 1)
    if position == "ignored":
        assert [entry["error"] for entry in answer["createdErrors"]] == ["email appears twice"]
        api.box.set_switch("repeated_key", "in_order")
        answer = api.bulk("endusers", rows)
        assert (answer["created"], answer["updated"], answer["nonupdates"]) == (0, 1, 1)


@BOTH
def test_two_endusers_whose_addresses_differ_in_case_only(api: Api, position: str) -> None:
    company = api.box.rows("companies")[0]["_id"]
    twins = [
        {"externalId": "t1", "email": "twin@x.example", "companyId": company},
        {"externalId": "t2", "email": "Twin@x.example", "companyId": company},
    ]
    assert api.bulk("endusers", twins)["created"] == 2
    api.box.set_switch("email_case", position)
    answer = api.bulk("endusers", [{"email": "Twin@x.example", "phone": "1"}], 200 if position == "exact" else 400)
    assert answer["updated"] == (position == "exact")
    assert position == "exact" or "more than one" in answer["createdErrors"][0]["error"]


@BOTH
def test_the_address_of_a_user_is_unique(api: Api, position: str) -> None:
    api.box.set_switch("email_case", position)
    held = api.box.rows("users")[0]["email"]
    names = {"firstName": "A", "lastName": "B", "nickName": "c"}
    answer = api.post("users", {**names, "email": held.upper()})
    assert answer.status_code == (200 if position == "exact" else 400)
    assert position == "exact" or answer.json()["error"] == "email duplicated"


@BOTH
def test_the_filter_by_address(api: Api, position: str) -> None:
    api.box.set_switch("email_case", position)
    assert len(api.get("endusers", email=HELD)) == 1
    assert len(api.get("endusers", email=LOUD)) == (position == "ignored")
    ticket = next(row["email"] for row in api.box.rows("tickets") if row.get("email"))
    assert bool(api.get("tickets", email=ticket.upper())) is (position == "ignored")
    api.bulk("endusers", [{"_id": api.get("endusers", email=HELD)[0]["_id"], "email": "Moved@x.example"}])
    assert api.get("endusers", email=HELD) == []
    assert len(api.get("endusers", email="moved@x.example")) == (position == "ignored")


@BOTH
def test_an_address_that_names_a_person(api: Api, position: str) -> None:
    api.box.set_switch("email_case", position)
    held = with_address(api, "endusers", HELD)[0]["_id"]
    api.bulk("nps", [{"sourceId": "n1", "email": LOUD, "score": 9}])
    api.push(f"analytics/{api.box.tenant_token}", {"email": LOUD, "action": "login"})
    api.bulk("tickets", [{"sourceId": "t1", "title": "x", "email": LOUD, "companyExternalId": "C-00003"}])
    answered = next(row for row in api.box.rows("nps") if row.get("sourceId") == "n1")
    ticket = next(row for row in api.box.rows("tickets") if row.get("externalId") == "t1")
    found = [answered.get("euId"), api.box.activities[0]["enduserId"], ticket["endusers"][0]["id"]]
    assert [enduser == held for enduser in found] == [position == "ignored"] * 3


def test_an_activity_goes_to_the_company_it_names(api: Api) -> None:
    companies = {row.get("externalId"): row["_id"] for row in api.box.rows("companies")}
    names = ("C-00002", "C-00003", "C-00004")
    people = [
        {"email": "all@x.example", "externalId": "p", "companyExternalId": name, "primary": name == "C-00003"}
        for name in names
    ]
    assert api.bulk("endusers", people)["created"] == 3
    url = f"analytics/bulk/{api.box.tenant_token}"
    api.push(url, [{"email": "all@x.example", "companyExternalId": name} for name in names])
    api.push(url, [{"externalId": "p", "companyId": companies[name]} for name in names])
    api.push(url, [{"email": "all@x.example"}, {"email": "all@x.example", "companyExternalId": "nobody"}])
    wanted = [*names, *names, "C-00003", "C-00003"]
    people_by_id = {row["_id"]: row["companyId"] for row in api.box.rows("endusers")}
    assert [people_by_id[row["enduserId"]] for row in api.box.activities] == [companies[name] for name in wanted]
