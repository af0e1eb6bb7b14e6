"""Parts of the sandbox that can be looked at by themselves."""

from __future__ import annotations

import ast
import json
import math
import threading
import time
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import planhat_sandbox
from planhat_api.models.registry import all_models
from planhat_sandbox import SWITCHES
from planhat_sandbox.clock import Clock, ClockError, day_number, iso_day
from planhat_sandbox.ids import IdMaker
from planhat_sandbox.markdown_tables import fault_table, switch_table
from planhat_sandbox.points import Points, Pushed, Range, Reading, Series
from planhat_sandbox.seed.plan import Plan
from planhat_sandbox.seed.row_random import RowRandom
from planhat_sandbox.seed.tenant import seeded_rows
from planhat_sandbox.store import Collection, Row, Store
from planhat_sandbox.switches import SwitchError, Switches
from planhat_sandbox.values import InvalidValueError, written

SOURCE = Path(planhat_sandbox.__file__).parent
PLAN = Plan(companies=30, endusers_wanted=400, days=4, seed=7, today=20_000)

SUM = Reading("sum")

rows = st.dictionaries(
    st.sampled_from(["name", "externalId", "companyId", "tags"]),
    st.one_of(st.none(), st.integers(-5, 5), st.text(max_size=3), st.lists(st.sampled_from("ab"), max_size=2)),
)


def imported_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_the_judge_uses_nothing_of_the_client_but_the_registry() -> None:
    found = {name for path in SOURCE.rglob("*.py") for name in imported_names(path) if name.startswith("planhat_api")}
    assert found
    assert {name for name in found if not name.startswith("planhat_api.models.registry.")} == set()
    text = "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    assert "import_module" not in text


def test_every_switch_cites_its_facts_and_is_looked_at_somewhere() -> None:
    source = "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py") if path.name != "switch_table.py")
    for switch in SWITCHES.values():
        assert all(word[0] in "BQ" and word[1:].isdecimal() for word in switch.facts.split())
        assert not switch.positions or switch.default in switch.positions
        assert f'"{switch.name}"' in source


def test_switches_tell_numbers_and_lists() -> None:
    switches = Switches({"page_max": 7, "refused_creates": "a, b,"})
    assert switches.number("page_max") == 7
    assert switches.names("refused_creates") == {"a", "b"}


def test_seeded_columns_equal_the_rows_they_stand_for() -> None:
    for path, table in seeded_rows(PLAN).items():
        assert table is not None
        for index in range(len(table)):
            row = table.row(index)
            assert row["_id"] == table.id(index)
            for name, column in table.columns.items():
                assert column(index) == row.get(name), (path, index, name)


def test_seeded_ids_ascend_and_sort_before_new_ones() -> None:
    for path, table in seeded_rows(PLAN).items():
        assert table is not None
        ids = [table.id(index) for index in range(len(table))]
        assert ids == sorted(set(ids)), path
        assert ids[-1] < IdMaker(Clock()).make()


def test_dates_that_matter_follow_today_and_others_do_not() -> None:
    later = Plan(companies=30, endusers_wanted=400, days=4, seed=7, today=20_050)
    earlier, moved = seeded_rows(PLAN), seeded_rows(later)
    for path in ("companies", "endusers", "tasks", "conversations"):
        one, other = earlier[path], moved[path]
        assert one is not None
        assert other is not None
        assert one.row(5) == other.row(5)
    assert earlier["nps"] is not None
    assert moved["nps"] is not None
    assert earlier["nps"].row(5)["dateAnswered"] != moved["nps"].row(5)["dateAnswered"]


def test_dice_are_even_and_repeatable() -> None:
    rolls = [RowRandom(1, "a", index).below(10) for index in range(10_000)]
    assert rolls == [RowRandom(1, "a", index).below(10) for index in range(10_000)]
    assert all(850 < rolls.count(face) < 1150 for face in range(10))


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), rows)), max_size=30))
def test_columns_and_indexes_follow_every_write(steps: list[tuple[str, Row | None]]) -> None:
    collection = Collection()
    held: dict[str, Row] = {}
    for row_id, row in steps:
        collection.find("externalId", "x")
        collection.column("tags")
        if row is not None:
            held[row_id] = {"_id": row_id, **row}
            collection.put(held[row_id])
        elif held.pop(row_id, None):
            collection.remove(row_id)
    assert {row["_id"]: row for row in collection.rows()} == held
    for name in ("externalId", "tags"):
        assert dict(collection.column(name)) == {row_id: row.get(name) for row_id, row in held.items()}
    for value in ("", "a", "b", 1):
        wanted = {row_id for row_id, row in held.items() if row.get("tags") == value or value in _list(row.get("tags"))}
        assert set(collection.find("tags", value)) == wanted


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def test_changes_can_be_undone_as_a_whole() -> None:
    store = Store(seeded_rows(PLAN))
    companies = store["companies"]
    before = list(companies.rows())
    companies.find("externalId", "C-00002")
    with store.undoable() as undo:
        companies.put({**before[1], "externalId": "other"})
        companies.put({"_id": "new", "externalId": "new"})
        companies.remove(before[2]["_id"])
        undo()
    assert sorted(companies.rows(), key=lambda row: row["_id"]) == before
    assert companies.find("externalId", "C-00002") == [before[1]["_id"]]
    assert companies.find("externalId", "new") == []


class _Grid:
    first_day = 10
    days = 3
    series = (Series("m", "Company", "p1", "c1", 'Na"me 🪁'), Series("n", "Asset", "p2", "c2", "Two"))

    def value(self, index: int, day: int) -> float:
        return index * 100 + day


@given(
    st.one_of(st.none(), st.integers(8, 14)),
    st.one_of(st.none(), st.integers(8, 14)),
    st.sampled_from([None, "c1", "c2", "c9"]),
    st.sampled_from([None, "m", "n"]),
    st.integers(1, 5),
)
def test_pages_of_points_are_the_points_of_the_range(
    first: int | None, last: int | None, company: str | None, dimension: str | None, limit: int
) -> None:
    points = Points(_Grid(), Clock())
    points.add(Series("m", "Company", "p1", "c1", "One"), 11, Pushed(0.5))
    points.add(Series("m", "Company", "p1", "c1", "One"), 20, Pushed(7))
    points.add(Series("x", "Company", "p1", "c1", "One"), 12, Pushed(8))
    wanted = Range(first, last, company, dimension)
    got: list[dict[str, Any]] = []
    while page := points.page(wanted, len(got), limit, SUM):
        got += [json.loads(row) for row in page]
    expected = [
        point
        for point in points.rows(SUM)
        if (first is None or point["time"] >= iso_day(first))
        and (last is None or point["time"] <= iso_day(last))
        and company in (None, point["companyId"])
        and dimension in (None, point["dimensionId"])
    ]
    assert got == expected
    assert points.count() == len(list(points.rows(SUM))) == 8


def test_several_values_of_a_seeded_point_combine() -> None:
    clock = Clock(frozen=True)
    points = Points(_Grid(), clock)
    points.add(_Grid.series[0], 11, Pushed(5))
    points.add(_Grid.series[0], 11, Pushed(1, readable_at=clock.seconds() + 1000))

    def values() -> dict[str, float]:
        return {
            how: json.loads(points.page(Range(11, 11), 0, 1, Reading(how))[0])["value"]
            for how in ("sum", "last", "min")
        }

    assert values() == {"sum": 16, "last": 5, "min": 5}
    clock.advance(1000)
    assert values() == {"sum": 17, "last": 1, "min": 1}


def test_pages_without_zeros_are_the_days_with_another_value() -> None:
    points = Points(_Grid(), Clock())
    for day, amount in ((10, -10), (11, 4), (30, 0), (31, 0.0), (32, 5), (33, 5), (33, -5)):
        points.add(_Grid.series[0], day, Pushed(amount))
    whole = [row["_id"] for row in points.rows(Reading(zero_is_missing=True)) if row["value"] != 0]
    for limit in (1, 2, 5, 100):
        got: list[str] = []
        while page := points.page(Range(), len(got), limit, Reading(zero_is_missing=True)):
            got += [json.loads(row)["_id"] for row in page]
        assert got == whole
    assert len(whole) == 6


@given(st.permutations([(1.0, 5), (2.0, 6), (2.0, 7), (0.0, 8)]))
def test_the_last_value_by_time_is_the_latest_and_of_equal_times_the_later_arrival(
    arrivals: list[tuple[float, float]],
) -> None:
    values = [Pushed(amount, time) for time, amount in arrivals]
    latest = [amount for time, amount in arrivals if time == 2.0][-1]
    assert Reading("last", last_by_time=True).value_of(values) == latest
    assert Reading("last").value_of(values) == arrivals[-1][1]


def test_the_clock_can_stand_on_a_day() -> None:
    clock = Clock(date(2026, 3, 1))
    assert clock.today() == day_number(date(2026, 3, 1)) == 20513
    assert clock.stamp().startswith("2026-03-01T12:00:00.")
    first = clock.now()
    time.sleep(0.01)
    assert clock.now() > first


def test_a_frozen_clock_moves_only_by_advance() -> None:
    clock = Clock(date(2026, 3, 1), frozen=True)
    first = clock.seconds()
    time.sleep(0.01)
    assert clock.seconds() == first == datetime(2026, 3, 1, 12, tzinfo=timezone.utc).timestamp()
    assert clock.advance(86_400) == clock.seconds() == first + 86_400
    assert clock.today() == day_number(date(2026, 3, 2))
    clock.freeze(frozen=False)
    time.sleep(0.01)
    assert first + 86_400 < clock.seconds() < first + 86_500
    clock.freeze()
    assert clock.seconds() == clock.seconds()
    for wrong in (-1, math.inf, math.nan, "1", True, None):
        with pytest.raises(ClockError):
            clock.advance(wrong)  # type: ignore[arg-type]


def test_a_clock_that_many_move_loses_nothing() -> None:
    clock = Clock(frozen=True)
    first = clock.seconds()
    threads = [threading.Thread(target=lambda: [clock.advance(1) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.seconds() == first + 4000


@pytest.mark.parametrize("wrong", ["a-b", "5-1", "-1", "1-", "-", "nan", "inf", "0-inf", "1-2-3"])
def test_a_range_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(SwitchError, match="0-600"):
        Switches({"metrics_delay_seconds": wrong})


def test_switches_tell_ranges() -> None:
    assert Switches({"metrics_delay_seconds": "0-600"}).span("metrics_delay_seconds") == (0, 600)
    assert Switches({"metrics_delay_seconds": 1.5}).span("metrics_delay_seconds") == (1.5, 1.5)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.text())))
def test_a_value_is_stored_or_refused_but_never_breaks(value: Any) -> None:
    switches = Switches()
    for form in ("string", "number", "boolean", "array", "object", "date-time", "epoch-day"):
        schema = {"type": "string", "format": form} if form in {"date-time", "epoch-day"} else {"type": form}
        try:
            written("field", value, schema, switches)
        except InvalidValueError as error:
            assert "field" in str(error)  # noqa: PT017 - only refused values have a text


def test_large_tenants_start_at_once_and_keep_keys_at_hand() -> None:
    started = time.monotonic()
    store = Store(seeded_rows(Plan(2_000, 50_000, 10, 1, 20_000)))
    endusers = store["endusers"]
    assert len(endusers) == 50_000
    assert time.monotonic() - started < 1
    assert len(endusers.find("externalId", "U-000007")) == 1


@pytest.mark.parametrize(("mark", "table"), [("switches", switch_table()), ("faults", fault_table())])
def test_readme_tells_every_switch_and_fault(mark: str, table: str) -> None:
    readme = (SOURCE.parent / "README.md").read_text("utf-8")
    _, found, rest = readme.partition(f"<!-- {mark} -->\n")
    assert found
    assert rest.partition("\n<!-- end -->")[0] == table, "run `planhat-sandbox tables` and put the table in"


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@pytest.mark.parametrize("path", sorted(seeded_rows(PLAN)))
def test_seeded_rows_fit_the_model_files(path: str) -> None:
    found = next(model for model in all_models().values() if model.path == path and model.view_of is None)
    table = seeded_rows(PLAN)[path]
    assert table is not None
    seen: set[str] = set()
    for index in range(len(table)):
        for name, value in table.row(index).items():
            seen.add(name)
            schema = found.properties.get(name)
            if schema is None or value is None:
                continue
            assert isinstance(value, _TYPES[schema["type"]]), (name, value)
            assert schema["type"] == "boolean" or not isinstance(value, bool)
            assert schema.get("format") != "date-time" or str(value).endswith("Z"), (name, value)
    assert set(found.required) - found.read_only <= seen
