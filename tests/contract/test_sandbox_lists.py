"""Lists, as any client meets them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api.models.registry import all_models, model
from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTED = sorted(found.file for found in all_models().values() if "list" in found.operations and found.view_of is None)
STORED = [file for file in LISTED if file not in {"leancompanies", "dimensiondata", "tickets"}]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(companies=120) as found:
        yield found


@pytest.mark.parametrize("file", LISTED)
def test_every_model_is_filled_and_answers_a_bare_array(api: Api, file: str) -> None:
    rows = api.get(model(file).path)
    assert isinstance(rows, list)
    assert rows
    assert all(len(row["_id"]) == 24 for row in rows)


@pytest.mark.parametrize("file", STORED)
def test_default_page_is_that_of_the_model(api: Api, file: str) -> None:
    found = model(file)
    default = found.page.default or 100
    stored = len(api.get(found.path, limit=10_000))
    assert len(api.get(found.path)) == min(default, stored)


def test_limit_offset_and_sort_walk_through_all_rows_once(api: Api) -> None:
    pages: list[Any] = []
    while page := api.get("endusers", limit=70, offset=len(pages), sort="_id", archived="true"):
        pages += page
    ids = [row["_id"] for row in pages]
    assert ids == sorted(row["_id"] for row in api.box.rows("endusers"))


def test_sort_descends_with_a_minus_and_is_case_sensitive(api: Api) -> None:
    values = [row["value"] for row in api.get("sales", sort="-value", limit=2000)]
    assert values == sorted(values, reverse=True)
    unsorted = [row["_id"] for row in api.get("sales", limit=2000)]
    assert [row["_id"] for row in api.get("sales", sort="-Value", limit=2000)] == unsorted


def test_names_in_select_may_stand_apart(api: Api) -> None:
    wanted = {"_id", "name", "companyId"}
    assert set().union(*api.get("endusers", select="name, companyId", limit=50)) == wanted
    assert set().union(*api.get("endusers", select=" name ,companyId ", limit=50)) == wanted


def test_select_keeps_the_id_and_leaves_out_what_a_row_lacks(api: Api) -> None:
    rows = api.get("companies", select="name,sourceId", limit=5000)
    assert {frozenset(row) for row in rows} == {
        frozenset({"_id", "name", "sourceId"}),
        frozenset({"_id", "name"}),
    }


def test_company_filter_takes_a_comma_list(api: Api) -> None:
    first, second = (row["_id"] for row in api.box.rows("companies")[:2])
    for path, field in (("endusers", "companyId"), ("invoices", "cId"), ("nps", "cId"), ("companies", "_id")):
        rows = api.get(path, companyId=f"{first},{second}", limit=2000)
        assert {row[field] for row in rows} == {first, second}
    assert all({first, second} & set(row["companyIds"]) for row in api.get("issues", companyId=f"{first},{second}"))
    assert api.get("endusers", companyId="0" * 24) == []


def test_unknown_parameters_are_ignored(api: Api) -> None:
    assert api.get("companies", updatedSince="2099-01-01", name="x") == api.get("companies")
    assert api.get("timesheets", companyId="nobody") == api.get("timesheets")


def test_an_empty_id_falls_through_to_the_list(api: Api) -> None:
    assert api.get("companies/") == api.get("companies")


def test_archived_endusers_are_hidden_unless_asked_for(api: Api) -> None:
    stored = api.box.rows("endusers")
    hidden = {row["_id"] for row in stored if row["archived"]}
    assert hidden
    assert {row["_id"] for row in api.get("endusers", limit=2000)} == {row["_id"] for row in stored} - hidden
    assert {row["_id"] for row in api.get("endusers", limit=2000, archived="true")} == {row["_id"] for row in stored}


def test_archived_tasks_come_only_when_asked_for(api: Api) -> None:
    stored = {row["_id"]: row["isArchived"] for row in api.box.rows("tasks")}
    plain = api.get("tasks", limit=10_000)
    archived = api.get("tasks", limit=10_000, isArchived="true")
    assert plain == api.get("tasks", limit=10_000, isArchived="false")
    assert {row["_id"] for row in plain} == {found for found, done in stored.items() if not done}
    assert {row["_id"] for row in archived} == {found for found, done in stored.items() if done}
    assert {row["mainType"] for row in plain} == {"task", "event"}


def test_old_nps_answers_are_hidden(api: Api) -> None:
    stored = api.box.rows("nps")
    ages = [(date.today() - date.fromisoformat(row["dateAnswered"][:10])).days for row in stored]  # noqa: DTZ011
    assert max(ages) > 400
    recent = api.get("nps", limit=10_000)
    assert len(recent) == sum(age <= 360 for age in ages)
    assert len(api.get("nps", limit=10_000, npsExpiryDay=36_500)) == len(stored)


def test_users_are_reduced_without_select(api: Api) -> None:
    plain = api.get("users")[0]
    assert set(plain) <= {"_id", *(model("users").default_select or ())}
    assert "roles" in api.get("users", select="roles,custom")[0]


def test_lean_companies_come_in_one_answer_with_their_keys(api: Api) -> None:
    rows = api.get("leancompanies", limit=3)
    assert len(rows) == 120
    assert set().union(*rows) == {"_id", "name", "externalId", "sourceId"}
    assert any(row.get("externalId") == "" for row in rows)
    assert any("externalId" not in row for row in rows)
    assert [row["externalId"] for row in api.get("leancompanies", externalId="C-00002")] == ["C-00002"]
    lost = api.get("leancompanies", status="lost,canceled")
    assert len(lost) == sum(row["status"] in {"lost", "canceled"} for row in api.box.rows("companies"))


def test_tickets_are_conversations_of_their_type(api: Api) -> None:
    tickets = api.get("tickets", limit=10_000)
    talks = [row for row in api.get("conversations", limit=2000) if row["type"] == "ticket"]
    assert tickets == talks
    assert {row["type"] for row in api.get("conversations", limit=2000)} >= {"note", "email", "call", "ticket"}
    status, email = tickets[0]["status"], tickets[0]["email"]
    assert {row["status"] for row in api.get("tickets", status=status)} == {status}
    assert {row["email"] for row in api.get("tickets", email=email)} == {email}
    assert api.get("tickets", search="dashboard")
    assert api.get("tickets", search="no such words") == []


def test_churn_takes_a_range_of_dates(api: Api) -> None:
    rows = api.get("churn", limit=1000)
    middle = sorted(row["churnDate"] for row in rows)[len(rows) // 2][:10]
    assert {row["churnDate"][:10] >= middle for row in api.get("churn", **{"from": middle})} == {True}
    assert {row["churnDate"][:10] <= middle for row in api.get("churn", to=middle)} == {True}
    assert {row["onlyDowngrade"] for row in api.get("churn", downgrades="only")} == {True}
    assert {row["onlyDowngrade"] for row in api.get("churn", downgrades="excluded")} == {False}


def test_endusers_and_tasks_take_filters_of_their_own(api: Api) -> None:
    person = next(row for row in api.box.rows("endusers") if row.get("email") and not row["archived"])
    assert person["_id"] in {row["_id"] for row in api.get("endusers", email=person["email"])}
    assert [row["_id"] for row in api.get("endusers", euId=person["_id"])] == [person["_id"]]
    task = next(row for row in api.box.rows("tasks") if not row["isArchived"])
    assert task["_id"] in {row["_id"] for row in api.get("tasks", enduserIds=f"{task['endusers'][0]},x")}


def test_dimension_data_is_read_by_days(api: Api) -> None:
    today = (date.today() - date(1970, 1, 1)).days  # noqa: DTZ011
    rows = api.get("dimensiondata", limit=100_000, **{"from": today - 2, "to": today - 1})
    days = {row["time"] for row in rows}
    assert days == {f"{date.today() - timedelta(days=back)}T00:00:00.000Z" for back in (1, 2)}  # noqa: DTZ011
    assert {row["model"] for row in rows} == {"Company", "EndUser", "Asset", "Project"}
    assert len({row["_id"] for row in rows}) == len(rows)
    first = rows[0]
    one = api.get("dimensiondata", limit=1000, cId=first["companyId"], dimid=first["dimensionId"])
    assert len(one) == 5
    assert {(row["companyId"], row["dimensionId"]) for row in one} == {(first["companyId"], first["dimensionId"])}


def test_dimension_data_pages_cover_everything_once(api: Api) -> None:
    assert len(api.get("dimensiondata")) == 200
    pages: list[Any] = []
    while page := api.get("dimensiondata", limit=700, offset=len(pages)):
        pages += page
    assert len(pages) == len({row["_id"] for row in pages}) == api.box.counts()["dimensiondata"]


def test_rows_hold_what_makes_readers_stumble(api: Api) -> None:
    companies = api.get("companies", limit=5000)
    assert {type(row["owner"]) for row in companies} == {str, dict, type(None)}
    customs = [row.get("custom", "absent") for row in companies]
    assert None in customs
    assert {} in customs
    assert "absent" in customs
    values = {str(value) for custom in customs if isinstance(custom, dict) for value in custom.values()}
    assert {"", "None", "undefined"} <= values
    assert any(not row["name"].isascii() for row in companies)
    assert {type(row["_currency"]) for row in api.get("licenses", limit=2000)} == {str, dict}
    assert {type(row["templateId"]) for row in api.get("workflows", limit=2000)} == {str, dict}
    assert any("updatedAt" not in row for row in api.get("tasks", limit=10_000))
    assert all("licenses" not in row for row in companies)


def test_custom_fields_of_every_type_are_defined(api: Api) -> None:
    fields = [row for row in api.get("customfields", limit=2000) if row["parent"] == "company"]
    assert {row["type"] for row in fields} >= {
        "number", "text", "rich text", "checkbox", "day", "date", "list", "multipicklist", "team member",
        "team members", "rating", "phone", "email", "enduser", "endusers", "url",
    }  # fmt: skip
    names = {row["name"] for row in fields}
    used = {name for row in api.get("companies", limit=5000) for name in row.get("custom") or ()}
    assert used == names


def test_references_point_at_rows_that_exist(api: Api) -> None:
    ids = {path: {row["_id"] for row in api.box.rows(path)} for path in ("companies", "users", "endusers", "deals")}
    for path in ("endusers", "licenses", "tasks", "conversations", "assets"):
        assert {row["companyId"] for row in api.box.rows(path)} <= ids["companies"]
    assert {row["dealId"] for row in api.box.rows("lineitems")} <= ids["deals"]
    for row in api.box.rows("conversations"):
        assert {user["id"] for user in row["users"]} <= ids["users"]
        assert {person["id"] for person in row["endusers"]} <= ids["endusers"]


def test_equal_seeds_make_equal_tenants() -> None:
    def everything(seed: int) -> dict[str, Any]:
        with serving(companies=9, seed=seed, today=date(2026, 3, 1)) as one:
            return {path: one.box.rows(path) for path in one.box.counts()}

    assert everything(5) == everything(5)
    assert everything(5)["companies"] != everything(6)["companies"]
