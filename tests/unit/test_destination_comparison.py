"""What Planhat would change of a row, by the type of the field: each case is named after its fact."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api.destination.comparison import Comparison, Difference
from planhat_api.models.registry import all_models, model

if TYPE_CHECKING:
    from collections.abc import Mapping

C1, C2 = f"{1:024x}", f"{2:024x}"
U1, U2 = f"{11:024x}", f"{12:024x}"
COMPANIES = {C1: C1, C2: C2, "extid-acme": C1, "srcid-crm-1": C1, "extid-other": C2}
TYPES = MappingProxyType(
    {
        "Seats": "number",
        "Stars": "rating",
        "Live": "checkbox",
        "Day": "day",
        "Date": "date",
        "Note": "text",
        "Story": "rich text",
        "Tier": "list",
        "Picks": "multipicklist",
        "CSM": "team member",
        "Team": "team members",
        "People": "endusers",
        "Odd": "a type of tomorrow",
    }
)
NINE = "2024-05-14T09:30:00.000Z"
ABSENT = object()


def comparison(file: str, types: Mapping[str, str] | None = TYPES) -> Comparison:
    return Comparison(model(file), types, COMPANIES.get)


def verdict(differences: list[Difference]) -> str:
    """``equal``, ``change``, or the numbers in the doubt."""
    if not differences:
        return "equal"
    (found,) = differences
    return "change" if found.doubt is None else found.doubt.rpartition("(")[2].removesuffix(").")


STANDARD = [
    # name of the case, model, field, held, sent, verdict
    ("B40 the same moment", "tasks", "startTime", NINE, NINE, "equal"),
    ("B40 a millisecond later", "tasks", "startTime", NINE, "2024-05-14T09:30:00.001Z", "change"),
    ("B40 sent without milliseconds", "tasks", "startTime", NINE, "2024-05-14T09:30:00Z", "equal"),
    ("B40 sent in another zone", "tasks", "startTime", NINE, "2024-05-14T11:30:00+02:00", "equal"),
    ("B40 sent in another zone without a colon", "tasks", "startTime", NINE, "2024-05-14T11:30:00+0200", "equal"),
    ("B40 the same clock in another zone", "tasks", "startTime", NINE, "2024-05-14T09:30:00+02:00", "change"),
    ("B40 sent without a zone", "tasks", "startTime", NINE, "2024-05-14T09:30:00", "change"),
    ("B40 sent as a bare day", "tasks", "startTime", "2024-05-14T00:00:00.000Z", "2024-05-14", "change"),
    ("B40 sent with more digits", "tasks", "startTime", NINE, "2024-05-14T09:30:00.000999Z", "equal"),
    ("B40 held as a bare day", "tasks", "startTime", "2024-05-14", "2024-05-14T00:00:00.000Z", "equal"),
    ("B40 held with +0000", "tasks", "startTime", "2024-05-14T09:30:00.000+0000", NINE, "equal"),
    ("B42 held as milliseconds", "tasks", "startTime", 1715679000000, NINE, "equal"),
    ("B42 held as a few milliseconds", "tasks", "startTime", 0, "1970-01-01T00:00:00.000Z", "equal"),
    ("B42 held as a float", "tasks", "startTime", 1715679000000.0, NINE, "equal"),
    ("B42 sent as milliseconds", "tasks", "startTime", NINE, 1715679000000, "change"),
    ("B42 held as other milliseconds", "tasks", "startTime", 1715679000001, NINE, "change"),
    ("a day that does not exist", "tasks", "startTime", NINE, "2024-02-30T09:30:00.000Z", "change"),
    ("held as a word", "tasks", "startTime", "soon", NINE, "change"),
    ("held as an object", "tasks", "startTime", {"$date": NINE}, NINE, "change"),
    ("B41 the same day", "invoices", "dueDate", 19857, 19857, "equal"),
    ("B41 the next day", "invoices", "dueDate", 19857, 19858, "change"),
    ("B44 a day with a fraction of zero", "invoices", "dueDate", 19857.0, 19857, "equal"),
    ("B41 a day sent as a moment", "invoices", "dueDate", 19857, "2024-05-14T00:00:00.000Z", "change"),
    ("B41 a day sent as its text", "invoices", "dueDate", 19857, "19857", "change"),
    ("day only: another time of the day", "timeentries", "date", "2024-05-14T00:00:00.000Z", NINE, "equal"),
    ("day only: another day", "timeentries", "date", "2024-05-13T00:00:00.000Z", NINE, "change"),
    ("day only: held with a time", "timeentries", "date", NINE, NINE, "change"),
    (
        "day only: sent in another zone",
        "timeentries",
        "date",
        "2024-05-14T00:00:00.000Z",
        NINE[:-1] + "+02:00",
        "change",
    ),
    ("B43 a key sent as text", "companies", "externalId", "77", "77", "equal"),
    ("B43 a key sent as number", "companies", "externalId", "77", 77, "equal"),
    ("B43 a key sent as float", "companies", "externalId", "77", 77.0, "change"),
    ("B43 a key with a leading zero", "companies", "externalId", "077", 77, "change"),
    ("B43 a key with a space", "companies", "externalId", "77", "77 ", "change"),
    ("B43 a key beyond exact integers", "companies", "externalId", str(2**60), 2**60, "change"),
    ("B43 a key held as number", "companies", "externalId", 77, "77", "change"),
    ("B43 a key sent as a boolean", "companies", "externalId", "true", True, "change"),
    ("Q21 an address in another case", "endusers", "email", "a@x.y", "A@x.y", "change"),
    ("Q21 the same address", "endusers", "email", "a@x.y", "a@x.y", "equal"),
    ("B36 a reference as text", "companies", "owner", U1, U1, "equal"),
    ("B36 a reference held as object", "companies", "owner", {"_id": U1, "nickName": "Ann"}, U1, "equal"),
    ("B36 a reference held with id", "companies", "owner", {"id": U1, "name": "Ann"}, U1, "equal"),
    ("B36 another reference", "companies", "owner", {"_id": U1}, U2, "change"),
    ("B36 an object without an id", "companies", "owner", {"nickName": "Ann"}, U1, "change"),
    ("B36 a reference sent as object", "companies", "owner", {"_id": U1}, {"_id": U1}, "change"),
    ("B36 references held as objects", "companies", "followers", [{"_id": U1}, U2], [U1, U2], "equal"),
    ("B36 references in another order", "companies", "followers", [U1, U2], [U2, U1], "change"),
    ("B36 one reference less", "companies", "followers", [U1, U2], [U1], "change"),
    ("B36 a currency held as object", "licenses", "_currency", {"_id": "x", "code": "EUR"}, "EUR", "change"),
    ("B36 a currency held as object with its code", "licenses", "_currency", {"code": "EUR"}, "EUR", "equal"),
    ("B36 a currency held as code", "licenses", "_currency", "EUR", "EUR", "equal"),
    ("B22 the company by extid-", "endusers", "companyId", C1, "extid-acme", "equal"),
    ("B22 the company by srcid-", "endusers", "companyId", {"_id": C1}, "srcid-crm-1", "equal"),
    ("B22 another company by extid-", "endusers", "companyId", C1, "extid-other", "change"),
    ("B22 a company that does not exist", "endusers", "companyId", C1, "extid-nobody", "change"),
    ("B22 the company of an invoice", "invoices", "cId", C1, "extid-acme", "equal"),
    ("B22 companies of an issue", "issues", "companyIds", [C1, C2], ["srcid-crm-1", "extid-other"], "equal"),
    ("B22 companies of an issue in another order", "issues", "companyIds", [C1, C2], [C2, C1], "change"),
    ("B89 the company by its external id", "endusers", "companyExternalId", ABSENT, "acme", "change"),
    ("wrapped on writing", "timesheets", "timeEntries", [U1, U2], [{"_id": U1}, {"_id": U2}], "equal"),
    ("wrapped on writing, sent bare", "timesheets", "timeEntries", [U1], [U1], "change"),
    ("wrapped on writing, with more", "timesheets", "timeEntries", [U1], [{"_id": U1, "hours": 2}], "change"),
    ("a text", "companies", "name", "Acme", "Acme", "equal"),
    ("a text in another case", "companies", "name", "Acme", "ACME", "change"),
    ("a text with a space", "companies", "name", "Acme", "Acme ", "change"),
    ("a text in another Unicode form", "companies", "name", "\u00e9", "e\u0301", "change"),
    ("B54 a text that may be rich text", "companies", "address", "ab", "a\nb", "B54"),
    ("B54 a text held with its line break", "companies", "address", "a\nb", "a\nb", "equal"),
    ("B54 rich text on one line", "companies", "description", "<p>a</p>", "<p>a</p>", "equal"),
    ("B54 rich text sent on two lines", "companies", "description", "<p>a</p>", "<p>\na</p>\r\n", "equal"),
    ("B54 rich text held on two lines", "companies", "description", "a\nb", "a\nb", "change"),
    ("B54 another rich text", "companies", "description", "<p>a</p>", "<p>b</p>", "change"),
    ("B49 an empty text for a value", "companies", "city", "Bonn", "", "change"),
    ("B49 an empty text for an empty text", "companies", "city", "", "", "equal"),
    ("B49 an empty text for null", "companies", "city", None, "", "change"),
    ("B49 an empty text for nothing", "companies", "city", ABSENT, "", "change"),
    ("B49 a value for an empty text", "companies", "city", "", "Bonn", "change"),
    ("Q9 null for a value", "companies", "city", "Bonn", None, "Q9"),
    ("Q9 null for an empty text", "companies", "city", "", None, "Q9"),
    ("Q9 null for null", "companies", "city", None, None, "equal"),
    ("Q9 null for nothing", "companies", "city", ABSENT, None, "equal"),
    ("B46 a value for null", "companies", "city", None, "Bonn", "change"),
    ("B46 a value for nothing", "companies", "city", ABSENT, "Bonn", "change"),
    ("1 equals 1.0", "companies", "csmScore", 1, 1.0, "equal"),
    ("1.0 equals 1", "companies", "csmScore", 1.0, 1, "equal"),
    ("B44 a number", "companies", "csmScore", 0.1, 0.1, "equal"),
    ("another number", "companies", "csmScore", 1, 2, "change"),
    ("True is not 1", "companies", "csmScore", 1, True, "change"),
    ("1 is not True", "endusers", "primary", True, 1, "change"),
    ("False is not 0", "companies", "csmScore", 0, False, "change"),
    ("a number as text", "companies", "csmScore", 1, "1", "change"),
    ("a boolean", "endusers", "primary", True, True, "equal"),
    ("another boolean", "endusers", "primary", True, False, "change"),
    ("a boolean as text", "endusers", "primary", True, "true", "change"),
    ("B55 an array", "companies", "tags", ["a", "b"], ["a", "b"], "equal"),
    ("B55 an array in another order", "companies", "tags", ["a", "b"], ["b", "a"], "change"),
    ("B55 an array of objects", "invoices", "lineItems", [{"a": 1, "b": 2}], [{"b": 2, "a": 1}], "equal"),
    ("True is not 1 in objects", "invoices", "lineItems", [{"a": 1}], [{"a": True}], "change"),
    ("the server adds to objects", "invoices", "lineItems", [{"a": 1, "_id": U1}], [{"a": 1}], "change"),
    ("Q15 a read-only field", "companies", "mrrTotal", 5, 6, "Q15"),
    ("Q15 a read-only field as it is held", "companies", "mrrTotal", 5, 5, "equal"),
    ("Q15 a read-only field, True for 1", "companies", "mrrTotal", 1, True, "Q15"),
    ("Q15 a read-only field that is not shown", "companies", "mrrTotal", ABSENT, None, "Q15"),
    ("B52 an unknown field", "companies", "nowhere", ABSENT, 5, "B52"),
    ("B52 an unknown field that is shown", "companies", "nowhere", 5, 5, "equal"),
    ("B52 an unknown field with another value", "companies", "nowhere", 5, 6, "B52"),
    ("B52 a known field in another case", "companies", "NAME", ABSENT, "Acme", "B52"),
    ("Q5 a field that is only written", "conversations", "useSubject", True, True, "Q5"),
    ("Q5 a ticket's field that is only written", "tickets", "agentEmail", "a@x.y", "a@x.y", "Q5"),
    ("Q5 a secret field", "users", "apiTokens", "s", "s", "Q5"),
    ("Q28 the type of a ticket", "tickets", "type", "ticket", "bug", "Q28"),
    ("Q28 the same type", "tickets", "type", "bug", "bug", "equal"),
    ("Q28 the domains of a ticket", "tickets", "domains", ["x.y"], ["x.z"], "Q28"),
    ("Q28 the company of a ticket", "tickets", "companyId", C1, C2, "Q28"),
    ("Q28 the company of a ticket, the same", "tickets", "companyId", C1, "extid-acme", "equal"),
    ("B46 the score of an answer has another name", "nps", "score", ABSENT, 9, "B46"),
    ("B46 the score of an answer", "nps", "score", 9, 9, "equal"),
    ("the _id", "companies", "_id", C1, C1, "equal"),
]


@pytest.mark.parametrize(
    ("file", "field", "held", "sent", "expected"), [c[1:] for c in STANDARD], ids=[c[0] for c in STANDARD]
)
def test_a_standard_field(file: str, field: str, held: Any, sent: Any, expected: str) -> None:
    row = {} if held is ABSENT else {field: held}
    found = comparison(file).differences(row, {field: sent})
    assert verdict(found) == expected
    assert all(each.field == field and each.sent == sent for each in found)


CUSTOM = [
    # name of the case, custom field, held, sent, verdict
    ("B47 a number", "Seats", 5, 5.0, "equal"),
    ("B47 another number", "Seats", 5, 6, "change"),
    ("B47 a number as text", "Seats", 5, "5", "change"),
    ("True is not 1", "Seats", 1, True, "change"),
    ("B47 a rating", "Stars", 3, 3, "equal"),
    ("B47 a checkbox", "Live", False, False, "equal"),
    ("0 is not False", "Live", False, 0, "change"),
    ("B41 a day", "Day", 19857, 19857.0, "equal"),
    ("B41 a day as a moment", "Day", 19857, "2024-05-14T00:00:00.000Z", "change"),
    ("B40 a date with +0000", "Date", "2024-05-14T09:30:00.000+0000", NINE, "equal"),
    ("B42 a date held as milliseconds", "Date", 1715679000000, NINE, "equal"),
    ("B40 another date", "Date", NINE, "2024-05-14T09:31:00.000Z", "change"),
    ("B49 a date sent as an empty text", "Date", NINE, "", "change"),
    ("B47 a text", "Note", "a", "a", "equal"),
    ("B47 another text", "Note", "a", "A", "change"),
    ("a text with a line break", "Note", "ab", "a\nb", "change"),
    ("B54 rich text sent on two lines", "Story", "<p>a</p>", "<p>\na</p>", "equal"),
    ("B54 rich text held on two lines", "Story", "a\nb", "a\nb", "change"),
    ("B47 a list", "Tier", "Gold", "Gold", "equal"),
    ("Q27 picks in another order", "Picks", ["A", "B"], ["B", "A"], "equal"),
    ("Q27 one pick less", "Picks", ["A", "B"], ["A"], "change"),
    ("Q27 a pick twice", "Picks", ["A", "A", "B"], ["A", "B", "B"], "change"),
    ("Q27 no picks for some", "Picks", ["A"], [], "change"),
    ("Q27 picks that are no texts", "Picks", [1, True], [True, 1], "change"),
    ("B36 a team member held as object", "CSM", {"_id": U1}, U1, "equal"),
    ("B36 another team member", "CSM", U1, U2, "change"),
    ("B36 team members held as objects", "Team", [{"_id": U1}], [U1], "equal"),
    ("team members in another order", "Team", [U1, U2], [U2, U1], "change"),
    ("endusers", "People", [U1], [U1], "equal"),
    ("an unknown type", "Odd", {"a": [1, 2]}, {"a": [1, 2]}, "equal"),
    ("an unknown type with another value", "Odd", {"a": [1, 2]}, {"a": [2, 1]}, "change"),
    ("an unknown type: 1 is not 1.0", "Odd", 1, 1.0, "change"),
    ("B50 an unknown name", "No such field", "a", "a", "equal"),
    ("B50 an unknown name: True is not 1", "No such field", 1, True, "change"),
    ("B50 an unknown name that is not held", "No such field", ABSENT, "a", "change"),
    ("B50 the wrong case is another field", "tier", ABSENT, "Gold", "change"),
    ("B49 null for a value", "Tier", "Gold", None, "change"),
    ("B49 null for null", "Tier", None, None, "equal"),
    ("B49 null for nothing", "Tier", ABSENT, None, "B49"),
    ("B49 an empty text for an empty text", "Tier", "", "", "equal"),
    ("B49 an empty text for nothing", "Tier", ABSENT, "", "change"),
    ("B49 an empty text for null", "Tier", None, "", "change"),
    ("B46 a value for null", "Tier", None, "Gold", "change"),
]


@pytest.mark.parametrize(("name", "held", "sent", "expected"), [c[1:] for c in CUSTOM], ids=[c[0] for c in CUSTOM])
def test_a_custom_field(name: str, held: Any, sent: Any, expected: str) -> None:
    # B48: other custom fields do not matter.
    row = {"custom": {"Other": 1} | ({} if held is ABSENT else {name: held})}
    found = comparison("companies").differences(row, {"custom": {name: sent}})
    assert verdict(found) == expected
    assert all(each.field == f"custom.{name}" and each.sent == sent for each in found)


@pytest.mark.parametrize(
    ("held", "sent", "expected"),
    [
        ({}, {}, "equal"),
        (None, {}, "equal"),
        (None, None, "equal"),
        ({}, None, "equal"),
        ({"Tier": "Gold"}, {}, "Q8"),
        ({"Tier": "Gold"}, None, "Q8"),
        (None, "Gold", "Q8"),
    ],
)
def test_q8_custom_as_a_whole(held: Any, sent: Any, expected: str) -> None:
    assert verdict(comparison("companies").differences({"custom": held}, {"custom": sent})) == expected


def test_b48_each_custom_field_is_told() -> None:
    held = {"custom": {"Tier": "Gold", "Seats": 5, "Note": "a"}}
    sent = {"custom": {"Tier": "Silver", "Seats": 5, "Note": "b"}}
    found = comparison("companies").differences(held, sent)
    assert found == [Difference("custom.Tier", "Gold", "Silver"), Difference("custom.Note", "a", "b")]


def test_custom_fields_that_are_not_known_must_be_the_same_json() -> None:
    held = {"custom": {"Date": "2024-05-14T09:30:00.000+0000", "Seats": 5}}
    found = comparison("companies", None).differences(held, {"custom": {"Date": NINE, "Seats": 5}})
    assert [each.field for each in found] == ["custom.Date"]


def test_q15_custom_of_a_model_without_custom_fields() -> None:
    assert verdict(comparison("tickets").differences({}, {"custom": {"Tier": "Gold"}})) == "Q15"


def test_a_ticket_is_shown_under_other_names() -> None:
    held = {"subject": "Broken", "externalId": "T-1", "title": "never this"}
    tickets = comparison("tickets")
    assert tickets.differences(held, {"title": "Broken", "sourceId": "T-1"}) == []
    found = tickets.differences(held, {"title": "Mended", "sourceId": "T-2"})
    assert found == [Difference("title", "Broken", "Mended"), Difference("sourceId", "T-1", "T-2")]


@pytest.mark.parametrize("name", sorted(model("nps").maybe_shown_as))
def test_b46_a_value_under_another_name_is_told_and_in_doubt(name: str) -> None:
    shown = {"nps": 9, "npsComment": "fine", "npsDate": NINE}
    (found,) = comparison("nps").differences(shown, {name: shown[model("nps").maybe_shown_as[name]]})
    assert found.doubt
    assert found.held == found.sent


def test_b89_the_company_by_its_external_id() -> None:
    endusers = comparison("endusers")
    assert endusers.differences({"companyId": C1}, {"companyExternalId": "acme"}) == []
    assert endusers.differences({"companyId": {"_id": C1}}, {"companyExternalId": "acme"}) == []
    (found,) = endusers.differences({"companyId": C1}, {"companyExternalId": "other"})
    assert (found.held, found.doubt) == (C1, None)
    assert verdict(endusers.differences({"companyId": C1}, {"companyExternalId": None})) == "Q9"
    both = {"companyId": C1, "companyExternalId": "acme"}
    assert verdict(endusers.differences({"companyId": C1}, both)) == "B89"


UNSURE = [
    ({"name"}, {"name": "Acme"}, ["name"]),
    ({"custom.Tier"}, {"custom": {"Tier": "Gold", "Seats": 5}}, ["custom.Tier"]),
    ({"custom"}, {"custom": {"Tier": "Gold", "Seats": 5}}, ["custom.Tier", "custom.Seats"]),
    ({"custom"}, {"custom": {}}, ["custom"]),
    ({"city"}, {"name": "Acme", "custom": {"Tier": "Gold"}}, []),
    ({"city"}, {"city": None}, ["city"]),
]


@pytest.mark.parametrize(("unsure", "sent", "expected"), UNSURE)
def test_q5_fields_of_which_it_is_not_known_what_planhat_holds(
    unsure: set[str], sent: dict[str, Any], expected: list[str]
) -> None:
    held = {"name": "Acme", "custom": {"Tier": "Gold", "Seats": 5}}
    found = comparison("companies").differences(held, sent, unsure)
    assert [each.field for each in found] == expected
    assert all(each.doubt and each.doubt.endswith("(Q5).") for each in found)


STILL = [
    # model, row now, field, value before, whether it is still there
    ("companies", {"name": "Acme"}, "name", "Acme", True),
    ("companies", {"name": "Bcme"}, "name", "Acme", False),
    ("companies", {}, "name", None, True),
    ("companies", {"name": None}, "name", None, True),
    ("companies", {"name": ""}, "name", None, False),
    ("companies", {}, "name", "Acme", False),
    ("companies", {"owner": {"_id": U1}}, "owner", U1, True),
    ("companies", {"owner": U1}, "owner", {"_id": U1, "nickName": "Ann"}, True),
    ("companies", {"owner": U2}, "owner", {"_id": U1}, False),
    ("companies", {"description": "a\nb"}, "description", "a\nb", True),
    ("companies", {"mrrTotal": 5}, "mrrTotal", 5, True),
    ("companies", {"mrrTotal": 5}, "mrrTotal", 6, False),
    ("companies", {"csmScore": 1}, "csmScore", True, False),
    ("companies", {"nowhere": [1]}, "nowhere", [1], True),
    ("tasks", {"startTime": 1715679000000}, "startTime", NINE, True),
    ("tasks", {"startTime": NINE}, "startTime", "2024-05-14T09:31:00.000Z", False),
    ("tickets", {"subject": "Broken", "title": "x"}, "title", "Broken", True),
    ("tickets", {"subject": "Mended"}, "title", "Broken", False),
    ("nps", {"nps": 9}, "score", 9, True),
    ("nps", {"nps": 3}, "score", 9, False),
    ("nps", {"nps": 3}, "score", None, False),
    ("endusers", {"companyId": {"_id": C1}}, "companyExternalId", C1, True),
    ("endusers", {"companyId": C2}, "companyExternalId", C1, False),
    ("endusers", {"companyId": C2}, "companyExternalId", None, False),
    ("companies", {"custom": {"Tier": "Gold"}}, "custom.Tier", "Gold", True),
    ("companies", {"custom": {"Tier": "Gold"}}, "custom.Tier", None, False),
    ("companies", {"custom": None}, "custom.Tier", None, True),
    ("companies", {"custom": {"Picks": ["B", "A"]}}, "custom.Picks", ["A", "B"], True),
    ("companies", {"custom": {"a.b": 1}}, "custom.a.b", 1, True),
    ("companies", {"custom": {"Date": "2024-05-14T09:30:00.000+0000"}}, "custom.Date", NINE, True),
]


@pytest.mark.parametrize(("file", "row", "field", "before", "expected"), STILL)
def test_whether_planhat_holds_what_it_held_before(
    file: str, row: dict[str, Any], field: str, before: Any, *, expected: bool
) -> None:
    assert comparison(file).is_still(row, field, before) is expected


@pytest.mark.parametrize("file", [each.file for each in all_models().values() if "bulk_upsert" in each.operations])
def test_a_field_is_equal_to_itself(file: str) -> None:
    forms: dict[str, Any] = {"string": "a", "number": 1, "boolean": True, "array": ["a"], "object": {"a": 1}}
    forms |= {"date-time": "2024-05-14T00:00:00.000Z", "epoch-day": 19857}
    found = model(file)
    shown_as = {sent: shown for shown, sent in found.written_as.items()}
    for name, schema in found.properties.items():
        if schema.get("writeOnly") or name in {*found.secret, *found.wrapped_on_write, "companyExternalId"}:
            continue
        value = forms[schema.get("format") or schema["type"]]
        assert comparison(file).differences({shown_as.get(name, name): value}, {name: value}) == [], name
