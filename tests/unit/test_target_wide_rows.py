"""Points built from bytes are the points the general path builds, or are left to it."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api.models.registry import model
from target_planhat.rows.builder import RefusedRowError
from target_planhat.rows.declared_stream import DeclaredStream
from target_planhat.rows.rules.points import point_rules
from target_planhat.rows.stream_rows import StreamRows
from target_planhat.rows.wide_rows import WideRows
from target_planhat.stream_settings import settings_of_stream
from target_planhat.tenant.custom_fields import NamesOfModel

if TYPE_CHECKING:
    from planhat_api import Outcome
    from target_planhat.rows.item import Item
    from target_planhat.rows.made_rows import MadeRows
    from target_planhat.tenant.tenant import Tenant

NUMBER: dict[str, Any] = {"type": ["number", "null"]}
INTEGER: dict[str, Any] = {"type": ["integer", "null"]}
TEXT: dict[str, Any] = {"type": ["string", "null"]}
SHARED: dict[str, Any] = {"external_id": TEXT, "date": TEXT}
METRICS: dict[str, Any] = {"logins": NUMBER, "exports": INTEGER, "seats": {"type": "number"}}
POINTS: Any = {"logins": "logins", "exports": "exports.count", "seats": "seats"}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "usual": ({**SHARED, **METRICS}, {"points": POINTS}, {}),
    "numeric": ({**SHARED, **METRICS, "id": TEXT}, {"points": "numeric", "ignore": ["id"]}, {}),
    "one metric": ({**SHARED, "logins": NUMBER}, {"points": {"logins": "a"}}, {}),
    "constants": ({**SHARED, **METRICS}, {"points": POINTS, "constants": {"model": "EndUser"}}, {}),
    "constant in another case": ({**SHARED, **METRICS}, {"points": POINTS, "constants": {"model": "end_user"}}, {}),
    "model": ({**SHARED, "model": TEXT, **METRICS}, {"points": POINTS}, {}),
    "renamed": (
        {"account": {"type": "integer"}, "at": {"type": "integer"}, **METRICS},
        {"points": POINTS, "columns": {"account": "externalId", "at": "date"}},
        {},
    ),
    "texts": (
        {**SHARED, "logins": TEXT, "exports": {}, "seats": {"type": ["string", "number"]}},
        {"points": POINTS},
        {},
    ),
    "keywords": (
        {**SHARED, **METRICS, "logins": {"type": "number", "minimum": 0}, "note": {"enum": ["a", None]}},
        {"points": POINTS, "ignore": ["note"]},
        {"required": ["date", "exports"], "dependentRequired": {"note": ["logins"]}},
    ),
    "nulls sent": ({**SHARED, **METRICS}, {"points": POINTS, "nulls": "clear"}, {}),
    "unknown sent": ({**SHARED, **METRICS, "region": {}}, {"points": POINTS, "unknown_columns": "send"}, {}),
    "loaders": ({**SHARED, **METRICS, "_sdc_deleted_at": TEXT}, {"points": POINTS}, {}),
    "two dates": ({**SHARED, **METRICS, "time": TEXT}, {"points": POINTS}, {}),
    "odd names": (
        {**SHARED, 'lo"gins': NUMBER, "ex.ports": NUMBER},
        {"points": {'lo"gins': "a", "ex.ports": "b"}},
        {},
    ),
}


def rows_of(case: str, *, validates: bool = True) -> WideRows:
    columns, block, more = CASES[case]
    return cast("WideRows", made(WideRows, {"properties": columns, **more}, block, validates=validates))


def made(kind: type[WideRows | StreamRows], schema: dict[str, Any], block: dict[str, Any], *, validates: bool) -> Any:
    declared = DeclaredStream.of("s", "s", {"type": "object", **schema}, ())
    general = {"nulls": "leave_out", "unknown_columns": "refuse", "mode": "upsert"}
    chosen = settings_of_stream("s", block, general)
    rules = point_rules(model("dimensiondata"), chosen, cast("Tenant", None))
    names, logger = NamesOfModel({}, frozenset()), logging.getLogger("wide")
    return kind(declared, rules, names, chosen, logger, validates=validates, most_at_once=10_000)


@cache
def both(case: str) -> WideRows:
    return rows_of(case)


def message(record: object, **more: Any) -> bytes:
    return json.dumps({"type": "RECORD", "stream": "s", "record": record, **more}, ensure_ascii=False).encode() + b"\n"


def form(item: Item) -> tuple[Any, ...]:
    return msgspec.json.decode(item.body), item.match, item.raw, item.column, item.attempt, item.delete


def forms(rows: MadeRows) -> tuple[Any, ...]:
    known: list[tuple[Item, Outcome]] = list(rows.known)
    return [form(item) for item in rows.items], [(form(item), outcome) for item, outcome in known]


def agree(case: str, record: dict[str, Any]) -> bool:
    """Whether the fast path took the record; if so, with the same result."""
    rows = both(case)
    quick = rows.of_messages([message(record)], 0)
    if quick.records == 0:
        assert not quick.items
        assert not quick.known
        return False
    raw = json.dumps(record, ensure_ascii=False).encode()
    slow = rows.of_record(json.loads(raw), raw, 1)
    assert forms(quick) == forms(slow)
    assert {item.stream for item in quick.items} <= {rows.stream_info}
    return True


FULL = {"external_id": "C-1", "date": "2024-05-14", "logins": 1, "exports": 2, "seats": 2.5}


@pytest.mark.parametrize(
    ("case", "record"),
    [
        ("usual", FULL),
        ("usual", {**FULL, "logins": None, "exports": None}),
        ("usual", {"external_id": "C-1", "exports": 10**20, "seats": 1e-7}),
        ("usual", {"external_id": "C-1", "date": None, "seats": -0.0}),
        ("usual", {"external_id": "Ä \U0001f389", "date": "2024-05-14T09:30:00+02:00"}),
        ("numeric", FULL),
        ("one metric", {"external_id": "C-1", "date": "2024-05-14T00:00:00.000Z", "logins": 1}),
        ("constants", FULL),
        ("model", {**FULL, "model": "EndUser"}),
        ("model", FULL),
        ("renamed", {"account": 7, "at": 1715644800000, "logins": 2}),
        ("texts", {"external_id": "C-1", "logins": "12.50"}),
        ("texts", {"external_id": "C-1", "logins": " ", "exports": 5}),
        ("keywords", {**FULL, "note": "a"}),
        ("unknown sent", {**FULL, "region": {"a": [1]}}),
        ("loaders", {**FULL, "_sdc_deleted_at": None}),
    ],
)
def test_usual_records_take_the_fast_path(case: str, record: dict[str, Any]) -> None:
    assert agree(case, record)


@pytest.mark.parametrize(
    ("case", "record"),
    [
        ("usual", {**FULL, "logins": "1"}),
        ("usual", {**FULL, "logins": True}),
        ("usual", {**FULL, "exports": 2.5}),
        ("usual", {**FULL, "seats": None}),
        ("usual", {**FULL, "seats": 1.5e300}),
        ("usual", {**FULL, "seats": -1.5e300}),
        ("usual", {**FULL, "external_id": None}),
        ("usual", {**FULL, "external_id": ""}),
        ("usual", {**FULL, "date": "soon"}),
        ("usual", {**FULL, "unknown": 1}),
        ("model", {**FULL, "model": "end_user"}),
        ("model", {**FULL, "model": "Deal"}),
        ("constant in another case", FULL),
        ("texts", {"external_id": "C-1", "logins": "many"}),
        ("texts", {"external_id": "C-1", "logins": "1.5e300"}),
        ("texts", {"external_id": "C-1", "exports": "1"}),
        ("keywords", {**FULL, "logins": -1}),
        ("keywords", {**FULL, "note": "b"}),
        ("keywords", {"external_id": "C-1", "date": "2024-05-14", "logins": 1}),
        ("nulls sent", FULL),
    ],
)
def test_odd_records_are_left_to_the_general_path(case: str, record: dict[str, Any]) -> None:
    assert not agree(case, record)


LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(1e299, 1.7e308)
    | st.text()
    | st.sampled_from(["C-1", "2024-05-14", "2024-05-14T00:00:00.000Z", "12.5", "1e3", "nan", " ", "", "EndUser"])
)
VALUE = LEAF | st.lists(LEAF, max_size=2) | st.dictionaries(st.text(), LEAF, max_size=2)


YES_OR_NO = st.booleans()


@cache
def odd_names(case: str) -> st.SearchStrategy[list[str]]:
    """Made once for each case: Hypothesis looks at each new strategy before it draws."""
    return st.lists(st.sampled_from([*CASES[case][0], "undeclared"]), max_size=2)


@st.composite
def generated(draw: st.DrawFn, case: str) -> dict[str, Any]:
    columns = CASES[case][0]
    usual = {name: FULL.get(name, "C-1") for name in columns if draw(YES_OR_NO)}
    odd = draw(odd_names(case))
    return {**usual, **{name: draw(VALUE) for name in odd}}


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_both_paths_agree(case: str, data: st.DataObject) -> None:
    agree(case, data.draw(generated(case)))


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_many_messages_give_what_each_gives(case: str, data: st.DataObject) -> None:
    records = data.draw(st.lists(generated(case), max_size=8))
    given_lines = [message(record) for record in records]
    rows, place = both(case), 0
    while place < len(given_lines):
        many = rows.of_messages(given_lines, place)
        alone = [rows.of_messages([line], 0) for line in given_lines[place : place + many.records]]
        assert [form(item) for item in many.items] == [form(item) for one in alone for item in one.items]
        assert [form(item) for item, _ in many.known] == [form(item) for one in alone for item, _ in one.known]
        if not many.records:
            assert rows.of_messages([given_lines[place]], 0).records == 0
        place += many.records or 1


@cache
def unchecked(case: str) -> WideRows:
    return rows_of(case, validates=False)


@cache
def long_rows(case: str, column: str) -> StreamRows:
    """What builds the points of one metric from rows that hold no other."""
    columns, block, more = CASES[case]
    others = [name for name in POINTS if name != column]
    long_block = {
        **{name: value for name, value in block.items() if name != "points"},
        "columns": {**block.get("columns", {}), column: "value"},
        "constants": {**block.get("constants", {}), "dimensionId": POINTS[column]},
        "ignore": [*block.get("ignore", ()), *others],
    }
    return cast("StreamRows", made(StreamRows, {"properties": columns, **more}, long_block, validates=False))


@pytest.mark.parametrize("case", ["usual", "texts", "model", "renamed", "unknown sent", "keywords", "nulls sent"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_point_is_built_as_from_a_row_of_its_own(case: str, data: st.DataObject) -> None:
    """A long row has the same shared columns, the metric as a constant, and the cell as its value."""
    record = data.draw(generated(case))
    wide = unchecked(case)
    try:
        whole = wide.of_record(record, b"{}", 1)
    except RefusedRowError:
        whole = None
    for column in POINTS:
        try:
            (wanted,) = long_rows(case, column).of_record(record, b"{}", 1).items
        except RefusedRowError as err:
            refusal = str(err)
            if whole is not None and "metric point needs value" not in refusal:
                assert [outcome.reason for item, outcome in whole.known if item.column == column] == [refusal]
            continue
        assert whole is not None
        (found,) = [item for item in whole.items if item.column == column]
        assert form(replace_column(found)) == form(wanted)


def replace_column(item: Item) -> Item:
    return msgspec.structs.replace(item, column=None)


def test_other_messages_are_left_to_the_general_path() -> None:
    good = message(FULL)
    rows = both("usual")
    for other in [
        message(FULL, planhat_rejection={"attempt": 1, "column": "logins"}),
        message(FULL, stream="t"),
        b'{"type": "STATE", "value": {}}',
        b"",
    ]:
        found = rows.of_messages([b"passed over", good, good, other, good], 1)
        assert found.records == 2
        assert len(found.items) == 6


def test_no_more_points_are_made_at_once_than_a_batch_holds() -> None:
    declared = DeclaredStream.of("s", "s", {"properties": {**SHARED, **METRICS}}, ())
    chosen = settings_of_stream("s", {"points": POINTS}, {})
    rules = replace(point_rules(model("dimensiondata"), chosen, cast("Tenant", None)))
    logger = logging.getLogger("wide")
    few = WideRows(declared, rules, NamesOfModel({}, frozenset()), chosen, logger, validates=True, most_at_once=7)
    assert few.of_messages([message(FULL)] * 9, 0).records == 2
