"""Auth and calls for one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=6) as found:
        yield found


def status(api: Api, path: str = "companies", **options: Any) -> int:
    return requests.get(f"{api.box.url}/{path}", timeout=20, **options).status_code


def test_bearer_and_basic_open_the_main_api(api: Api) -> None:
    token = api.box.api_token
    assert status(api, headers={"Authorization": f"Bearer {token}"}) == 200
    assert status(api, auth=(token, "")) == 200
    assert status(api, auth=(token, "x")) == 401
    assert status(api, auth=(api.box.tenant_token, "")) == 401
    assert status(api, headers={"Authorization": "Bearer other"}) == 401
    assert status(api, headers={"Authorization": "Basic %%%"}) == 401
    assert status(api) == 401


def test_paths_that_are_not_there(api: Api) -> None:
    for method, path in (
        ("GET", "notes"),
        ("GET", "activities"),
        ("GET", "analytics"),
        ("POST", "tickets"),
        ("POST", "workflows"),
        ("PUT", "customfields"),
        ("GET", f"tickets/{'0' * 24}"),
        ("GET", f"companies/{'0' * 24}"),
        ("GET", "leancompanies/1"),
        ("DELETE", "companies"),
        ("PATCH", "companies"),
    ):
        assert api.call(method, path, {}).status_code == 404, path


@pytest.mark.parametrize("transfer", ["length", "chunked"])
def test_head_is_get_without_a_body(api: Api, transfer: str) -> None:
    api.box.set_switch("transfer", transfer)
    for path in ("companies", f"companies/{api.box.rows('companies')[0]['_id']}", "companies/nobody"):
        head, get = api.call("HEAD", path), api.call("GET", path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        if transfer == "length":
            assert head.headers["Content-Length"] == str(len(get.content))
    assert api.box.calls[0].method == "HEAD"
    assert api.call("HEAD", "tickets").status_code == 200


def test_options_are_told_to_anybody(api: Api) -> None:
    answer = requests.options(f"{api.box.url}/companies", timeout=20)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Allow"] == "GET, HEAD, POST, PUT, DELETE, OPTIONS"


def test_my_profile_is_a_switch(api: Api) -> None:
    assert api.get("myprofile")["nickName"]
    assert status(api, "myprofile") == 401
    api.box.set_switch("myprofile", "absent")
    assert api.call("GET", "myprofile").status_code == 404


def test_get_shows_more_than_the_list(api: Api) -> None:
    row = api.get("companies", limit=1)[0]
    whole = api.get(f"companies/{row['_id']}")
    assert whole["licenses"][0]["_currency"]["_id"]
    assert whole["sales"]
    assert isinstance(api.get(f"users/{api.get('users')[0]['_id']}")["roles"][0], dict)


@pytest.mark.parametrize(
    ("path", "key", "works"),
    [
        ("companies", "extid-C-00002", True),
        ("companies", "srcid-crm-00002", True),
        ("invoices", "extid-inv-1", True),
        ("issues", "srcid-PH-2", True),
        ("issues", "extid-PH-2", False),
        ("conversations", "extid-conv-2", True),
        ("conversations", "srcid-conv-2", False),
        ("churn", "srcid-crm-churn-2", False),
        ("companies", "extid-nobody", False),
    ],
)
def test_keys_in_urls_work_where_the_model_takes_them(api: Api, path: str, key: str, works: bool) -> None:  # noqa: FBT001
    assert (api.call("GET", f"{path}/{key}").status_code == 200) is works


def test_create_answers_the_stored_row_with_server_made_fields(api: Api) -> None:
    company = api.box.rows("companies")[1]
    row = api.post(
        "endusers", {"email": "New@x.example", "firstName": "A", "lastName": "B", "companyId": "extid-C-00002"}
    )
    assert row.status_code == 200
    created = row.json()
    assert created["companyId"] == company["_id"]
    assert created["companyName"] == company["name"]
    assert created["name"] == "A B"
    assert created["createdAt"] == created["updatedAt"]
    assert created["__v"] == 0
    assert api.get(f"endusers/{created['_id']}") == created


def test_create_of_each_model_fills_in_its_own_fields(api: Api) -> None:
    company = api.box.rows("companies")[0]["_id"]
    note = api.post(
        "conversations", {"companyId": company, "type": "visit", "description": "<p>Hi <b>you</b></p>"}
    ).json()
    assert (note["type"], note["snippet"], note["starred"]) == ("note", "Hi you", False)
    task = api.post("tasks", {"companyId": company, "mainType": "task"}).json()
    assert (task["status"], task["isArchived"]) == ("In-progress", False)
    entry = api.post("timeentries", {"date": "2024-05-14T09:30:00.000Z", "hours": 3.5, "billableRate": 10}).json()
    assert (entry["date"], entry["totalBilled"]) == ("2024-05-14T00:00:00.000Z", 35)
    sheet = api.post(
        "timesheets", {"timeEntries": [{"_id": entry["_id"]}], "dateFrom": 19855, "status": "approved"}
    ).json()
    assert sheet["timeEntries"] == [entry["_id"]]
    assert sheet["dateOfApproval"]
    paid = {"companyId": company, "_currency": "EUR", "fromDate": "2024-01-01", "toDate": "2024-12-31", "mrr": 100}
    contract = api.post("licenses", {**paid, "invoicesGenerated": True}).json()
    assert (contract["length"], contract["value"]) == (12, 1200)
    bill = {"cId": company, "currency": "EUR", "invoiceDate": 19857, "lineItems": [{"relatedId": "x", "amount": 1}]}
    invoice = api.post("invoices", bill).json()
    assert invoice["invoiceNo"] == 3
    assert "relatedId" not in invoice["lineItems"][0]
    assert (
        api.post("users", {"email": "a@b", "firstName": "A", "lastName": "B", "nickName": "ab"}).json()["inactive"]
        is True
    )
    issue = api.post("issues", {"title": "x", "companyIds": [company]}).json()
    assert issue["companies"] == [{"id": company, "name": api.box.rows("companies")[0]["name"]}]


def test_an_invoice_number_is_never_given_again(api: Api) -> None:
    company = api.box.rows("companies")[0]["_id"]
    bill = {"cId": company, "currency": "EUR", "invoiceDate": 19857}
    first = api.post("invoices", bill).json()
    assert api.call("DELETE", f"invoices/{first['_id']}").status_code == 200
    assert api.post("invoices", bill).json()["invoiceNo"] == first["invoiceNo"] + 1


def test_update_is_partial_and_merges_custom(api: Api) -> None:
    row = next(row for row in api.box.rows("companies") if (row.get("custom") or {}).get("Plan"))
    path = f"companies/{row['_id']}"
    changed = api.put(path, {"name": "Renamed", "custom": {"Seats": 9}, "custom.CRM Notes": "dotted"}).json()
    assert changed["name"] == "Renamed"
    assert changed["custom"] == {**row["custom"], "Seats": 9, "CRM Notes": "dotted"}
    assert changed["updatedAt"] > row["updatedAt"]
    assert api.put(path, {"custom": {"Seats": None, "Last QBR": "", "CRM Notes": ""}}).json()["custom"] == {
        **row["custom"],
        "Seats": None,
        "CRM Notes": "",
    }
    assert api.put(path, {"custom": {"seats": 1, "Seats": 2}}).status_code == 400
    assert api.put(path, {"custom": {"seats": 1}}).json()["custom"]["seats"] == 1


def test_an_id_in_the_body_is_refused_or_not(api: Api) -> None:
    row = api.box.rows("companies")[0]
    body = {"_id": row["_id"], "name": "x"}
    assert api.put(f"companies/{row['_id']}", body).status_code == 400
    api.box.set_switch("put_with_id", "accepted")
    assert api.put(f"companies/{row['_id']}", body).status_code == 200


def test_refused_creates_are_told_as_the_switch_says(api: Api) -> None:
    refused = api.post("companies", {"phase": "x"})
    assert (refused.status_code, refused.json()) == (400, {"error": "name required"})
    api.box.set_switch("error_body", "text")
    assert api.post("companies", {"phase": "x"}).text == "name required"
    api.box.set_switch("refused_create", "500_text")
    refused = api.post("companies", {"phase": "x"})
    assert refused.status_code == 500
    assert refused.text.startswith("Failed to create")


@pytest.mark.parametrize(
    ("position", "single", "bulk"),
    [("refused", 400, 400), ("accepted_by_create", 200, 400), ("accepted", 200, 200)],
)
def test_a_user_without_nickname(api: Api, position: str, single: int, bulk: int) -> None:
    api.box.set_switch("users_without_nickname", position)
    person = {"firstName": "No", "lastName": "Nick"}
    answers = [
        api.post("users", {**person, "email": "one@us.example"}),
        api.put("users", [{**person, "email": "two@us.example"}]),
    ]
    assert [answer.status_code for answer in answers] == [single, bulk]
    assert all("nickName required" in answer.text for answer in answers if answer.status_code != 200)
    assert "firstName required" in api.post("users", {"email": "x@us.example", "lastName": "N", "nickName": "n"}).text


def test_a_company_with_a_taken_external_id(api: Api) -> None:
    twin = {"name": "Twin", "externalId": "C-00002"}
    refused = api.post("companies", twin)
    assert (refused.status_code, refused.json()["error"]) == (400, "externalId duplicated")
    api.box.set_switch("taken_external_id", "second_company")
    second = api.post("companies", twin).json()
    assert [row.get("externalId") for row in api.box.rows("companies")].count("C-00002") == 2
    # In bulk it is a match, now an ambiguous one; a key of higher priority helps.
    assert "more than one" in api.bulk("companies", [twin], 400)["createdErrors"][0]["error"]
    assert api.bulk("companies", [{"_id": second["_id"], "name": "Still a twin"}])["updated"] == 1
    new = {"name": "x", "sourceId": "new", "externalId": "C-00003"}
    assert api.bulk("companies", [new], 400)["createdErrors"][0]["error"] == "externalId duplicated"
    assert api.put(f"companies/{second['_id']}", {"externalId": "C-00003"}).status_code == 400
    assert "sourceId duplicated" in api.post("companies", {"name": "x", "sourceId": "crm-00002"}).text


def test_create_and_update_may_answer_with_a_text(api: Api) -> None:
    api.box.set_switch("answers", "text")
    api.box.set_switch("create_status", "201")
    created = api.post("companies", {"name": "x"})
    assert created.status_code == 201
    with pytest.raises(ValueError, match="Expecting value"):
        created.json()
    assert len(api.box.rows("companies")) == 7


@pytest.mark.parametrize(
    ("position", "code", "body"),
    [
        ("counts", 200, b'{"n":1,"ok":1,"deletedCount":1}'),
        ("empty", 200, b""),
        ("text", 200, b"Deleted"),
        ("no_content", 204, b""),
        ("object", 200, None),
    ],
)
def test_delete_answers_in_every_form(api: Api, position: str, code: int, body: bytes | None) -> None:
    api.box.set_switch("delete_answer", position)
    row = api.box.rows("assets")[0]
    answer = api.call("DELETE", f"assets/{row['_id']}")
    assert answer.status_code == code
    if body is None:
        assert answer.json()["_id"] == row["_id"]
    else:
        assert answer.content == body
    assert api.call("DELETE", f"assets/{row['_id']}").status_code == 404
    assert row not in api.box.rows("assets")


def test_delete_takes_no_keys(api: Api) -> None:
    assert api.call("DELETE", "companies/extid-C-00002").status_code == 404


def test_custom_fields_can_be_made_and_become_mandatory(api: Api) -> None:
    field = api.post("customfields", {"name": "Tier", "type": "text", "parent": "company", "isMandatory": True}).json()
    assert api.post("companies", {"name": "x"}).status_code == 400
    assert api.post("companies", {"name": "x", "custom": {"Tier": "1"}}).status_code == 200
    assert api.put(f"customfields/{field['_id']}", {"isMandatory": False}).json()["isMandatory"] is False
    assert api.post("companies", {"name": "x"}).status_code == 200
    assert api.call("DELETE", f"customfields/{field['_id']}").status_code == 200


def test_bodies_that_are_no_json_or_of_the_wrong_kind(api: Api) -> None:
    url = f"{api.box.url}/companies"
    assert api.session.put(url, data=b"{not json", timeout=20).status_code == 400
    assert api.put("companies", {"name": "no array"}).status_code == 400
    assert api.post("companies", [{"name": "array"}]).status_code == 400


def test_a_chunked_body_is_read(api: Api) -> None:
    answer = api.session.put(f"{api.box.url}/companies", data=iter([b'[{"na', b'me":"x"}]']), timeout=20)
    assert answer.json()["created"] == 1
