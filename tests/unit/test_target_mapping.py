"""Columns lead to fields, and a mapping that cannot work fails at start with the nearest right name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from planhat_api.models.registry import all_models, model
from target_planhat.errors import SettingsError
from target_planhat.rows.builder import RefusedRowError, RowBuilder, StreamPlan
from target_planhat.rows.column_planning import left_out, plan_columns
from target_planhat.rows.item import Item
from target_planhat.rows.keys import key_rule
from target_planhat.rows.loader_columns import DeletionMarks
from target_planhat.rows.mapping import FieldResolver
from target_planhat.rows.merging import merge_by_key
from target_planhat.rows.values import ANYTHING, EPOCH_DAY, NUMBER
from target_planhat.settings import StreamSettings
from target_planhat.tenant.custom_fields import NamesOfModel

if TYPE_CHECKING:
    from planhat_api import Row
    from target_planhat.rows.mapping import ColumnPlan

HEX = "64c1f0aa9b2d3e4f5a6b7c8d"
CUSTOM = NamesOfModel({"Health Score": NUMBER, "Go-live 🎉": EPOCH_DAY, "nps": ANYTHING}, frozenset({"Growth"}))
NOT_DECLARED = "no such field, and the schema does not declare it"
told: list[tuple[str, ...]] = []
STRING = {"type": ["string", "null"]}


def planned(name: str, declared: dict[str, Any], chosen: StreamSettings, custom: NamesOfModel = CUSTOM) -> ColumnPlan:
    """The plan of a stream with these columns."""
    return plan_columns("s", {"properties": declared}, model(name), custom, chosen)


def builder(name: str, declared: dict[str, Any], *, custom: NamesOfModel = CUSTOM, **settings: Any) -> RowBuilder:
    """A row builder for a stream with these columns."""
    chosen = StreamSettings(**settings)
    plan = planned(name, declared, chosen, custom)
    rule = key_rule("s", model(name), plan, chosen)
    resolver = FieldResolver(model(name), custom, chosen)
    marks = DeletionMarks(None, uses_deletion_time=True, known=(), log=lambda _column: None)
    return RowBuilder(StreamPlan(model(name), plan, rule, resolver, chosen, marks), lambda *about: told.append(about))


def row(name: str, record: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """The body of the row of one record; every column of it is declared without a type."""
    body = builder(name, {column: {} for column in record}, **settings).build(record)[0].body
    return dict(msgspec.json.decode(body))


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ({"external_id": 7, "name": "A"}, {"externalId": "7", "name": "A"}),
        ({"externalid": "7", "NAME": "A"}, {"externalId": "7", "name": "A"}),
        ({"externalId": "7", "phase": None}, {"externalId": "7"}),
        ({"externalId": "7", "company_name": "A", "_id": HEX}, None),
        ({"planhat_id": HEX, "mr": "12"}, {"_id": HEX, "mr": 12}),
        ({"externalId": "7", "updatedAt": "2024-01-01", "__v": 3}, {"externalId": "7"}),
        ({"externalId": "7", "_sdc_batched_at": "x", "_planhat_original": {}}, {"externalId": "7"}),
        (
            {"externalId": "7", "custom": {"health score": "8", "Growth": 1}},
            {"externalId": "7", "custom": {"Health Score": 8}},
        ),
        ({"externalId": "7", "custom.Health Score": 8}, {"externalId": "7", "custom": {"Health Score": 8}}),
        ({"externalId": "7", "custom__health_score": 8}, {"externalId": "7", "custom": {"Health Score": 8}}),
        ({"externalId": "7", "custom__go_live": "1970-01-03"}, {"externalId": "7", "custom": {"Go-live 🎉": 2}}),
        ({"externalId": "7", "custom": {}, "custom__growth": 4}, {"externalId": "7"}),
        ({"externalId": "7", "custom": {"Health Score": None}}, {"externalId": "7"}),
        ({"externalId": "7", "owner": {"_id": HEX, "nickName": "Kim"}}, {"externalId": "7", "owner": HEX}),
    ],
)
def test_columns_lead_to_fields(record: dict[str, Any], wanted: dict[str, Any] | None) -> None:
    if wanted is None:
        with pytest.raises(SettingsError, match="company_name"):
            row("companies", record)
    else:
        assert row("companies", record) == wanted


@pytest.mark.parametrize(
    ("name", "record", "wanted"),
    [
        ("endusers", {"email": "a@b.c", "company_external_id": 7}, {"email": "a@b.c", "companyId": "extid-7"}),
        ("endusers", {"email": "a@b.c", "company_source_id": "x"}, {"email": "a@b.c", "companyId": "srcid-x"}),
        ("endusers", {"email": "a@b.c", "companyId": "extid-7"}, {"email": "a@b.c", "companyId": "extid-7"}),
        (
            "endusers",
            {"email": "a@b.c", "companyId": HEX, "companyExternalId": "7"},
            {"email": "a@b.c", "companyId": HEX},
        ),
        (
            "invoices",
            {"ext_id": 1, "company_id": HEX, "invoice_date": "1970-01-11"},
            {"extId": "1", "cId": HEX, "invoiceDate": 10},
        ),
        (
            "endusers",
            {"email": "a@b.c", "companyId": None, "companyExternalId": 7},
            {"email": "a@b.c", "companyId": "extid-7"},
        ),
        (
            "endusers",
            {"email": "a@b.c", "companyId": HEX, "companyExternalId": 7},
            {"email": "a@b.c", "companyId": HEX},
        ),
        ("invoices", {"extId": 1, "company_external_id": 7}, {"extId": "1", "cId": "extid-7"}),
        ("nps", {"source_id": 1, "company_id": HEX, "score": "9"}, {"sourceId": "1", "cId": HEX, "score": 9}),
        (
            "issues",
            {"source_id": 1, "company_external_ids": [7, "8"]},
            {"sourceId": "1", "companyIds": ["extid-7", "extid-8"]},
        ),
        ("issues", {"source_id": 1, "company_external_id": 7}, {"sourceId": "1", "companyIds": ["extid-7"]}),
        ("licenses", {"external_id": 1, "currency": "EUR"}, {"externalId": "1", "_currency": "EUR"}),
        ("timesheets", {"_id": HEX, "timeEntries": [HEX]}, {"_id": HEX, "timeEntries": [{"_id": HEX}]}),
        (
            "tickets",
            {"externalId": "T1", "subject": "Help", "email": "a@b.c", "company_external_id": 7},
            {"sourceId": "T1", "title": "Help", "email": "a@b.c", "companyExternalId": "7"},
        ),
        (
            "tickets",
            {"externalId": "T1", "sourceId": None, "email": "a@b.c"},
            {"sourceId": "T1", "email": "a@b.c"},
        ),
        ("notes", {"_id": HEX, "subject": "S"}, {"_id": HEX, "subject": "S", "type": "note"}),
        ("notes", {"_id": HEX, "type": "custom note"}, {"_id": HEX, "type": "custom note"}),
        ("notes", {"_id": HEX, "company_external_id": 7}, {"_id": HEX, "companyId": "extid-7", "type": "note"}),
    ],
)
def test_models_have_their_own_names(name: str, record: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert row(name, record) == wanted


@pytest.mark.parametrize(
    ("columns", "settings", "wanted"),
    [
        ({"extern_id": STRING}, {}, "'extern_id' leads to no field; did you mean 'externalId'?"),
        ({"externalId": {}, "health_score": {}}, {}, "did you mean 'custom.Health Score'?"),
        ({"externalId": {}, "custom__helth_score": {}}, {}, "did you mean 'custom.Health Score'?"),
        ({"externalId": {}, "acct": {}}, {"columns": {"acct": "nmae"}}, "did you mean 'name'?"),
        ({"externalId": {}, "acct": {}}, {"columns": {"acc": "name"}}, "no column 'acc'; did you mean 'acct'?"),
        ({"externalId": {}}, {"constants": {"phse": "x"}}, "no field 'phse' to write; did you mean 'phase'?"),
        ({"externalId": {}}, {"constants": {"mr": "many"}}, "setting constants: mr: a text that is not a number"),
        (
            {"externalId": {}, "custom": {"properties": {"Helth Score": {}}}},
            {},
            "column 'custom': there is no custom field 'Helth Score'; did you mean 'Health Score'?",
        ),
        ({"externalId": {}}, {"constants": {"updatedAt": "x"}}, "no field 'updatedAt' to write"),
        ({"externalId": {}, "external_id": {}}, {}, "both lead to field externalId"),
        ({"externalId": {}, "mr": {"type": "boolean"}}, {}, "declared boolean, field mr holds number"),
        ({"externalId": {}, "h": {"type": ["object", "null"]}}, {}, "declared object, field h holds number"),
        (
            {"externalId": {}, "gon": {}},
            {"columns": {"gon": None}, "deleted_column": "gone"},
            "setting deleted_column: the stream has no column 'gone'; did you mean 'gon'?",
        ),
        ({"name": {}}, {}, "no column leads to a key of Company (_id, sourceId, externalId)"),
        ({"name": {}}, {"key": "email"}, "matched on _id, sourceId, externalId, not on email"),
        ({"externalId": {}}, {"key": "sourceId"}, "no column of the stream leads to sourceId"),
    ],
)
def test_what_cannot_work_fails_at_start(columns: dict[str, Any], settings: dict[str, Any], wanted: str) -> None:
    with pytest.raises(SettingsError) as caught:
        builder("companies", columns, **settings)
    assert wanted in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        builder("companies", {"externalId": {}, "one": {}, "two": {}})
    assert "'one'" in str(caught.value)
    assert "'two'" in str(caught.value)
    assert len(caught.value.errors) == 3


def test_of_very_many_problems_the_first_are_told() -> None:
    start = time.perf_counter()
    with pytest.raises(SettingsError) as caught:
        builder("companies", {"externalId": {}, **{f"column_{number}": {} for number in range(5_000)}})
    first, *problems = caught.value.errors
    assert first == "stream 's' cannot go to Company:"
    assert len(problems) == 11
    assert problems[0].strip().startswith("column 'column_0' leads to no field (name its field in")
    assert problems[-1].strip() == "and 4,990 more"
    assert str(caught.value).splitlines() == caught.value.errors
    assert time.perf_counter() - start < 2


def test_of_very_many_columns_left_out_the_first_are_told() -> None:
    columns: dict[str, Any] = {"externalId": {}, "_dlt_id": {}, **{f"column_{number}": {} for number in range(5_000)}}
    plan = planned("companies", columns, StreamSettings(unknown_columns="leave_out"))
    told = left_out(plan)
    assert told.startswith("_dlt_id (added by a loader); column_0, column_1, ")
    assert told.endswith("column_9, and 4,990 more (no such field)")


@pytest.mark.parametrize("name", ["_sdc_batched_at", "_dlt_id", "_airbyte_meta", "_AB_CDC_LSN", "_FIVETRAN_SYNCED"])
def test_columns_of_loaders_are_left_out_unless_the_settings_name_them(name: str) -> None:
    record = {"externalId": "7", name: "x"}
    assert row("companies", record) == {"externalId": "7"}
    assert row("companies", record, unknown_columns="send") == {"externalId": "7"}
    assert row("companies", record, columns={name: "name"}) == {"externalId": "7", "name": "x"}
    told.clear()
    undeclared = builder("companies", {"externalId": {}})
    for _ in range(2):
        assert msgspec.json.decode(undeclared.build(record)[0].body) == {"externalId": "7"}
    assert told == [(name, "added by a loader")]


@pytest.mark.parametrize("name", ["_absent", "_ab", "dlt_id", "abc_airbyte_x", "_fivetranx"])
def test_other_columns_with_an_underscore_are_not_left_out(name: str) -> None:
    with pytest.raises(SettingsError, match="leads to no field"):
        row("companies", {"externalId": "7", name: "x"})


def test_the_column_that_marks_deletions_is_no_field() -> None:
    record = {"externalId": "7", "archived_at": "2024-05-14"}
    assert row("companies", record, deleted_column="archived_at") == {"externalId": "7"}


def test_a_wrong_name_gets_no_hint_that_nobody_meant() -> None:
    with pytest.raises(RefusedRowError) as caught:
        row("companies", {"externalId": 1, "custom": {"Usage tier": 1}}, custom=NamesOfModel({"Sentiment ⭐": NUMBER}))
    assert str(caught.value) == "Company has no custom field 'Usage tier'"


def test_columns_may_have_any_schema_that_json_schema_allows() -> None:
    columns: dict[str, Any] = {"externalId": True, "name": {"anyOf": [True, STRING]}, "custom": True}
    body = builder("companies", columns).build({"externalId": 7, "name": "A", "custom": {"nps": 1}})[0].body
    assert msgspec.json.decode(body) == {"externalId": "7", "name": "A", "custom": {"nps": 1}}


def test_enduser_external_id_goes_with_its_company() -> None:
    with pytest.raises(SettingsError, match="unique within one company"):
        builder("endusers", {"externalId": {}, "name": {}})
    builder("endusers", {"externalId": {}, "name": {}}, key="externalId")
    assert builder("endusers", {"externalId": {}, "company_external_id": {}}).build(
        {"externalId": 1, "company_external_id": 7}
    )[1] == ("externalId", "1", "extid-7")


def test_settings_block() -> None:
    record = {"_id": HEX, "sourceId": "s", "acct": 7, "c_health_score": 5, "junk": 1, "phase": None, "nm": "A"}
    body = row(
        "companies",
        record,
        key="externalId",
        columns={"acct": "externalId", "junk": None, "nm": "name"},
        constants={"status": "customer", "custom.nps": 9},
        custom_prefix="c_",
        nulls=("phase",),
    )
    assert body == {
        "externalId": "7",
        "name": "A",
        "status": "customer",
        "phase": None,
        "custom": {"Health Score": 5, "nps": 9},
    }


def test_nulls_clear_when_asked_for() -> None:
    record = {"externalId": "7", "name": None, "custom": {"Health Score": None}}
    assert row("companies", record, nulls="clear") == {
        "externalId": "7",
        "name": None,
        "custom": {"Health Score": None},
    }
    assert row("companies", record, nulls=()) == {"externalId": "7"}
    assert row("companies", record, nulls=("custom.Health Score",)) == {
        "externalId": "7",
        "custom": {"Health Score": None},
    }


def test_read_only_fields_are_sent_when_the_settings_name_them() -> None:
    record = {"externalId": "7", "createDate": "2024-01-01"}
    assert row("companies", record) == {"externalId": "7"}
    for written in ("createDate", "create_date"):
        sent = row("companies", record, columns={"createDate": written})
        assert sent == {"externalId": "7", "createDate": "2024-01-01T00:00:00.000Z"}
    with pytest.raises(SettingsError, match="'createDate' cannot be cleared: Planhat sets it"):
        row("companies", record, nulls=("createDate",))
    nothing = {"externalId": "7", "made": None}
    made = row("companies", nothing, columns={"made": "createDate"}, nulls=("createDate",))
    assert made == {"externalId": "7", "createDate": None}


def test_unknown_columns() -> None:
    record = {"externalId": "7", "odd": {"a": 1}, "custom": {"odd": 1}}
    assert row("companies", record, unknown_columns="leave_out") == {"externalId": "7"}
    assert row("companies", record, unknown_columns="send") == {**record, "custom": {"odd": 1}}


def test_columns_the_schema_does_not_declare() -> None:
    told.clear()
    built = builder("companies", {"externalId": {}})
    assert msgspec.json.decode(built.build({"externalId": 1, "name": "A", "updatedAt": "x"})[0].body) == {
        "externalId": "1",
        "name": "A",
    }
    assert msgspec.json.decode(built.build({"externalId": 1, "nmae": "A"})[0].body) == {"externalId": "1"}
    assert told == [("updatedAt", "Planhat sets it"), ("nmae", NOT_DECLARED + "; did you mean 'name'?")]


@pytest.mark.parametrize(
    ("name", "record", "wanted"),
    [
        ("companies", {"externalId": None, "name": "A"}, "no key: none of externalId"),
        ("companies", {"externalId": "", "name": "A"}, "no key"),
        ("companies", {"externalId": 1, "mr": "lots"}, "mr: a text that is not a number"),
        (
            "companies",
            {"externalId": 1, "custom": {"Helth Score": 1}},
            "no custom field 'Helth Score'; did you mean 'Health Score'",
        ),
        ("companies", {"externalId": 1, "custom": {"Health Score": "high"}}, "custom.Health Score: a text"),
        ("tickets", {"sourceId": 1, "email": None, "domains": ["a.b"]}, "no email: Planhat would drop"),
        ("endusers", {"email": "a@b.c", "companyId": "acme"}, "company_external_id"),
    ],
)
def test_rows_that_cannot_be_sent_are_refused(name: str, record: dict[str, Any], wanted: str) -> None:
    with pytest.raises(RefusedRowError) as caught:
        row(name, record)
    assert wanted in str(caught.value)


def test_rows_without_key_must_be_complete() -> None:
    built = builder("companies", {"name": {}, "phase": {}}, insert_without_key=True)
    assert built.build({"name": "A"})[1] is None
    with pytest.raises(RefusedRowError, match="a new Company needs name"):
        built.build({"phase": "A"})


def test_a_new_enduser_must_say_where_it_belongs() -> None:
    columns: dict[str, Any] = {"externalId": {}, "email": {}, "companyId": {}, "firstName": {}}
    built = builder("endusers", columns, insert_without_key=True)
    with pytest.raises(RefusedRowError, match="needs companyId or companyExternalId or email: Planhat would drop"):
        built.build({"externalId": None, "firstName": "A"})
    with pytest.raises(RefusedRowError, match="a new Enduser needs email or externalId or sourceId"):
        built.build({"externalId": None, "companyId": HEX})


def test_every_model_takes_its_own_fields() -> None:
    for found in all_models().values():
        if "bulk_upsert" in found.operations:
            columns: dict[str, Any] = {name: {} for name in found.properties}
            custom = NamesOfModel({})
            plan = plan_columns("s", {"properties": columns}, found, custom, StreamSettings())
            placed = {source.field.name for source in plan.sources}
            writable = set(found.properties) - found.read_only
            assert writable <= placed | {"companyExternalId"}, found.file


def item(row: Row, match: tuple[str, ...] | None) -> Item:
    return Item(row.body, row.keys, match)


def items(*bodies: dict[str, Any]) -> list[Item]:
    built = builder("companies", {name: {} for body in bodies for name in body}, insert_without_key=True)
    return [item(*built.build(body)) for body in bodies]


def test_the_same_key_twice_collapses_to_the_effect_of_both() -> None:
    first, other, second, keyless, again = items(
        {"externalId": 1, "name": "A", "phase": "x", "custom": {"Health Score": 1, "nps": 1}},
        {"externalId": 2, "name": "B"},
        {"externalId": "1", "name": "C", "custom": {"Health Score": 2}},
        {"name": "D"},
        {"name": "D"},
    )
    one_b, both, *others = merge_by_key([first, other, second, keyless, again])
    assert (one_b, others) == (other, [keyless, again])
    assert both.parts == [first, second]
    assert msgspec.json.decode(both.body) == {
        "externalId": "1",
        "name": "C",
        "phase": "x",
        "custom": {"Health Score": 2, "nps": 1},
    }
