"""Bulk upsert: matching, values and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_api.models.registry import all_models
from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_KEYS = {
    "created", "createdErrors", "insertsKeys", "updated", "updatedErrors", "updatesKeys", "nonupdates", "modified",
    "upsertedIds", "permissionErrors",
}  # fmt: skip
BULK = sorted(
    found.file
    for found in all_models().values()
    if "bulk_upsert" in found.operations and found.view_of is None and found.path != "tickets"
)


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=20) as found:
        yield found


def row_of(api: Api, path: str, **wanted: Any) -> dict[str, Any]:
    return next(row for row in api.box.rows(path) if all(row.get(name) == value for name, value in wanted.items()))


def test_one_new_one_changed_one_equal(api: Api) -> None:
    second, third = api.box.rows("companies")[1:3]
    answer = api.bulk(
        "companies",
        [
            {"sourceId": "new", "externalId": 77, "name": "New"},
            {"externalId": second["externalId"], "name": "Changed"},
            {"externalId": third["externalId"], "name": third["name"]},
        ],
    )
    assert set(answer) == ANSWER_KEYS
    assert (answer["created"], answer["updated"], answer["nonupdates"]) == (1, 1, 1)
    created = row_of(api, "companies", sourceId="new")
    assert created["externalId"] == "77"
    assert answer["insertsKeys"] == [{"_id": created["_id"], "sourceId": "new", "externalId": "77"}]
    assert answer["upsertedIds"] == [created["_id"]]
    assert answer["modified"] == [second["_id"]]
    assert answer["updatesKeys"][0]["_id"] == second["_id"]
    assert row_of(api, "companies", _id=second["_id"])["name"] == "Changed"


@pytest.mark.parametrize("file", BULK)
def test_what_is_stored_can_be_sent_back_without_effect(api: Api, file: str) -> None:
    found = all_models()[file]
    rows = api.box.rows(found.path)
    writable = set(found.properties) - found.read_only | {"_id"}
    sent = [{name: value for name, value in row.items() if name in writable} for row in rows]
    answer = api.bulk(found.path, sent)
    assert (answer["created"], answer["updated"], answer["nonupdates"]) == (0, 0, len(rows))


def test_keys_match_in_their_order(api: Api) -> None:
    row = row_of(api, "companies", sourceId="crm-00002")
    other = row_of(api, "companies", sourceId="crm-00003")
    by_id = api.bulk("companies", [{"_id": row["_id"], "sourceId": "renamed", "name": "a"}])
    assert by_id["modified"] == [row["_id"]]
    by_source = api.bulk("companies", [{"sourceId": "renamed", "externalId": "moved", "name": "b"}])
    assert by_source["modified"] == [row["_id"]]
    assert row_of(api, "companies", _id=row["_id"])["externalId"] == "moved"
    clash = api.bulk("companies", [{"sourceId": "renamed", "externalId": other["externalId"]}], 400)
    assert clash["updatedErrors"][0]["error"] == "externalId duplicated"


def test_the_first_key_decides_unless_all_are_searched(api: Api) -> None:
    row = row_of(api, "companies", sourceId="crm-00002")
    item = {"sourceId": "unknown", "externalId": row["externalId"], "name": "x"}
    assert api.bulk("companies", [item], 400)["createdErrors"][0]["error"] == "externalId duplicated"
    api.box.set_switch("key_search", "every_key")
    answer = api.bulk("companies", [item], 400)
    assert "higher priority" in answer["updatedErrors"][0]["error"]


def test_conflicting_keys_may_lose_the_lower_one(api: Api) -> None:
    first, second = row_of(api, "companies", sourceId="crm-00002"), row_of(api, "companies", sourceId="crm-00003")
    api.box.set_switch("conflicting_keys", "higher_wins")
    item = {"sourceId": "crm-00002", "externalId": second["externalId"], "name": "y"}
    assert api.bulk("companies", [item])["modified"] == [first["_id"]]
    assert row_of(api, "companies", _id=first["_id"])["externalId"] == first["externalId"]


def test_external_ids_of_children_are_unique_within_a_company_only(api: Api) -> None:
    child = row_of(api, "assets", externalId="asset-2")
    other = next(row["_id"] for row in api.box.rows("companies") if row["_id"] != child["companyId"])
    item = {"externalId": "asset-2", "name": "Twin", "companyId": other}
    assert api.bulk("assets", [item])["created"] == 1
    assert (
        "more than one"
        in api.bulk("assets", [{"externalId": "asset-2", "name": "x"}], 400)["createdErrors"][0]["error"]
    )
    assert api.bulk("assets", [{**item, "name": "y"}])["updated"] == 1
    api.box.set_switch("ambiguous_key", "first")
    assert api.bulk("assets", [{"externalId": "asset-2", "name": "z"}])["modified"] == [child["_id"]]
    api.box.set_switch("ambiguous_key", "insert")
    answer = api.bulk("assets", [{"externalId": "asset-2", "name": "w"}], 400)
    assert answer["createdErrors"][0]["error"] == "companyId required"


def test_an_email_is_a_key_only_while_unique(api: Api) -> None:
    company = api.box.rows("companies")[0]["_id"]
    people = [{"externalId": f"e{number}", "email": "twin@x.example", "companyId": company} for number in (1, 2)]
    assert api.bulk("endusers", people)["created"] == 2
    assert "more than one" in str(
        api.bulk("endusers", [{"email": "twin@x.example", "phone": "1"}], 400)["createdErrors"]
    )
    single = row_of(api, "endusers", email="user3@company3.example")
    assert api.bulk("endusers", [{"email": single["email"], "phone": "1"}])["modified"] == [single["_id"]]


def test_source_ids_are_unique_per_model(api: Api) -> None:
    row = row_of(api, "assets", sourceId="crm-asset-2")
    taken = api.put(f"assets/{row['_id']}", {"sourceId": "crm-asset-3"})
    assert (taken.status_code, taken.json()["error"]) == (400, "sourceId duplicated")


@pytest.mark.parametrize(("position", "status", "created"), [("error", 400, 0), ("insert", 200, 1)])
def test_an_id_that_matches_nothing(api: Api, position: str, status: int, created: int) -> None:
    api.box.set_switch("unknown_id", position)
    assert api.bulk("companies", [{"_id": "f" * 24, "name": "x"}], status)["created"] == created
    assert "f" * 24 not in {row["_id"] for row in api.box.rows("companies")}


def test_a_key_twice_in_one_request(api: Api) -> None:
    twice = [{"externalId": "t", "name": "a"}, {"externalId": "t", "name": "b"}]
    assert api.bulk("companies", twice, 206)["createdErrors"][0]["error"] == "externalId appears twice"
    api.box.set_switch("repeated_key", "in_order")
    answer = api.bulk("companies", [{**item, "externalId": "u"} for item in twice])
    assert (answer["created"], answer["updated"]) == (1, 1)
    assert row_of(api, "companies", externalId="u")["name"] == "b"


def test_companies_are_named_by_their_keys(api: Api) -> None:
    target = row_of(api, "companies", externalId="C-00002")
    rows = [
        {"name": "a", "companyId": "extid-C-00002"},
        {"name": "b", "companyId": "srcid-crm-00002"},
        {"name": "c", "companyId": target["_id"]},
        {"name": "d", "companyId": "extid-nobody"},
        {"name": "e", "companyId": "0" * 24},
    ]
    answer = api.bulk("assets", rows, 206)
    assert (answer["created"], len(answer["createdErrors"])) == (3, 2)
    assert "matches no company" in answer["createdErrors"][0]["error"]
    named = [row for row in api.box.rows("assets") if row["name"] in {"a", "b", "c"}]
    assert {(row["companyId"], row["companyName"]) for row in named} == {(target["_id"], target["name"])}
    bill = {"cId": "extid-C-00002", "currency": "EUR", "invoiceDate": 19000, "extId": "i"}
    api.bulk("invoices", [bill])
    assert row_of(api, "invoices", extId="i")["cName"] == target["name"]
    api.bulk("issues", [{"title": "many", "companyIds": ["extid-C-00002", "srcid-crm-00003"]}])
    assert len(row_of(api, "issues", title="many")["companyIds"]) == 2


def test_unknown_keys_and_read_only_fields(api: Api) -> None:
    item = {"externalId": "q", "name": "x", "nonsense": 1, "arr": 5, "createDate": "1999-01-01"}
    api.bulk("companies", [item])
    stored = row_of(api, "companies", externalId="q")
    assert "nonsense" not in stored
    assert "arr" not in stored
    assert stored["createDate"] > "2020"
    api.box.set_switch("read_only_fields", "refused")
    assert api.bulk("companies", [item], 400)["updatedErrors"][0]["error"] == "arr cannot be set"


@pytest.mark.parametrize(
    ("path", "field", "sent", "stored"),
    [
        ("companies", "renewalDate", "2024-05-14", "2024-05-14T00:00:00.000Z"),
        ("companies", "renewalDate", "2024-05-14T09:30:00+02:00", "2024-05-14T07:30:00.000Z"),
        ("companies", "renewalDate", "2024-05-14 09:30:00.123456", "2024-05-14T09:30:00.123Z"),
        ("companies", "renewalDate", 1715679000000, "2024-05-14T09:30:00.000Z"),
        ("companies", "h", "7", 7),
        ("companies", "h", 7.5, 7.5),
        ("companies", "name", 12, "12"),
        ("companies", "sourceId", 12, "12"),
        ("companies", "description", "<p>a\nb</p>", "<p>ab</p>"),
        ("companies", "tags", ["new"], ["new"]),
        ("endusers", "featured", "true", True),
        ("invoices", "dueDate", "19857", 19857),
        ("invoices", "dueDate", 19857.0, 19857),
        ("timesheets", "dateFrom", 19857, 19857),
    ],
)
def test_values_as_they_are_stored(api: Api, path: str, field: str, sent: Any, stored: Any) -> None:
    row = api.box.rows(path)[0]
    api.bulk(path, [{"_id": row["_id"], field: sent}])
    assert row_of(api, path, _id=row["_id"])[field] == stored


@pytest.mark.parametrize(
    ("path", "field", "sent"),
    [
        ("companies", "renewalDate", "soon"),
        ("companies", "h", "high"),
        ("companies", "h", True),
        ("companies", "name", {"a": 1}),
        ("companies", "tags", {"add": ["x"]}),
        ("companies", "custom", "x"),
        ("endusers", "featured", "maybe"),
        ("invoices", "dueDate", "2024-05-14"),
        ("invoices", "dueDate", 1715679000000),
        ("invoices", "dueDate", 19857.5),
        ("companies", "custom.Contract Signed", "2024-05-14"),
        ("companies", "custom.Seats", "many"),
    ],
)
def test_values_that_do_not_fit(api: Api, path: str, field: str, sent: Any) -> None:
    before = api.box.rows(path)[0]
    answer = api.bulk(path, [{"_id": before["_id"], field: sent}], 400)
    assert field.removeprefix("custom.") in str(answer["updatedErrors"])
    assert api.box.rows(path)[0] == before


def test_iso_dates_for_epoch_days_may_be_ignored(api: Api) -> None:
    row = api.box.rows("invoices")[0]
    api.box.set_switch("iso_for_epoch_day", "ignored")
    answer = api.bulk("invoices", [{"_id": row["_id"], "dueDate": "2024-05-14", "product": "P"}])
    assert answer["updated"] == 1
    assert row_of(api, "invoices", _id=row["_id"])["dueDate"] == row["dueDate"]


@pytest.mark.parametrize(("position", "stored"), [("clears", None), ("ignored", "P")])
def test_null_for_a_standard_field(api: Api, position: str, stored: Any) -> None:
    row = api.box.rows("companies")[0]
    api.bulk("companies", [{"_id": row["_id"], "phase": "P"}])
    api.box.set_switch("null_standard", position)
    api.bulk("companies", [{"_id": row["_id"], "phase": None}])
    assert row_of(api, "companies", _id=row["_id"])["phase"] == stored


@pytest.mark.parametrize("position", ["moved", "kept"])
def test_the_stamp_of_an_equal_update(api: Api, position: str) -> None:
    api.box.set_switch("updated_at_on_equal", position)
    row = api.box.rows("companies")[0]
    assert api.bulk("companies", [{"_id": row["_id"], "name": row["name"]}])["nonupdates"] == 1
    moved = row_of(api, "companies", _id=row["_id"])["updatedAt"] != row["updatedAt"]
    assert moved is (position == "moved")


@pytest.mark.parametrize("position", ["moved", "kept"])
@pytest.mark.parametrize(("path", "field"), [("endusers", "archived"), ("tasks", "isArchived")])
def test_the_stamp_of_a_row_that_is_archived(api: Api, path: str, field: str, position: str) -> None:
    api.box.set_switch("updated_at_on_archiving", position)
    row = next(row for row in api.box.rows(path) if not row.get(field) and "updatedAt" in row)
    api.bulk(path, [{"_id": row["_id"], field: True}])
    stored = next(each for each in api.box.rows(path) if each["_id"] == row["_id"])
    assert stored[field] is True
    assert (stored["updatedAt"] != row["updatedAt"]) is (position == "moved")


def test_ids_of_an_issue_that_are_no_texts_have_no_name(api: Api) -> None:
    row = api.box.rows("issues")[0]
    api.bulk("issues", [{"_id": row["_id"], "enduserIds": [[], "64c1f0aa9b2d3e4f5a6b7c8d"]}])
    stored = row_of(api, "issues", _id=row["_id"])
    assert [each["id"] for each in stored["endusers"]] == ["64c1f0aa9b2d3e4f5a6b7c8d"]


def test_time_models_have_validation_errors(api: Api) -> None:
    entry = api.box.rows("timeentries")[0]
    rows = [{"hours": 25, "date": "2024-01-01"}, {"hours": 2, "date": "2024-01-01T10:00:00Z"}, {"_id": entry["_id"]}]
    answer = api.bulk("timeentries", rows, 206)
    assert (answer["created"], answer["nonupdates"], len(answer["validationErrors"])) == (1, 1, 1)
    assert answer["createdErrors"] == []
    assert api.box.rows("timeentries")[-1]["date"] == "2024-01-01T00:00:00.000Z"
    assert "validationErrors" in api.bulk("timesheets", [{"dateFrom": 19000}])


def test_time_entries_can_be_duplicated(api: Api) -> None:
    entries = api.box.rows("timeentries")[:2]
    answer = api.post("timeentries/duplicate", {"ids": [row["_id"] for row in entries]}).json()
    assert answer["created"] == 2
    assert [row["hours"] for row in api.box.rows("timeentries")[-2:]] == [row["hours"] for row in entries]


def test_tickets_are_written_under_other_names(api: Api) -> None:
    ticket = {
        "sourceId": 4711,
        "email": "t@company2.example",
        "title": "Help",
        "status": "open",
        "domains": ["company2.example"],
    }
    answer = api.bulk("tickets", [ticket])
    stored = row_of(api, "conversations", externalId="4711")
    assert (stored["subject"], stored["type"], stored["subType"]) == ("Help", "ticket", "ticket")
    assert answer["insertsKeys"] == [{"_id": stored["_id"], "sourceId": "4711"}]
    assert row_of(api, "endusers", email="t@company2.example")["companyId"] == stored["companyId"]
    assert api.bulk("tickets", [ticket])["nonupdates"] == 1
    assert api.bulk("tickets", [{**ticket, "title": "More"}])["modified"] == [stored["_id"]]
    lost = api.bulk("tickets", [{"sourceId": "1", "email": "a@nowhere.example"}], 400)
    assert "companyExternalId" in lost["createdErrors"][0]["error"]
    assert api.put("tickets", ticket).json()["modified"] == [stored["_id"]]


def test_a_ticket_without_address_vanishes(api: Api) -> None:
    before = len(api.box.rows("conversations"))
    answer = api.bulk("tickets", [{"sourceId": "4712", "title": "x", "companyExternalId": "C-00002"}])
    assert [answer[name] for name in ("created", "updated", "nonupdates")] == [0, 0, 0]
    assert all(not answer[name] for name in answer if name.endswith("Errors"))
    assert len(api.box.rows("conversations")) == before


def test_more_items_than_allowed(api: Api) -> None:
    assert api.put("companies", [{"name": "x"}] * 5001).status_code == 400
    assert len(api.box.rows("companies")) == 20
    assert api.bulk("companies", [{"name": "x"}] * 5000)["created"] == 5000


def test_a_body_above_the_limit(api: Api) -> None:
    api.box.set_switch("body_limit_mb", 0.001)
    assert api.put("companies", [{"name": "x" * 2000}]).status_code == 413


@pytest.mark.parametrize(
    ("position", "error"),
    [
        ("object", {"item": {"sourceId": "s", "externalId": "e"}, "error": "name required"}),
        ("object_keys", {"sourceId": "s", "error": "name required"}),
        ("object_bare", {"error": "name required"}),
        ("text", "name required"),
        ("text_with_key", "sourceId s: name required"),
    ],
)
def test_errors_in_every_shape(api: Api, position: str, error: Any) -> None:
    api.box.set_switch("error_items", position)
    assert api.bulk("companies", [{"sourceId": "s", "externalId": "e"}], 400)["createdErrors"] == [error]


@pytest.mark.parametrize(
    ("position", "status", "stored"), [("206", 206, 1), ("400_partial", 400, 1), ("400_nothing", 400, 0)]
)
def test_partial_failure(api: Api, position: str, status: int, stored: int) -> None:
    api.box.set_switch("bulk_failure", position)
    first = api.box.rows("companies")[0]
    rows = [{"name": "good"}, {"phase": "bad"}, {"_id": first["_id"], "name": "changed"}, "no object"]
    answer = api.bulk("companies", rows, status)
    assert (answer["created"], answer["updated"], len(answer["createdErrors"])) == (stored, stored, 2)
    now = api.box.rows("companies")
    assert len(now) == 20 + stored
    assert (now[0]["name"] == "changed") is bool(stored)
    assert api.bulk("companies", [{"_id": first["_id"], "name": "again"}])["updated"] == 1


@pytest.mark.parametrize(("position", "stored"), [("partial", 1), ("nothing", 0)])
def test_permissions(api: Api, position: str, stored: int) -> None:
    api.box.set_switch("refused_creates", "companies, assets")
    api.box.set_switch("bulk_forbidden", position)
    first = api.box.rows("companies")[0]
    answer = api.bulk("companies", [{"name": "new"}, {"_id": first["_id"], "name": "changed"}], 403)
    assert (answer["created"], answer["updated"], len(answer["permissionErrors"])) == (0, stored, 1)
    assert api.post("companies", {"name": "new"}).status_code == 403
    api.box.set_switch("refused_updates", "companies")
    assert api.put(f"companies/{first['_id']}", {"name": "x"}).status_code == 403
    assert len(api.box.rows("companies")) == 20


def test_answer_keys_may_be_ids_only(api: Api) -> None:
    api.box.set_switch("answer_keys", "id_only")
    answer = api.bulk("companies", [{"sourceId": "new", "name": "x"}])
    assert answer["insertsKeys"] == [{"_id": answer["upsertedIds"][0]}]


def test_nothing_sent_is_nothing_done(api: Api) -> None:
    assert api.bulk("companies", [])["created"] == 0


def test_tickets_know_their_company_by_key(api: Api) -> None:
    company = row_of(api, "companies", externalId="C-00002")
    named: list[Any] = [
        {"companyId": "extid-C-00002"},
        {"companyExternalId": "C-00002"},
        {"domains": ["company2.example"]},
    ]
    rows = [{"sourceId": f"t{n}", "email": "p@mail.example", **name} for n, name in enumerate(named)]
    twice = {"sourceId": "t0", "email": "p@mail.example"}
    answer = api.bulk(
        "tickets", [*rows, twice, {"sourceId": "t9", "email": "p@x.example", "companyId": "extid-no"}], 206
    )
    assert answer["created"] == 3
    assert [error["error"] for error in answer["createdErrors"]] == [
        "sourceId appears twice",
        "companyId matches no company",
    ]
    stored = [row for row in api.box.rows("tickets") if row["externalId"] in {"t0", "t1", "t2"}]
    assert {row["companyId"] for row in stored} == {company["_id"]}


def test_an_nps_answer_finds_its_enduser(api: Api) -> None:
    person = row_of(api, "endusers", email="user3@company3.example")
    api.bulk("nps", [{"email": person["email"], "score": 8, "sourceId": "n"}])
    stored = row_of(api, "nps", sourceId="n")
    assert (stored["euId"], stored["cId"]) == (person["_id"], person["companyId"])


def test_a_line_item_belongs_to_the_company_of_its_deal(api: Api) -> None:
    deal = api.box.rows("deals")[0]
    api.bulk("lineitems", [{"dealId": deal["_id"], "mrr": 10, "externalId": "li"}])
    stored = row_of(api, "lineitems", externalId="li")
    assert (stored["companyId"], stored["arr"], stored["status"]) == (deal["companyId"], 120, "ongoing")


def test_a_task_set_to_done_becomes_a_conversation_with_its_id(api: Api) -> None:
    task = row_of(api, "tasks", isArchived=False)
    api.bulk("tasks", [{"_id": task["_id"], "status": "Done"}])
    assert row_of(api, "tasks", _id=task["_id"])["isArchived"] is True
    assert row_of(api, "conversations", _id=task["_id"])["companyId"] == task["companyId"]
    count = len(api.box.rows("conversations"))
    api.bulk("tasks", [{"companyId": task["companyId"], "mainType": "task", "status": "Done"}])
    assert len(api.box.rows("conversations")) == count


def test_licenses_move_their_company_and_make_invoices(api: Api) -> None:
    company = api.box.rows("companies")[0]
    held = [
        row["mrr"]
        for row in api.box.rows("licenses")
        if row["companyId"] == company["_id"] and row["renewalStatus"] != "lost"
    ]
    new = {"companyId": company["_id"], "_currency": "EUR", "mrr": 1000}
    api.bulk("licenses", [{**new, "invoicesGenerated": True}])
    assert row_of(api, "companies", _id=company["_id"])["mrr"] == pytest.approx(sum(held) + 1000)
    count = len(api.box.rows("invoices"))
    api.bulk("licenses", [new])
    assert len(api.box.rows("invoices")) == count + 1
    assert api.box.rows("invoices")[-1]["lineItems"][0]["licenseId"] == api.box.rows("licenses")[-1]["_id"]


def test_errors_echo_the_row_as_it_was_sent(api: Api) -> None:
    row = {"companyId": "extid-C-00002", "value": 1}
    assert api.bulk("assets", [row], 400)["createdErrors"] == [{"item": row, "error": "name required"}]


def test_an_email_is_found_in_whatever_company_the_enduser_is(api: Api) -> None:
    person = row_of(api, "endusers", email="user3@company3.example")
    other = api.box.rows("companies")[7]["_id"]
    answer = api.bulk("endusers", [{"email": person["email"], "companyId": other}])
    assert answer["modified"] == [person["_id"]]
    assert row_of(api, "endusers", _id=person["_id"])["companyId"] == other


def test_the_same_external_id_in_two_companies_is_no_repetition(api: Api) -> None:
    first, second = (row["_id"] for row in api.box.rows("companies")[:2])
    rows = [{"name": "x", "externalId": "same", "companyId": company} for company in (first, second)]
    assert api.bulk("assets", rows)["created"] == 2


def test_the_same_moment_in_another_form_is_no_change(api: Api) -> None:
    odd = next(row for row in api.box.rows("conversations") if "+0000" in str(row.get("custom")))
    moment = odd["custom"]["Follow up on"]
    assert moment.endswith("+0000")
    again = {"Follow up on": moment.replace("+0000", "Z")}
    assert api.bulk("conversations", [{"_id": odd["_id"], "custom": again}])["nonupdates"] == 1
    later = {"Follow up on": "2030-01-01"}
    assert api.bulk("conversations", [{"_id": odd["_id"], "custom": later}])["updated"] == 1


def test_tickets_keep_to_the_switches_of_all_models(api: Api) -> None:
    ticket = {"sourceId": "t", "email": "p@company2.example", "subject": "read name"}
    assert api.bulk("tickets", [{**ticket, "_id": "f" * 24}], 400)["createdErrors"][0]["error"] == "_id matches nothing"
    api.box.set_switch("read_only_fields", "refused")
    assert api.bulk("tickets", [ticket], 400)["createdErrors"][0]["error"] == "subject cannot be set"
    api.box.set_switch("refused_creates", "tickets")
    assert len(api.bulk("tickets", [ticket], 403)["permissionErrors"]) == 1
    assert len(api.bulk("endusers", [{"email": "p@company2.example"}])["upsertedIds"]) == 1


def test_custom_may_be_replaced_in_bulk_but_not_singly(api: Api) -> None:
    row = next(row for row in api.box.rows("companies") if len(row.get("custom") or ()) > 3)
    api.box.set_switch("bulk_custom", "replaces")
    single = api.put(f"companies/{row['_id']}", {"custom": {"Seats": 1}}).json()
    assert single["custom"] == {**row["custom"], "Seats": 1}
    api.bulk("companies", [{"_id": row["_id"], "name": "x"}])
    assert row_of(api, "companies", _id=row["_id"])["custom"] == single["custom"]
    api.bulk("companies", [{"_id": row["_id"], "custom": {"Seats": 2}}])
    assert row_of(api, "companies", _id=row["_id"])["custom"] == {"Seats": 2}


@pytest.mark.parametrize(("position", "created"), [("honoured", 0), ("ignored", 1)])
def test_keys_nobody_confirmed(api: Api, position: str, created: int) -> None:
    api.box.set_switch("unconfirmed_keys", position)
    for path, key in (
        ("deals", "sourceId"),
        ("conversations", "externalId"),
        ("churn", "sourceId"),
        ("products", "sourceId"),
    ):
        row = next(row for row in api.box.rows(path) if row.get(key) and row.get("type") != "ticket")
        kept = ("companyId", "value", "name")
        item = {key: row[key], **{name: row[name] for name in kept if name in row}}
        answer = api.bulk(path, [item])
        assert answer["created"] == created, path
        assert all((key in told) is not bool(created) for told in answer["insertsKeys"])
        assert api.bulk(path, [{"_id": row["_id"], **item}])["created"] == 0


def test_unknown_fields_may_be_refused(api: Api) -> None:
    api.box.set_switch("unknown_fields", "refused")
    assert (
        api.bulk("companies", [{"name": "x", "nonsense": 1}], 400)["createdErrors"][0]["error"] == "nonsense is unknown"
    )
    assert api.bulk("companies", [{"name": "x", "custom.Seats": 1}])["created"] == 1
    assert api.bulk("conversations", [{"type": "note", "companyExternalId": "C-00002"}])["created"] == 1


@pytest.mark.parametrize(("position", "left"), [("none", True), ("children", False)])
def test_what_the_delete_of_a_company_does(api: Api, position: str, left: bool) -> None:  # noqa: FBT001
    api.box.set_switch("delete_cascade", position)
    company = api.box.rows("companies")[0]["_id"]
    api.call("DELETE", f"companies/{company}")
    for path, field in (("endusers", "companyId"), ("invoices", "cId"), ("conversations", "companyId")):
        assert (company in {row[field] for row in api.box.rows(path)}) is left
