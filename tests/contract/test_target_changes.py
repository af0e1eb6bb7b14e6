"""The target looks at what Planhat holds, and writes what differs and nothing else."""

from __future__ import annotations

import json
import stat
import subprocess
from collections import Counter
from contextlib import closing, contextmanager
from math import ceil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planhat_api import PlanhatClient
from planhat_api.destination import look
from planhat_api.destination.comparison import Comparison, Difference
from planhat_api.models.registry import all_models
from planhat_sandbox import Sandbox
from target_planhat.errors import GuardError, SettingsError
from target_planhat.tenant import destination
from tests import tap_support
from tests.contract.sandbox_calls import Api
from tests.end_to_end.test_target_command import COMMAND, settings_file
from tests.log_support import logged
from tests.plan_cases import writable_fields
from tests.target_support import lines, records, run, schema, stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from planhat_api import Row
    from planhat_api.models.registry import Model
    from tests.target_support import Message

NO_QUOTA = {"calls_per_minute": 0, "calls_per_second": 0}
MOVED = {**NO_QUOTA, "updated_at_on_equal": "moved"}
LEFT_OUT = {"unknown_columns": "leave_out", "max_rejects": "100%"}
WRITTEN = {one.stream: one for one in all_models().values() if "bulk_upsert" in one.operations and not one.view_of}
ROWS_PER_CALL = 5000

Bodies = list[tuple[str, dict[str, Any]]]
"""The rows of bulk calls with the path of their model."""


def stored(box: Sandbox) -> dict[str, Any]:
    rows: dict[str, Any] = json.loads(json.dumps({path: box.rows(path) for path in box.counts()}))
    return rows


def writes(box: Sandbox) -> list[str]:
    return [f"{call.method} {call.path}" for call in box.calls if call.method != "GET"]


def of_key(box: Sandbox, path: str, key: str, name: str = "externalId") -> dict[str, Any]:
    (found,) = [row for row in box.rows(path) if row.get(name) == key]
    return found


@contextmanager
def sent_rows() -> Iterator[Bodies]:
    """The rows that the client gets to send in bulk."""
    bodies: Bodies = []
    send = PlanhatClient.bulk_upsert

    def note(client: PlanhatClient, to: Model, rows: Sequence[Row], **more: Any) -> Any:
        bodies.extend((to.path, json.loads(row.body)) for row in rows)
        return send(client, to, rows, **more)

    with patch.object(PlanhatClient, "bulk_upsert", note):
        yield bodies


def read_by_tap(box: Sandbox) -> list[Message]:
    """What the tap reads of all models that can be written."""
    output = tap_support.run(tap_support.config_for(box))
    return [
        message
        for message in output.messages
        if message["type"] in {"SCHEMA", "RECORD"} and message["stream"] in WRITTEN.keys() | {"custom_fields"}
    ]


@pytest.mark.parametrize("seed", [4, 5])
def test_an_unchanged_round_trip_writes_nothing(seed: int) -> None:
    with Sandbox(companies=200, seed=seed, days=2, switches=MOVED) as box:
        messages = read_by_tap(box)
        assert len({message["stream"] for message in messages}) > 20
        before = stored(box)
        box.forget_calls()
        finished = run(box, messages, write="changes", **LEFT_OUT)
        assert finished.error is None
        assert {kind for counts in finished.summary.values() for kind in counts} == {"unchanged"}
        assert not writes(box)
        assert stored(box) == before


def changed_rows(messages: list[Message]) -> dict[tuple[str, str], set[str]]:
    """Change one field of one row of a hundred in place. Returns the changed fields by path and ``_id``."""
    changed: dict[tuple[str, str], set[str]] = {}
    numbers: Counter[str] = Counter()
    for message in messages:
        to = WRITTEN.get(message["stream"])
        if message["type"] != "RECORD" or to is None:
            continue
        numbers[to.path] += 1
        row, number = message["record"], numbers[to.path]
        if number % 100 != 3:
            continue
        custom = row.get("custom")
        texts = [name for name in writable_fields(to) if is_text(to, name) and isinstance(row.get(name), str)]
        of_custom = [name for name, value in (custom or {}).items() if is_number(value)]
        if of_custom and "custom" not in to.read_only and number % 200 == 3:
            custom[of_custom[0]] += 1
            changed[to.path, row["_id"]] = {f"custom.{of_custom[0]}"}
        elif texts:
            row[texts[0]] = f"changed {number}"
            changed[to.path, row["_id"]] = {texts[0]}
    return changed


def is_text(to: Model, name: str) -> bool:
    described = to.properties[name]
    return described.get("type") == "string" and not described.get("format") and name not in to.references


def is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value < 100


def test_only_changed_rows_and_fields_are_written() -> None:
    with Sandbox(companies=200, seed=4, days=2, switches=MOVED) as box:
        box.forget_calls()
        # A ticket is also a conversation, and would be written twice with different values.
        messages = [
            one
            for one in read_by_tap(box)
            if (one.get("record") or {}).get("type") != "ticket" or one["stream"] == "tickets"
        ]
        reads = Counter(call.path for call in box.calls if call.method == "GET")
        changed = changed_rows(messages)
        assert len({path for path, _ in changed}) > 15
        assert any(name.startswith("custom.") for names in changed.values() for name in names)
        before = stored(box)
        box.forget_calls()
        with sent_rows() as bodies:
            finished = run(box, messages, write="changes", **LEFT_OUT)
        assert finished.error is None
        assert {kind for counts in finished.summary.values() for kind in counts} == {"unchanged", "updated"}
        assert {(path, body["_id"]) for path, body in bodies} == changed.keys()
        assert len(bodies) == len(changed)
        for path, body in bodies:
            assert_only(model_of(path), body, changed[path, body["_id"]])
        rows = Counter(path for path, _ in changed)
        for path, calls in Counter(call.path for call in box.calls).items():
            assert calls <= reads[path] + ceil(rows[path] / ROWS_PER_CALL) + 2, path
        after = stored(box)
        moved = {
            (path, row["_id"])
            for path, all_rows in after.items()
            for row, old in zip(all_rows, before[path], strict=True)
            if row != old
        }
        # A ticket is a conversation.
        assert moved == {("conversations" if path == "tickets" else path, row) for path, row in changed}


def model_of(path: str) -> Model:
    return next(one for one in WRITTEN.values() if one.path == path)


def assert_only(to: Model, body: dict[str, Any], changed: set[str]) -> None:
    """The body has what finds the record, and what changes."""
    keys = {"_id", *to.keyables, (to.company or "").removesuffix("[]")} | ({"email"} if to.path == "tickets" else set())
    fields = {name.split(".")[0] for name in changed}
    assert fields <= body.keys()
    # Fields that Planhat computes from one another are sent together.
    together = to.computed_together if fields & to.computed_together else frozenset[str]()
    assert fields - keys <= body.keys() - keys <= (fields | together) - keys, to.path


@pytest.mark.parametrize("rows", [1, 5], ids=["single records", "whole list"])
@pytest.mark.parametrize("prefix", ["C-0000", "new-"], ids=["held", "new"])
def test_own_writes_are_known(prefix: str, rows: int) -> None:
    """A, B, A on the same keys ends with A, whether Planhat held A, something else, or nothing."""
    with Sandbox(companies=20, switches=NO_QUOTA) as box:
        keys = [f"{prefix}{number}" for number in range(1, rows + 1)]
        held = "A" if prefix == "C-0000" else None
        if held:
            run(box, stream("companies", [{"external_id": key, "name": held} for key in keys]))
        given = [{"external_id": key, "name": name} for name in "ABA" for key in keys]
        box.forget_calls()
        finished = run(box, stream("companies", given), write="changes", batch_size_rows=rows)
        assert finished.error is None
        assert {of_key(box, "companies", key)["name"] for key in keys} == {"A"}
        first = "unchanged" if held else "created"
        assert Counter(receipt["outcome"] for receipt in finished.receipts) == {first: rows, "updated": 2 * rows}
        assert sum(call.method == "GET" and call.path.startswith("companies") for call in box.calls) <= 2 * rows


@pytest.mark.parametrize("rows", [1, 2, 5000])
def test_deletes_then_creates(rows: int) -> None:
    with Sandbox(companies=20, switches=NO_QUOTA) as box:
        company, key = box.rows("companies")[0]["_id"], "made-1"
        run(box, stream("assets", [{"external_id": key, "name": "old", "company_id": company}]))
        first = of_key(box, "assets", key)["_id"]
        columns = ["external_id", "name", "company_id", "_sdc_deleted_at"]
        row = {"external_id": key, "name": "old", "company_id": company}
        given = [{**row, "_sdc_deleted_at": "2026-01-01T00:00:00Z"}, {**row, "name": "new"}]
        messages = [schema("assets", columns), *records("assets", given)]
        finished = run(box, messages, write="changes", batch_size_rows=rows, hard_delete=True)
        assert finished.error is None
        found = of_key(box, "assets", key)
        assert found["name"] == "new"
        if rows == 1:
            assert [receipt["outcome"] for receipt in finished.receipts] == ["deleted", "created"]
            assert found["_id"] != first


UNREAD = {"kind": "status", "status": 403, "method": "GET", "path": "endusers"}


def enduser_rows(box: Sandbox, number: int = 6) -> list[dict[str, Any]]:
    """Rows that are equal to the endusers that Planhat holds, and one that is not there."""
    held = [row for row in box.rows("endusers") if row.get("externalId")][:number]
    rows = [{"external_id": row["externalId"], "company_id": row["companyId"], "position": "new"} for row in held]
    return [*rows, {**rows[0], "external_id": "not there"}]


def test_a_model_that_may_not_be_read_is_written_whole() -> None:
    with Sandbox(companies=5, switches=NO_QUOTA) as box:
        rows = enduser_rows(box)
        before = {row["_id"]: row for row in box.rows("endusers")}
        box.set_faults([UNREAD])
        owned = {"endusers": {"key": "externalId", "ownership": {"position": "if_empty"}}}
        with logged() as log, sent_rows() as bodies:
            given = [{**row, "first_name": "New"} for row in rows]
            finished = run(box, stream("endusers", given), write="changes", batch_size_rows=2, streams=owned)
        assert finished.error is None
        assert log.getvalue().count("may not read endusers") == 1
        assert len(bodies) == len(rows)
        assert all(body.keys() == {"externalId", "companyId", "firstName"} for _, body in bodies)
        for row in box.rows("endusers"):
            assert row.get("position") == before.get(row["_id"], {}).get("position")


@pytest.mark.parametrize(
    "more", [{"write": "nothing"}, {"max_creates": 100}, {"max_updates": 100}, {"max_changed_percent": 100}]
)
def test_a_guard_and_a_plan_need_to_read(more: dict[str, Any]) -> None:
    with Sandbox(companies=5, switches=NO_QUOTA) as box:
        rows = enduser_rows(box)
        box.set_faults([UNREAD])
        finished = run(box, stream("endusers", rows), **{"write": "changes", **more})
        assert isinstance(finished.error, SettingsError)
        assert "endusers" in str(finished.error)
        assert not writes(box)
        assert not finished.states


KEPT, GIVEN = "of a person", "of the source"


def text_field(box: Sandbox) -> list[str]:
    """The names of the custom fields of companies with a text."""
    fields = [row for row in box.rows("customfields") if row["parent"] == "company" and row["type"] == "text"]
    return [row["name"] for row in fields]


def judged(rule: str, nulls: str, mode: str, case: tuple[str, str | None, bool]) -> tuple[str, str | None]:
    """The outcome of a row, and the value that Planhat holds after it.

    ``case`` tells what Planhat holds, what is sent, and whether it is a custom field.
    """
    held, sent, is_custom = case
    before = {"new": None, "empty": None, "equal": GIVEN, "other": KEPT}[held]
    is_sent = sent is not None or nulls == "clear"
    if held == "new":
        return ("skipped", None) if mode == "update" else ("created", sent)
    if mode == "insert":
        return "skipped", before
    # It is not known whether a null is stored where a custom field has no value (B49).
    is_in_doubt = is_custom and sent is None and before is None
    if not is_sent or (sent == before and not is_in_doubt):
        return "unchanged", before
    if rule == "on_create" or (rule == "if_empty" and before is not None):
        return "held back", before
    return "updated", sent


@pytest.mark.parametrize("mode", ["upsert", "update", "insert"])
@pytest.mark.parametrize("nulls", ["leave_out", "clear"])
@pytest.mark.parametrize("rule", ["always", "if_empty", "on_create"])
@pytest.mark.parametrize("is_custom", [False, True], ids=["field", "custom field"])
def test_fields_of_people(rule: str, nulls: str, mode: str, *, is_custom: bool) -> None:
    with Sandbox(companies=5, switches=NO_QUOTA) as box, closing(Api(box).session):
        custom = text_field(box)[0]
        column = f"custom.{custom}" if is_custom else "city"
        cases = {f"{held}-{sent}": (held, sent) for held in ("empty", "equal", "other") for sent in (GIVEN, None)}
        value = {"empty": None, "equal": GIVEN, "other": KEPT}
        made = [{"external_id": key, "name": key, column: value[held]} for key, (held, _) in cases.items()]
        made = [{name: one for name, one in row.items() if one is not None} for row in made]
        settings_of_stream = {"columns": {column: column}} if is_custom else {}
        for row in made:
            run(box, stream("companies", [row]), streams={"companies": settings_of_stream if column in row else {}})
        cases |= {f"new-{sent}": ("new", sent) for sent in (GIVEN, None)}
        given = [{"external_id": key, "name": key, column: sent} for key, (_, sent) in cases.items()]
        block = {**settings_of_stream, "ownership": {column: rule}}
        finished = run(
            box,
            stream("companies", given),
            write="changes",
            nulls=nulls,
            load_method=mode,
            streams={"companies": block},
        )
        assert finished.error is None
        rows: dict[Any, Any] = {row.get("externalId"): row for row in box.rows("companies")}
        found = {}
        for key in cases:
            row = rows.get(key, {})
            now = (row.get("custom") or {}).get(custom) if is_custom else row.get("city")
            found[key] = finished.verdicts()[key], now
        expected = {key: judged(rule, nulls, mode, (held, sent, is_custom)) for key, (held, sent) in cases.items()}
        assert found == expected


@pytest.mark.parametrize("switch", ["merges", "replaces"])
def test_a_custom_field_that_is_held_back_keeps_its_value(switch: str) -> None:
    """Also if Planhat replaces all custom fields with those that are sent."""
    with Sandbox(companies=5, switches={**NO_QUOTA, "bulk_custom": switch}) as box:
        mine, theirs = text_field(box)[:2] if len(text_field(box)) > 1 else (text_field(box)[0], number_field(box))
        values = {mine: "old", theirs: "of a person" if theirs in text_field(box) else 7}
        columns = {f"custom.{name}": f"custom.{name}" for name in values}
        row = {"external_id": "one", "name": "one"} | {f"custom.{name}": value for name, value in values.items()}
        run(box, stream("companies", [row]), streams={"companies": {"columns": columns}})
        assert of_key(box, "companies", "one")["custom"] == values
        given = {**row, f"custom.{mine}": "new", f"custom.{theirs}": "other" if theirs in text_field(box) else 8}
        block = {"columns": columns, "ownership": {f"custom.{theirs}": "if_empty"}}
        finished = run(box, stream("companies", [given]), write="changes", streams={"companies": block})
        assert finished.verdicts() == {"one": "updated"}
        assert of_key(box, "companies", "one")["custom"] == {**values, mine: "new"}


def number_field(box: Sandbox) -> str:
    return str(
        next(row["name"] for row in box.rows("customfields") if row["parent"] == "company" and row["type"] == "number")
    )


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(["create", "update", "equal"]), min_size=1, max_size=14),
    st.integers(1, 5),
    st.sampled_from(["max_creates", "max_updates", "max_changed_percent"]),
    st.integers(0, 12),
)
@example(["update"], 1, "max_changed_percent", 2)  # fewer calls get the record by itself
def test_nothing_beyond_a_guard_is_written(kinds: list[str], rows: int, guard: str, most: int) -> None:
    with Sandbox(companies=14, endusers=0, days=1, switches=NO_QUOTA) as box:
        held = box.rows("companies")
        given = []
        for number, kind in enumerate(kinds):
            old = held[number]
            row = {"_id": old["_id"], "name": old["name"]}
            changed = {"create": {"external_id": f"new-{number}"}, "update": {"name": f"changed {number}"}, "equal": {}}
            if kind == "create":
                row = {"_id": None, "name": "new"}
            given.append({"external_id": None, **row, **changed[kind]})
        before = {row["_id"]: row["name"] for row in held}
        # 12 means at most 60 percent of the 14 companies, which is 8.4 of them.
        limit = most * 5 if guard == "max_changed_percent" else most
        with logged():
            finished = run(box, stream("companies", given), write="changes", batch_size_rows=rows, **{guard: limit})
        after = {row["_id"]: row["name"] for row in box.rows("companies")}
        created = len(after.keys() - before.keys())
        updated = sum(after[key] != name for key, name in before.items())
        wanted = {"max_creates": kinds.count("create"), "max_updates": kinds.count("update")}
        wanted["max_changed_percent"] = kinds.count("update")
        most_rows = limit * len(held) / 100 if guard == "max_changed_percent" else limit
        assert (created if guard == "max_creates" else updated) <= most_rows
        if wanted[guard] <= most_rows:
            assert finished.error is None
            assert (created, updated) == (kinds.count("create"), kinds.count("update"))
        else:
            assert isinstance(finished.error, GuardError)
            assert guard in str(finished.error)


@pytest.mark.parametrize(("percent", "is_allowed"), [(37, False), (38, True)])
def test_a_share_is_not_rounded(percent: int, *, is_allowed: bool) -> None:
    """Three of eight are 37.5 percent."""
    with Sandbox(companies=8, switches=NO_QUOTA) as box:
        given = [{"_id": row["_id"], "name": "changed"} for row in box.rows("companies")[:3]]
        finished = run(box, stream("companies", given), write="changes", max_changed_percent=percent)
        assert (finished.error is None) is is_allowed
        assert len([row for row in box.rows("companies") if row["name"] == "changed"]) == (3 if is_allowed else 0)


def test_a_guard_has_its_exit_code_and_says_what_would_change(tmp_path: Path) -> None:
    with Sandbox(companies=8, switches=NO_QUOTA) as box:
        rows = [{"_id": row["_id"], "name": "changed"} for row in box.rows("companies")[:3]]
        config = settings_file(box, tmp_path, write="changes", max_updates=2)
        given = lines(stream("companies", rows))
        done = subprocess.run([COMMAND, "--config", str(config)], input=given, capture_output=True, check=False)
        log = done.stderr.decode()
        assert done.returncode == 10
        assert "max_updates is 2" in log
        assert "3 to update (name 3)" in log
        assert "write: nothing" in log
        assert not writes(box)


def test_receipts_of_changed_rows_tell_the_values(tmp_path: Path) -> None:
    with Sandbox(companies=5, switches=NO_QUOTA) as box:
        one, two, *_ = box.rows("companies")
        rows = [{"_id": one["_id"], "name": "changed", "city": "Lyon"}, {"_id": two["_id"], "name": two["name"]}]
        rows = [*rows, {"external_id": "new", "name": "new"}]
        before = one["name"], one.get("city")
        folder = tmp_path / "receipts"
        config = settings_file(box, tmp_path, write="changes", receipts_values=True, receipts_dir=str(folder))
        given = lines(stream("companies", rows))
        subprocess.run([COMMAND, "--config", str(config)], input=given, capture_output=True, check=True)
        (file,) = folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        receipts = [json.loads(line) for line in file.read_bytes().splitlines()]
        found = {receipt["outcome"]: receipt["changes"] for receipt in receipts}
        assert found.keys() == {"updated", "unchanged", "created"}
        assert found["unchanged"] is None
        assert found["created"] is None
        assert sorted(found["updated"], key=lambda change: change["field"]) == [
            {"field": "city", "before": before[1], "after": "Lyon"},
            {"field": "name", "before": before[0], "after": "changed"},
        ]


@pytest.mark.parametrize("age", [1, 1000])
def test_an_old_look_is_taken_again(age: int) -> None:
    """The clock goes on by ten seconds after the first batch, in which a person fills a field of the second one."""
    with Sandbox(companies=10, switches=NO_QUOTA) as box, closing(Api(box).session):
        rows = box.rows("companies")
        for row in rows:
            assert Api(box).put(f"companies/{row['_id']}", {"zip": None}).status_code == 200
        now = [100.0]
        send = PlanhatClient.bulk_upsert

        def with_a_person(client: PlanhatClient, to: Model, sent: Sequence[Row], **more: Any) -> Any:
            result = send(client, to, sent, **more)
            if now[0] == 100.0:
                Api(box).put(f"companies/{rows[7]['_id']}", {"zip": "of a person"})
            now[0] += 10
            return result

        clock = SimpleNamespace(monotonic=lambda: now[0])
        given = [{"_id": row["_id"], "zip": "of the source"} for row in rows]
        with (
            patch.object(PlanhatClient, "bulk_upsert", with_a_person),
            patch.object(destination, "time", clock),
            patch.object(look, "time", clock),
        ):
            finished = run(
                box,
                stream("companies", given),
                write="changes",
                batch_size_rows=5,
                look_max_age=age,
                streams={"companies": {"ownership": {"zip": "if_empty"}}},
            )
        assert finished.error is None
        is_respected = age == 1
        value = "of a person" if is_respected else "of the source"
        assert [row["zip"] for row in box.rows("companies")] == ["of the source"] * 7 + [value] + ["of the source"] * 2
        assert finished.verdicts()[rows[7]["_id"]] == ("held back" if is_respected else "updated")


def test_a_comparison_that_failed_is_logged() -> None:
    """Planhat says that it changed nothing, so the difference was none."""
    with Sandbox(companies=5, switches=NO_QUOTA) as box:
        one, two, *_ = box.rows("companies")
        given = [{"_id": row["_id"], "name": row["name"], "city": row.get("city")} for row in (one, two)]
        given = [{name: value for name, value in row.items() if value is not None} for row in given]
        differences = Comparison.differences

        def invented(self: Comparison, held: Any, sent: Any, unsure: Any = ()) -> list[Difference]:
            if sent["_id"] == one["_id"]:
                return [Difference("name", "invented", sent["name"])]
            return differences(self, held, sent, unsure)

        with (
            logged() as log,
            patch.object(Comparison, "differences", invented),
            patch.object(Comparison, "quick", lambda *_: None),
        ):
            finished = run(box, stream("companies", given), write="changes")
        assert finished.error is None
        told = [line for line in log.getvalue().splitlines() if "comparison failed" in line]
        assert len(told) == 1
        assert one["_id"] in told[0]
        assert "name" in told[0]
        assert "invented" not in told[0]


@pytest.mark.parametrize(
    "more",
    [
        {"streams": {"companies": {"ownership": {"name": "if_empty"}}}},
        {"max_creates": 0},
        {"max_updates": 0},
        {"max_changed_percent": 0},
        {"receipts_values": True},
        {"write": "some"},
        {"write": "Nothing"},
        {"write": True},
    ],
)
def test_what_needs_a_look_is_refused_without_one(more: dict[str, Any]) -> None:
    with Sandbox(companies=5, switches=NO_QUOTA) as box:
        finished = run(box, stream("companies", [{"external_id": "new", "name": "new"}]), **{"write": "all", **more})
        assert finished.error is not None
        told = " ".join(getattr(finished.error, "errors", [str(finished.error)]))
        assert "write" in told
        assert not box.calls
