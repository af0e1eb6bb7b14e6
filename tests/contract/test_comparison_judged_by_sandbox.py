"""What compares equal is a non-update for the sandbox, whatever the switches say; an untouched round trip is equal."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api.destination.comparison import Comparison
from planhat_api.destination.index import DestinationIndex
from planhat_api.jsontext import encode
from planhat_api.models.registry import Model, all_models
from planhat_sandbox import SWITCHES, Sandbox
from planhat_sandbox.outcomes import Outcome, Result
from planhat_sandbox.rendering import Renderer
from planhat_sandbox.tenant import collection_path
from planhat_sandbox.tickets import TicketUpsert
from planhat_sandbox.upsert import Upsert
from target_planhat.errors import SettingsError
from target_planhat.rows.builder import RowBuilder
from tests.contract.test_target_seeded_tenant import plan_of, tap_output

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from planhat_sandbox.store import Row
    from planhat_sandbox.tenant import Tenant

MODELS = [found for found in all_models().values() if "bulk_upsert" in found.operations]
JUDGED = (
    "bulk_custom",
    "companies_embedded",
    "currency",
    "custom_empty",
    "enduser_of_unknown_company",
    "iso_for_epoch_day",
    "multipicklist_order",
    "next_touch",
    "nps_names",
    "null_standard",
    "read_only_fields",
    "references",
    "select",
    "unknown_fields",
    "updated_at",
    "updated_at_on_archiving",
    "updated_at_on_equal",
    "users_list",
)
STAMPS = frozenset({"updatedAt", "lastUpdated", "updateDate"})
# Planhat computes these from other fields of the row, and the sandbox from those of the same item. They are sent alone.
COMPUTED = {
    "endusers": {"name"},
    "licenses": {"arr", "value"},
    "lineitems": {"arr", "value"},
    "tasks": {"snippet"},
    "timesheets": {"approvedBy", "dateOfApproval"},
}


def moment_text(milliseconds: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=milliseconds)
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


TEXTS = st.sampled_from(["", "a", "A", "a\nb", "ab", " a ", "77", "true", "é🎉", "2024-05-14T09:30:00.000Z", "null"])
NUMBERS = st.sampled_from([0, 1, -3, 1.0, 0.1, 12.5, 77, 2**53 + 1, 1e300])
MOMENTS = st.integers(0, 2_000_000_000_000).map(moment_text)
DAYS = st.integers(0, 30_000)
OBJECTS = st.dictionaries(st.sampled_from("abc"), TEXTS | NUMBERS | st.booleans() | st.none(), max_size=3)
PICKS = st.lists(st.sampled_from(["A", "B", "Ç", "Other"]), max_size=3)
ANYTHING = st.one_of(TEXTS, NUMBERS, MOMENTS, st.booleans(), OBJECTS, PICKS, st.lists(OBJECTS, max_size=2), st.none())


class Judge:
    """A tenant whose rows are read and written without HTTP, and come back after each example."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.tenant: Tenant = box._tenant
        self.ids = {path: self.tenant.store[path].ids() for path in ("companies", "users", "endusers")}

    def row_ids(self, model: Model) -> list[str]:
        if model.path == "tickets":
            return [row["_id"] for row in self.box.rows("tickets")]
        return self.tenant.store[collection_path(model)].ids()

    def stored(self, model: Model, row_id: str) -> Row:
        found = self.tenant.store[collection_path(model)].get(row_id)
        assert found is not None
        return found

    def shown(self, model: Model, row_id: str, select: Collection[str] | None = None) -> Row:
        """The row as a list shows it."""
        fields = None if select is None else frozenset(select)
        rows: list[Row] = msgspec.json.decode(Renderer(self.tenant).page(model, [row_id], fields))
        return rows[0]

    def upsert(self, model: Model, item: Row) -> Result:
        sent = msgspec.json.decode(msgspec.json.encode(item))
        upsert = TicketUpsert(self.tenant) if model.path == "tickets" else Upsert(self.tenant, model)
        return upsert.item(sent)

    def custom_types(self, model: Model) -> dict[str, str]:
        fields = self.tenant.custom_fields(model.name)
        return {name: field["type"] for name, field in fields.items() if not field.get("isFormula")}

    def company_id(self, reference: str) -> str | None:
        for prefix, field in (("extid-", "externalId"), ("srcid-", "sourceId")):
            if reference.startswith(prefix):
                found = self.tenant.store["companies"].find(field, reference.removeprefix(prefix))
                return found[0] if found else None
        return reference if reference in self.ids["companies"] else None


@pytest.fixture(scope="module")
def tested() -> Iterator[Judge]:
    with Sandbox(companies=5, seed=3, days=2) as box:
        yield Judge(box)


class Cases:
    """Draws the stored row, the sent row and the positions of the switches of one case."""

    def __init__(self, data: st.DataObject, tested: Judge) -> None:
        self.draw = data.draw
        self.tested = tested
        self.model = self.draw(st.sampled_from(MODELS))
        self.row_id = self.draw(st.sampled_from(tested.row_ids(self.model)))
        self.custom = tested.custom_types(self.model) if "custom" in self.model.properties else {}

    def position(self) -> dict[str, str]:
        return {name: self.draw(st.sampled_from(SWITCHES[name].positions)) for name in JUDGED}

    def _written(self) -> list[str]:
        return [name for name in self.model.properties if name not in {*self.model.read_only, "custom"}]

    def _of_type(self, name: str) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each kind of field
        model, schema = self.model, self.model.properties[name]
        company, users = st.sampled_from(self.tested.ids["companies"]), st.sampled_from(self.tested.ids["users"])
        if name == "email":
            return st.just(f"{self.row_id}@k.example")
        if name in model.keyables:
            return st.sampled_from([f"k{self.row_id}", str(int(self.row_id[-7:], 16)), f" k{self.row_id} "])
        if model.company in {name, f"{name}[]"}:
            return company if name == model.company else st.lists(company, max_size=2)
        if name == "companyExternalId":
            return company.map(lambda found: self.tested.stored(all_models()["companies"], found)["externalId"])
        if name in model.wrapped_on_write:
            return st.lists(users, max_size=2).map(lambda ids: [{model.wrapped_on_write[name]: each} for each in ids])
        if name in model.references or f"{name}[]" in model.references:
            return users if name in model.references else st.lists(users, max_size=2)
        if name == "_currency":
            return st.sampled_from(["EUR", "USD"])
        if schema["type"] == "array":
            return PICKS if schema.get("items", {}).get("type") == "string" else st.lists(OBJECTS, max_size=2)
        forms = {"string": TEXTS, "number": NUMBERS, "boolean": st.booleans(), "object": OBJECTS}
        return {**forms, "date-time": MOMENTS, "epoch-day": DAYS}[schema.get("format") or schema["type"]]

    def _of_custom_type(self, kind: str | None) -> st.SearchStrategy[Any]:
        users = st.sampled_from(self.tested.ids["users"])
        forms = {
            "number": NUMBERS,
            "rating": NUMBERS,
            "checkbox": st.booleans(),
            "day": DAYS,
            "date": MOMENTS | MOMENTS.map(lambda text: text.replace("Z", "+0000")),
            "multipicklist": PICKS,
            "team member": users,
            "team members": st.lists(users, max_size=2),
            "enduser": users,
            "endusers": st.lists(users, max_size=2),
            None: ANYTHING,
        }
        return forms.get(kind, TEXTS)

    def store_row(self) -> None:
        """Write some fields of the row, and some custom fields in forms that only older rows have."""
        write: Row = {"_id": self.row_id, "email": f"{self.row_id}@k.example"}
        if "email" not in self.model.properties:
            del write["email"]
        for name in self.draw(st.lists(st.sampled_from(self._written()), max_size=6, unique=True)):
            clearable = name not in {*self.model.required, *self.model.keyables, self.model.company, "date"}
            write[name] = self.draw(self._of_type(name) | st.none() if clearable else self._of_type(name))
        self.tested.upsert(self.model, write)
        row = self.tested.stored(self.model, self.row_id)
        names = st.sampled_from([*self.custom, "No such field"])
        custom = {name: self.draw(self._of_custom_type(self.custom.get(name))) for name in self.draw(st.sets(names))}
        if "custom" in self.model.properties and custom:
            self.tested.tenant.store[collection_path(self.model)].put(row | {"custom": custom})

    def sent_row(self, held: Row, stored: Row) -> Row:
        """A row of fields that are left as they are, written in another way, or changed."""
        names = st.sampled_from([*self._written(), *sorted(self.model.read_only - {"custom"}), "nowhere"])
        chosen = [
            *self.draw(st.lists(names, max_size=12, unique=True)),
            *self.draw(st.sampled_from([[], self._written()])),
        ]
        sent = {name: self._value(name, held, stored) for name in chosen}
        known = {**(stored.get("custom") or {}), **dict.fromkeys(self.custom), "No such field": None, "Nor this": None}
        if "custom" in self.model.properties and "custom" not in self.model.read_only and self.draw(st.booleans()):
            held_custom = {name: value for name, value in known.items() if name in (stored.get("custom") or {})}
            sent["custom"] = {
                name: self._derived(held_custom.get(name), self._of_custom_type(self.custom.get(name)))
                for name in self.draw(st.sets(st.sampled_from(sorted(known))))
            }
            if self.draw(st.integers(0, 9)) == 0:
                sent["custom"] = self.draw(st.sampled_from([None, {}]))
        return sent

    def _value(self, name: str, held: Row, stored: Row) -> Any:
        shown = {written: shown for shown, written in self.model.written_as.items()}.get(name, name)
        base = (held if self.draw(st.booleans()) else stored).get(shown)
        if name in {self.model.company, "companyExternalId"} and self.draw(st.booleans()):
            company = self.tested.tenant.store["companies"].get(str(stored.get(self.model.company or "")))
            if company and name == "companyExternalId":
                return company.get("externalId")
            if company:
                return self.draw(
                    st.sampled_from([f"extid-{company['externalId']}", f"srcid-{company.get('sourceId')}"])
                )
        if name in self.model.wrapped_on_write and isinstance(base, list) and self.draw(st.booleans()):
            return [{self.model.wrapped_on_write[name]: each} for each in base]
        fresh = self._of_type(name) if name in self.model.properties and name != "custom" else ANYTHING
        return self._derived(base, fresh)

    def _derived(self, base: Any, fresh: st.SearchStrategy[Any]) -> Any:
        how = self.draw(st.sampled_from(["same", "same", "respelled", "fresh", "null", "any"]))
        if how == "same":
            return copy.deepcopy(base)
        if how == "respelled":
            return self.draw(st.sampled_from(respelled(base)))
        return None if how == "null" else self.draw(fresh if how == "fresh" else ANYTHING)


def respelled(value: Any) -> list[Any]:
    """Other ways to write a value. Some have the same meaning, and some only look so."""
    if isinstance(value, bool):
        return [int(value), str(value).lower(), not value, value]
    if isinstance(value, (int, float)):
        return [float(value), str(value), bool(value), value, int(value) if abs(value) < 1e15 else value]
    if isinstance(value, str):
        return [*_texts_like(value), {"_id": value}, [value]]
    if isinstance(value, list):
        return [
            value[::-1],
            value * 2,
            [*value, None],
            [{"_id": item} for item in value],
            [str(v) for v in value],
            None,
        ]
    if isinstance(value, dict):
        return [dict(reversed(list(value.items()))), {**value, "more": 1}, value.get("_id"), json.dumps(value), value]
    return ["", [], {}, 0, False, None]


def _texts_like(text: str) -> list[Any]:
    likely: list[Any] = [f"{text[:1]}\n{text[1:]}", f"{text}\r\n", text.swapcase(), f"{text} ", text.strip(), text]
    if text.isdecimal():
        likely += [int(text), float(text)]
    if len(text) > 20 and text[10:11] == "T" and text[:4].isdigit():
        at = datetime.fromisoformat(text.replace("Z", "+00:00").replace("+0000", "+00:00"))
        likely += [text.removesuffix("Z"), text.replace("Z", "+0000"), text[:10], int(at.timestamp() * 1000)]
        likely += [at.astimezone(timezone(timedelta(hours=2))).isoformat(), at.isoformat(), f"{text[:-1]}999Z"]
    return likely


def not_shown(model: Model, held: Row, sent: Row, positions: dict[str, str]) -> set[str]:
    """The fields that a list leaves out by default: a caller must name them as unsure (Q5)."""
    if model.default_select is None or positions["users_list"] == "full":
        return set()
    return {name for name in sent if name not in {*held, "_id"}}


def equal_part(case: Cases, sent: Row, stored: Row, unequal: set[str], positions: dict[str, str]) -> Row:
    """The sent fields and custom fields that compare equal."""
    equal = {name: value for name, value in sent.items() if name not in {*unequal, "custom"}}
    custom = sent.get("custom") or {}
    same = {name: value for name, value in custom.items() if f"custom.{name}" not in unequal}
    if positions["multipicklist_order"] == "significant":
        before = stored.get("custom") or {}
        same = {n: v for n, v in same.items() if case.custom.get(n) != "multipicklist" or before.get(n) == v}
    if same and "custom" not in unequal:
        # One custom field alone would remove the others if the call replaces them.
        rest = (stored.get("custom") or {}) if positions["bulk_custom"] == "replaces" else {}
        equal["custom"] = {**rest, **same}
    return equal


def without_stamps(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in STAMPS}


def judge(case: Cases, tested: Judge, equal: Row, stored: Row, positions: dict[str, str]) -> None:
    """Send the equal fields, all at once and the computed ones alone: the sandbox changes nothing."""
    computed = COMPUTED.get(case.model.path, set())
    items = [{name: value for name, value in equal.items() if name not in computed}]
    items += [{name: equal[name]} for name in computed if name in equal]
    may_be_refused = (set(case.model.read_only) - {"_id"}) | {"nowhere"}
    for item in items:
        refusable = bool(may_be_refused & set(item)) and "refused" in {
            positions["read_only_fields"],
            positions["unknown_fields"],
        }
        row = {**item, "_id": case.row_id}
        if case.model.path == "tickets":
            row["email"] = stored.get("email") or "somebody@k.example"
        result = tested.upsert(case.model, row)
        assert result.outcome is Outcome.UNCHANGED or refusable, (case.model.path, row, result, stored)
        after = tested.stored(case.model, case.row_id)
        assert without_stamps(after) == without_stamps(stored), (case.model.path, row)


@given(data=st.data())
@settings(max_examples=200)
def test_what_compares_equal_changes_nothing(tested: Judge, data: st.DataObject) -> None:
    before = tested.box.switches()
    with tested.tenant.store.undoable() as undo:
        try:
            case = Cases(data, tested)
            case.store_row()
            positions = case.position()
            for name, position in positions.items():
                tested.box.set_switch(name, position)
            held, stored = tested.shown(case.model, case.row_id), tested.stored(case.model, case.row_id)
            sent = case.sent_row(held, stored)
            types = data.draw(st.sampled_from([case.custom, case.custom, None]))
            comparison = Comparison(case.model, types, tested.company_id)
            differences = comparison.differences(held, sent, not_shown(case.model, held, sent, positions))
            assert all(each.doubt is None or each.doubt.endswith(").") for each in differences)
            quick = comparison.quick(sent)
            if quick is not None and quick.is_equal(encode(held), encode(sent)):
                assert {each.field for each in differences} <= {case.model.company}
            equal = equal_part(case, sent, stored, {each.field for each in differences}, positions)
            judge(case, tested, equal, stored, positions)
        finally:
            undo()
            for name, position in before.items():
                tested.box.set_switch(name, position)


def round_trip(tested: Judge, folder: Path, *, selects: bool) -> tuple[dict[str, int], set[tuple[str, str, str]]]:
    """Rows by stream, and the differences of what the target makes of the tap's records: model, field, doubt.

    With ``selects``, the held rows are shown as a look shows them, which selects the fields of the row.
    """
    builders: dict[str, tuple[RowBuilder, Comparison]] = {}
    rows: dict[str, int] = {}
    found: set[tuple[str, str, str]] = set()
    for line in tap_output(tested.box, folder):
        message = json.loads(line)
        name = message.get("stream")
        if message["type"] == "SCHEMA":
            try:
                plan = plan_of(tested.box, message)
            except SettingsError:
                continue
            if "bulk_upsert" in plan.model.operations:
                comparison = Comparison(plan.model, tested.custom_types(plan.model), tested.company_id)
                builders[name] = RowBuilder(plan, lambda *_told: None), comparison
        elif message["type"] == "RECORD" and name in builders:
            builder, comparison = builders[name]
            row, _ = builder.build(message["record"])
            model = builder.model
            sent = msgspec.json.decode(row.body)
            select = selected(model, sent, tested) if selects else None
            held = tested.shown(model, message["record"]["_id"], select)
            unsure = set() if selects else not_shown(model, held, sent, tested.box.switches())
            rows[name] = rows.get(name, 0) + 1
            found |= {(model.path, each.field, each.doubt or "") for each in comparison.differences(held, sent, unsure)}
    return rows, found


def selected(model: Model, sent: Row, tested: Judge) -> tuple[str, ...]:
    index = DestinationIndex(model, list(sent), tested.company_id)
    try:
        return index.select
    finally:
        index.close()


def test_an_untouched_round_trip_has_no_difference(tested: Judge, tmp_path: Path) -> None:
    rows, found = round_trip(tested, tmp_path, selects=True)
    # By default, notes are read as conversations.
    assert {model.stream for model in MODELS} - {"notes"} == set(rows)
    assert found == set()


def test_a_list_that_does_not_show_a_field_leaves_it_in_doubt(tested: Judge, tmp_path: Path) -> None:
    rows, found = round_trip(tested, tmp_path, selects=False)
    assert rows["users"]
    assert {path for path, _, _ in found} == {"users"}
    assert {doubt for _, _, doubt in found} == {"It is not known what Planhat holds in this field (Q5)."}
    shown = {*(all_models()["users"].default_select or ()), "_id"}
    assert not {field for _, field, _ in found} & shown
