"""A plan shows what a run would do, and is carried out exactly, or not at all."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planhat_api.plugin.output import OutputError
from planhat_sandbox import Sandbox
from target_planhat.errors import InputError, SettingsError
from target_planhat.intake import checkpoint
from tests.contract.sandbox_calls import Api
from tests.end_to_end.test_target_command import COMMAND, settings_file
from tests.log_support import logged
from tests.target_support import Finished, lines, records, run, schema, state, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.target_support import Message

NO_QUOTA = {"calls_per_minute": 0, "calls_per_second": 0}
MIXED = {"max_rejects": "100%", "hard_delete": True}
_STAMPS = {"_id", "updatedAt", "createdAt", "createDate", "lastUpdated", "updateDate"}


def tenant(**more: Any) -> Sandbox:
    return Sandbox(**{"companies": 8, "seed": 2, "days": 3, "switches": NO_QUOTA, **more})


def writes(box: Sandbox) -> list[str]:
    return [f"{call.method} {call.path}" for call in box.calls if call.method != "GET"]


def with_key(box: Sandbox, path: str, key: str) -> list[dict[str, Any]]:
    return [row for row in box.rows(path) if row.get("externalId") == key]


def mixed(box: Sandbox) -> list[Message]:
    """Rows to create, to update and to delete, rows that are equal, and rows that would be rejected."""
    companies = box.rows("companies")
    people = [row for row in box.rows("endusers") if row.get("externalId") and row.get("email")]
    changed = [{"_id": row["_id"], "name": f"changed {row['name']}"} for row in companies[:2]]
    equal = [{"_id": row["_id"], "name": row["name"]} for row in companies[2:5]]
    new = [{"external_id": f"new-{number}", "name": f"new {number}"} for number in range(2)]
    columns = ["_id", "external_id", "email", "company_id", "position", "_sdc_deleted_at"]
    persons = [
        {"_id": people[0]["_id"], "position": "changed"},
        {"_id": people[1]["_id"], "position": people[1].get("position")},
        {"_id": people[2]["_id"], "_sdc_deleted_at": "2026-01-01T00:00:00Z"},
        {"external_id": "p-1", "email": "p1@x.example", "company_id": "extid-new-0", "position": "x"},
        {"external_id": "p-2", "email": "p2@x.example", "company_id": companies[0]["_id"], "position": "x"},
    ]
    assets = [
        {"external_id": "a-1", "name": "a", "company_id": "extid-new-1"},
        {"external_id": "a-2", "name": "a", "company_id": "extid-nowhere"},
        {"external_id": "a-3", "name": "a", "company_id": companies[1]["_id"]},
    ]
    return [
        *stream("assets", assets),
        schema("companies", ["_id", "external_id", "name"]),
        *records("companies", [*changed, *equal, *new]),
        state({"at": 1}),
        schema("endusers", columns),
        *records("endusers", persons),
        state({"at": 2}),
    ]


def planned(box: Sandbox, path: Path, messages: list[Message] | bytes, **more: Any) -> tuple[Finished, bytes]:
    """Make a plan."""
    finished = run(box, messages, **{**MIXED, **more, "write": "nothing", "plan_file": str(path)})
    return finished, path.read_bytes() if path.exists() else b""


def applied(box: Sandbox, plan: bytes, **more: Any) -> Finished:
    return run(box, plan, **{**MIXED, "write": "changes", **more})


def rows_in(plan: bytes) -> list[dict[str, Any]]:
    """The rows of a plan, without its header."""
    messages = [json.loads(line) for line in plan.splitlines()[2:]]
    return [message for message in messages if message["type"] == "RECORD"]


def actions(plan: bytes) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for message in rows_in(plan):
        found.setdefault(message["stream"], Counter())[message["planhat_plan"]["action"]] += 1
    return found


def without_time(plan: bytes) -> list[Any]:
    messages = [json.loads(line) for line in plan.splitlines()]
    del messages[1]["record"]["made_at"]
    return messages


def comparable(box: Sandbox) -> dict[str, list[str]]:
    """All stored rows without what differs by the time of the write."""
    ids = {row["_id"]: f"new {row.get('externalId')}" for path in ("companies",) for row in box.rows(path)[8:]}

    def plain(row: Mapping[str, Any]) -> str:
        left = {name: ids.get(str(value), value) for name, value in row.items() if name not in _STAMPS}
        return json.dumps(left, sort_keys=True)

    return {path: sorted(map(plain, box.rows(path))) for path in box.counts() if path != "dimensiondata"}


def test_a_plan_sends_nothing(tmp_path: Path) -> None:
    with tenant() as box, logged() as log:
        before = {path: box.rows(path) for path in box.counts()}
        finished, plan = planned(box, tmp_path / "plan.singer", mixed(box), max_rejects=0)
        assert finished.error is None
        assert not writes(box)
        assert {path: box.rows(path) for path in box.counts()} == before
        assert not finished.states
        assert not finished.rejects
        assert not finished.receipts
        assert [path.name for path in tmp_path.iterdir()] == ["plan.singer"]
        assert stat.S_IMODE((tmp_path / "plan.singer").stat().st_mode) == 0o600
        text = log.getvalue()
    assert actions(plan) == {
        "companies": Counter(create=2, update=2),
        "endusers": Counter(create=2, update=1, delete=1),
        "assets": Counter(create=2),
    }
    assert "PLAN companies: 2 to create, 2 to update, 3 unchanged" in text
    assert "PLAN companies: fields to update: name" in text
    assert "PLAN endusers: 2 to create, 1 to update, 1 to delete, 1 unchanged" in text
    assert "after its company, which the plan creates" in text
    assert "PLAN assets: 2 to create, 1 would be rejected" in text
    assert "there is no company extid-nowhere" in text


def test_a_plan_without_a_file_only_reports() -> None:
    with tenant() as box, logged() as log:
        finished = run(box, mixed(box), write="nothing", hard_delete=True)
        assert finished.error is None
        assert not writes(box)
        assert "PLAN Calls: " in log.getvalue()


@contextmanager
def hasty() -> Iterator[None]:
    """A checkpoint after each message."""
    with patch.object(checkpoint.Checkpoint, "due", new=True):
        yield


def test_equal_inputs_give_equal_plans(tmp_path: Path) -> None:
    with tenant() as box, logged():
        messages = mixed(box)
        _, first = planned(box, tmp_path / "plan.singer", messages)
        for more in ({}, {"batch_size_rows": 1}, {"batch_size_rows": 2}, {"checkpoint_seconds": 1}):
            _, again = planned(box, tmp_path / "plan.singer", messages, **more)
            assert without_time(again) == without_time(first)
            assert again.splitlines()[2:] == first.splitlines()[2:]
        with hasty():
            _, again = planned(box, tmp_path / "plan.singer", messages)
        assert without_time(again) == without_time(first)
        spaced = b"".join(json.dumps(message, indent=None).encode() + b"\n\n" for message in messages)
        _, again = planned(box, tmp_path / "plan.singer", spaced)
        assert without_time(again) == without_time(first)


def test_input_in_pieces_gives_an_equal_plan(tmp_path: Path) -> None:
    with tenant() as box, logged():
        messages = mixed(box)
        path = tmp_path / "plan.singer"
        _, first = planned(box, path, messages)
        path.unlink()
        config = settings_file(
            box, tmp_path, **{**MIXED, "rejects_dir": str(tmp_path), "write": "nothing", "plan_file": str(path)}
        )
        with subprocess.Popen([COMMAND, "--config", str(config)], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            assert run.stdin is not None
            text = lines(messages)
            for start in range(0, len(text), 700):
                run.stdin.write(text[start : start + 700])
                run.stdin.flush()
                time.sleep(0.02)
            run.stdin.close()
            assert run.wait(60) == 0
        assert without_time(path.read_bytes()) == without_time(first)


def test_carrying_out_does_exactly_what_a_run_does(tmp_path: Path) -> None:
    with tenant() as box, tenant() as other, logged():
        _, plan = planned(box, tmp_path / "plan.singer", mixed(box))
        finished = applied(box, plan)
        assert finished.error is None
        assert Counter(receipt["outcome"] for receipt in finished.receipts) == {
            "created": 6,
            "updated": 3,
            "deleted": 1,
        }
        run(other, mixed(other), **MIXED, write="changes")
        assert comparable(box) == comparable(other)
        box.forget_calls()
        again = applied(box, plan)
        assert again.error is None
        assert not writes(box)
        assert {receipt["outcome"] for receipt in again.receipts} <= {"unchanged", "skipped"}
        assert comparable(box) == comparable(other)


def test_a_plan_is_carried_out_with_write_all(tmp_path: Path) -> None:
    with tenant() as box, logged(), closing(Api(box).session):
        _, plan = planned(box, tmp_path / "plan.singer", mixed(box))
        company = box.rows("companies")[0]
        Api(box).put(f"companies/{company['_id']}", {"name": "of a person"})
        finished = applied(box, plan, write="all")
        assert finished.error is None
        outcomes = Counter(receipt["outcome"] for receipt in finished.receipts)
        assert outcomes == {"created": 6, "updated": 2, "deleted": 1, "drifted": 1}
        assert box.rows("companies")[0]["name"] == "of a person"
        box.forget_calls()
        applied(box, plan, write="all")
        assert not writes(box)


def test_the_plan_of_a_plan_is_the_same_plan(tmp_path: Path) -> None:
    with tenant() as box, logged():
        _, plan = planned(box, tmp_path / "plan.singer", mixed(box))
        finished, second = planned(box, tmp_path / "second.singer", plan)
        assert finished.error is None
        assert not writes(box)
        assert actions(second) == actions(plan)
        assert [row["record"] for row in rows_in(second)] == [row["record"] for row in rows_in(plan)]
        assert applied(box, second).error is None
        box.forget_calls()
        applied(box, plan)
        assert not writes(box)


def _without_line(plan: bytes, number: int) -> bytes:
    found = plan.splitlines(keepends=True)
    return b"".join(found[:number] + found[number + 1 :])


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "one byte": lambda plan: plan.replace(b"changed ", b"chanced ", 1),
    "a count in the header": lambda plan: plan.replace(b'"to create":2', b'"to create":3', 1),
    "no last line": lambda plan: _without_line(plan, -1 % len(plan.splitlines())),
    "no middle line": lambda plan: _without_line(plan, 5),
    "cut": lambda plan: plan[:-5],
    "twice": lambda plan: plan + plan,
    "no header": lambda plan: _without_line(plan, 1),
    "no schema of the header": lambda plan: _without_line(plan, 0),
    "no schema and no header": lambda plan: _without_line(_without_line(plan, 0), 0),
    "after other lines": lambda plan: lines(stream("companies", [{"external_id": "z", "name": "z"}])) + plan,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("write", ["changes", "all"])
def test_a_plan_that_is_not_whole_is_refused(damage: str, write: str, tmp_path: Path) -> None:
    with tenant() as box, logged():
        _, plan = planned(box, tmp_path / "plan.singer", mixed(box))
        edited = DAMAGE[damage](plan)
        assert edited != plan
        finished = applied(box, edited, write=write)
        assert isinstance(finished.error, InputError | SettingsError)
        # Lines before a plan are ordinary input.
        assert {receipt["key_value"] for receipt in finished.receipts} <= {"z"}
        assert all(row["name"].startswith("z") or "chan" not in row["name"] for row in box.rows("companies"))
        assert len(box.rows("companies")) == 8 + len(finished.receipts)
        assert len(writes(box)) == len(finished.receipts)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, bytes]]:
    path = tmp_path_factory.mktemp("plan") / "plan.singer"
    with tenant() as box, logged():
        _, plan = planned(box, path, mixed(box))
        yield box, plan


@settings(max_examples=40)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.sampled_from(b'a0 "{,\n'))
def test_no_byte_of_a_plan_can_be_edited(made: tuple[Sandbox, bytes], place: float, byte: int) -> None:
    """After its header."""
    box, plan = made
    begin = sum(map(len, plan.splitlines(keepends=True)[:2]))
    at = begin + int(place * (len(plan) - begin))
    edited = plan[:at] + bytes([byte]) + plan[at + 1 :]
    if edited == plan:
        return
    box.forget_calls()
    finished = applied(box, edited)
    assert isinstance(finished.error, InputError)
    assert not box.calls


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"nulls": "clear"}, "nulls"),
        ({"hard_delete": False}, "hard_delete"),
        ({"load_method": "update"}, "load_method"),
        ({"streams": {"companies": {"nulls": "clear"}}}, "streams"),
        ({"stream_maps": {"companies": {"name": "name.upper()"}}}, "stream_maps"),
        ({"unknown_columns": "leave_out"}, "unknown_columns"),
        ({"custom_field_definitions": False}, "custom_field_definitions"),
        ({"api_token": "another-token-1234"}, "another tenant or with another token"),
    ],
)
def test_a_plan_of_other_settings_is_refused(made: tuple[Sandbox, bytes], more: dict[str, Any], named: str) -> None:
    box, plan = made
    box.forget_calls()
    finished = applied(box, plan, **more)
    assert isinstance(finished.error, SettingsError)
    assert named in str(finished.error)
    assert not box.calls


def test_a_plan_of_another_tenant_is_refused(made: tuple[Sandbox, bytes]) -> None:
    _, plan = made
    with tenant() as other:
        finished = applied(other, plan)
        assert isinstance(finished.error, SettingsError)
        assert "another tenant" in str(finished.error)
        assert not other.calls


@pytest.mark.parametrize(
    "more", [{"batch_size_rows": 2}, {"max_rejects": 5}, {"checkpoint_seconds": 5}, {"receipts_values": True}]
)
def test_other_settings_may_differ(more: dict[str, Any], tmp_path: Path) -> None:
    with tenant() as box, logged():
        _, plan = planned(box, tmp_path / "plan.singer", mixed(box))
        finished = applied(box, plan, **more)
        assert finished.error is None
        assert Counter(receipt["outcome"] for receipt in finished.receipts) == {
            "created": 6,
            "updated": 3,
            "deleted": 1,
        }


def test_an_old_plan_is_refused(tmp_path: Path) -> None:
    with tenant() as box, logged():
        _, plan = planned(box, tmp_path / "plan.singer", mixed(box))
        box.forget_calls()
        time.sleep(2.1)
        finished = applied(box, plan, plan_max_age=1)
        assert isinstance(finished.error, SettingsError)
        assert "plan_max_age" in str(finished.error)
        assert not box.calls
        assert applied(box, plan, plan_max_age=60).error is None


def test_the_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "plan.singer"
    path.write_text("an earlier plan")
    with tenant() as box, logged():
        with patch("target_planhat.plan.plan_file.os.fsync", side_effect=OSError(28, "No space left on device")):
            finished, content = planned(box, path, mixed(box))
        assert isinstance(finished.error, OutputError)
        assert content == b"an earlier plan"
        broken = lines(mixed(box)) + b"{no json\n"
        finished, content = planned(box, path, broken)
        assert isinstance(finished.error, InputError)
        assert content == b"an earlier plan"
        assert [one.name for one in tmp_path.iterdir()] == ["plan.singer"]
        assert not writes(box)


def command(box: Sandbox, folder: Path, given: bytes, **more: Any) -> int:
    config = settings_file(box, folder, **{"write": "changes", **more})
    done = subprocess.run([COMMAND, "--config", str(config)], input=given, capture_output=True, check=False)
    return done.returncode


def test_exit_codes(tmp_path: Path) -> None:
    with tenant() as box, closing(Api(box).session):
        row = box.rows("companies")[0]
        changed = lines(stream("companies", [{"_id": row["_id"], "name": "changed"}]))
        equal = lines(stream("companies", [{"_id": row["_id"], "name": row["name"]}]))
        plan = {"write": "nothing", "plan_file": str(tmp_path / "plan.singer")}
        assert command(box, tmp_path, changed, **plan) == 0
        assert command(box, tmp_path, equal, **plan, change_exit_codes=True) == 0
        assert command(box, tmp_path, changed, **plan, change_exit_codes=True) == 8
        Api(box).put(f"companies/{row['_id']}", {"name": "of a person"})
        given = (tmp_path / "plan.singer").read_bytes()
        assert command(box, tmp_path, given) == 0
        assert command(box, tmp_path, given, change_exit_codes=True) == 9
        assert box.rows("companies")[0]["name"] == "of a person"
        Api(box).put(f"companies/{row['_id']}", {"name": row["name"]})
        assert command(box, tmp_path, given, change_exit_codes=True) == 0
        assert box.rows("companies")[0]["name"] == "changed"


def test_drifted_rows_are_neither_overwritten_nor_lost(tmp_path: Path) -> None:
    with tenant() as box, logged(), closing(Api(box).session):
        api = Api(box)
        _, plan = planned(box, tmp_path / "plan.singer", mixed(box))
        first, second = box.rows("companies")[:2]
        deleted = next(row["record"]["_id"] for row in rows_in(plan) if row["planhat_plan"]["action"] == "delete")
        assert api.put(f"companies/{first['_id']}", {"name": "of a person"}).status_code == 200
        assert api.call("DELETE", f"companies/{second['_id']}").status_code == 200
        assert api.put(f"endusers/{deleted}", {"position": "of a person"}).status_code == 200
        assert api.post("companies", {"name": "of a person", "externalId": "new-1"}).status_code in {200, 201}
        finished = applied(box, plan)
        assert finished.error is None
        found = {receipt["key_value"]: receipt["outcome"] for receipt in finished.receipts}
        drifted = {key for key, outcome in found.items() if outcome == "drifted"}
        assert {first["_id"], second["_id"], deleted, "new-1"} >= drifted
        assert {first["_id"], second["_id"], "new-1"} <= drifted
        assert finished.summary["companies"]["drifted"] == 3
        assert all(receipt["reason"] for receipt in finished.receipts if receipt["outcome"] == "drifted")
        assert box.rows("companies")[0]["name"] == "of a person"
        assert [row["name"] for row in with_key(box, "companies", "new-1")] == ["of a person"]
        assert second["_id"] not in {row["_id"] for row in box.rows("companies")}
        assert len(finished.receipts) == len(rows_in(plan))
        assert found["new-0"] == "created"


def test_a_record_to_delete_that_somebody_edited_stays(tmp_path: Path) -> None:
    with tenant() as box, logged(), closing(Api(box).session):
        row = box.rows("companies")[0]
        columns = ["_id", "name", "_sdc_deleted_at"]
        gone = {"_id": row["_id"], "name": row["name"], "_sdc_deleted_at": "2026-01-01T00:00:00Z"}
        _, plan = planned(box, tmp_path / "plan.singer", [schema("companies", columns), *records("companies", [gone])])
        Api(box).put(f"companies/{row['_id']}", {"name": "of a person"})
        finished = applied(box, plan)
        assert finished.verdicts() == {row["_id"]: "drifted"}
        assert box.rows("companies")[0]["name"] == "of a person"


def test_a_ticket_to_delete_is_found_as_planned(tmp_path: Path) -> None:
    """Tickets are shown under other names than they are written with."""
    with tenant() as box, logged():
        ticket = box.rows("tickets")[0]
        columns = ["_id", "source_id", "title", "_sdc_deleted_at"]
        gone = {"_id": ticket["_id"], "source_id": ticket["externalId"], "title": ticket["subject"]}
        gone = {**gone, "_sdc_deleted_at": "2026-01-01T00:00:00Z"}
        _, plan = planned(box, tmp_path / "plan.singer", [schema("tickets", columns), *records("tickets", [gone])])
        assert actions(plan) == {"tickets": Counter(delete=1)}
        finished = applied(box, plan)
        assert finished.verdicts() == {ticket["_id"]: "deleted"}


def test_keys_that_go_along_are_not_overwritten(tmp_path: Path) -> None:
    """A person gives a company another externalId, and moves a custom value, which the plan would send as they were."""
    with tenant() as box, logged(), closing(Api(box).session):
        row = next(row for row in box.rows("companies") if row.get("externalId") and row.get("custom"))
        given = {"_id": row["_id"], "external_id": row["externalId"], "name": "changed"}
        _, plan = planned(box, tmp_path / "plan.singer", stream("companies", [given]))
        Api(box).put(f"companies/{row['_id']}", {"externalId": "of a person"})
        assert applied(box, plan).verdicts() == {row["_id"]: "drifted"}
        (found,) = [one for one in box.rows("companies") if one["_id"] == row["_id"]]
        assert (found["externalId"], found["name"]) == ("of a person", row["name"])


def test_points_and_activities_are_counted_and_left_out(tmp_path: Path) -> None:
    with tenant() as box, logged() as log:
        companies = {row["_id"]: row.get("externalId") for row in box.rows("companies")}
        held = next(
            row for row in box.rows("dimensiondata") if row["model"] == "Company" and companies.get(row["parentId"])
        )
        key = companies[held["parentId"]]
        metric = {"dimension_id": held["dimensionId"], "value": 1, "model": "Company"}
        points = [
            {**metric, "value": held["value"], "external_id": key, "date": held["time"][:10]},
            {**metric, "value": held["value"] + 1, "external_id": key, "date": held["time"][:10]},
            {**metric, "external_id": key, "date": "2020-01-01"},
            {**metric, "external_id": key, "date": "2020-01-02"},
            {**metric, "external_id": "nobody", "date": held["time"][:10]},
        ]
        activities = [{"email": "a@x.example", "action": "click", "external_id": f"a{n}"} for n in range(3)]
        finished, plan = planned(
            box,
            tmp_path / "plan.singer",
            [*stream("metrics", points), *stream("user_activities", activities)],
            check_metric_targets="auto",
        )
        assert finished.error is None
        assert not writes(box)
        assert not box.metrics
        assert not box.activities
        assert rows_in(plan) == []
        text = log.getvalue()
        assert "PLAN metrics: 2 to create" in text
        assert "1 would be rejected" in text
        assert finished.summary["metrics"] == {"held back": 2, "planned": 2, "rejected": 1}
        assert "PLAN metrics: 2 rows are left out of the file" in text
        assert "PLAN user_activities: 3 to create" in text
        applied(box, plan)
        assert not writes(box)


def test_custom_fields_that_a_plan_creates_are_known_to_it(tmp_path: Path) -> None:
    with tenant() as box, logged():
        row = box.rows("companies")[0]
        fields = [{"parent": "company", "name": "Brand New", "type": "text"}]
        block = {"companies": {"columns": {"brand_new": "custom.Brand New"}}}
        messages = [
            *stream("custom_fields", fields),
            *stream("companies", [{"_id": row["_id"], "brand_new": "value"}]),
        ]
        finished, plan = planned(box, tmp_path / "plan.singer", messages, streams=block)
        assert finished.error is None
        assert not writes(box)
        assert actions(plan) == {"custom_fields": Counter(create=1), "companies": Counter(update=1)}
        finished = applied(box, plan, streams=block)
        assert finished.error is None
        assert box.rows("companies")[0]["custom"]["Brand New"] == "value"
        assert "Brand New" in {one["name"] for one in box.rows("customfields")}
        box.forget_calls()
        applied(box, plan, streams=block)
        assert not writes(box)


def test_a_custom_field_that_somebody_edited_is_not_overwritten(tmp_path: Path) -> None:
    """The plan renames nothing else, and sends what was equal when it was made."""
    with tenant() as box, logged(), closing(Api(box).session):
        field = next(one for one in box.rows("customfields") if one["parent"] == "company")
        given = {"_id": field["_id"], "type": field["type"], "parent": field["parent"], "name": field["name"]}
        given |= {"isHidden": not field.get("isHidden"), "isLocked": bool(field.get("isLocked"))}
        _, plan = planned(box, tmp_path / "plan.singer", stream("custom_fields", [given]))
        assert actions(plan) == {"custom_fields": Counter(update=1)}
        answer = Api(box).put(f"customfields/{field['_id']}", {"isLocked": not field.get("isLocked")})
        assert answer.status_code == 200
        finished = applied(box, plan)
        assert [receipt["outcome"] for receipt in finished.receipts] == ["drifted"]
        (found,) = [one for one in box.rows("customfields") if one["_id"] == field["_id"]]
        assert found["isLocked"] is not bool(field.get("isLocked"))


def test_stream_maps_are_not_applied_twice(tmp_path: Path) -> None:
    with tenant() as box, logged():
        maps = {"companies": {"name": "'mapped ' + name"}}
        rows = [{"external_id": "one", "name": "one"}, {"external_id": "two", "name": "two"}]
        _, plan = planned(box, tmp_path / "plan.singer", stream("companies", rows), stream_maps=maps)
        finished = applied(box, plan, stream_maps=maps)
        assert finished.error is None
        assert [row["name"] for row in box.rows("companies")[-2:]] == ["mapped one", "mapped two"]


def test_a_guard_is_told_by_a_plan(tmp_path: Path) -> None:
    with tenant() as box, logged() as log:
        finished, plan = planned(box, tmp_path / "plan.singer", mixed(box), max_updates=1)
        assert finished.error is None
        assert "The run would end before it writes all of this: max_updates is 1" in log.getvalue()
        assert actions(plan)["companies"] == Counter(create=2, update=2)
