"""A plan of rows that undo one another, and of streams with different rules, does what a run of the same rows does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_api.destination.index import DestinationIndex
from planhat_api.errors import TemporaryFileError
from planhat_sandbox import Sandbox
from tests.target_support import run, stream

if TYPE_CHECKING:
    from pathlib import Path

WRITE = {"write": "changes", "hard_delete": True}
GONE = "2024-01-01T00:00:00Z"
OTHER = {"external_id": "other", "name": "Other"}


def names(box: Sandbox) -> dict[str, str]:
    return {str(row.get("externalId")): row["name"] for row in box.rows("companies")}


def rows_of(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return stream("companies", [{"name": None, "_sdc_deleted_at": None, **row} for row in rows])


CASES = {
    "deleted and made again": [
        {"external_id": "C-00001", "_sdc_deleted_at": GONE},
        {"external_id": "C-00001", "name": "B"},
    ],
    "made and deleted": [{"external_id": "new", "name": "A"}, {"external_id": "new", "_sdc_deleted_at": GONE}],
    "made, deleted, made again": [
        {"external_id": "new", "name": "A"},
        {"external_id": "new", "_sdc_deleted_at": GONE},
        {"external_id": "new", "name": "C"},
    ],
    "changed and changed back": [
        {"external_id": "C-00001", "name": "A"},
        OTHER,
        {"external_id": "third", "name": "Third"},
        {"external_id": "C-00001", "name": "A, then B"},
    ],
    "after a look": [
        OTHER,
        {"external_id": "C-00001", "_sdc_deleted_at": GONE},
        {"external_id": "C-00001", "name": "B"},
    ],
}


@pytest.mark.parametrize("size", [1, 5000])
@pytest.mark.parametrize("case", CASES)
def test_a_plan_does_what_a_run_does(case: str, size: int, tmp_path: Path) -> None:
    messages = rows_of(*CASES[case])
    with Sandbox(companies=3) as box:
        assert run(box, messages, batch_size_rows=size, **WRITE).error is None
        wanted = names(box)
    with Sandbox(companies=3) as box:
        path = tmp_path / "plan.singer"
        planned = run(box, messages, batch_size_rows=size, **{**WRITE, "write": "nothing", "plan_file": str(path)})
        assert planned.error is None
        assert run(box, path.read_bytes(), **WRITE).error is None
        assert names(box) == wanted


@pytest.mark.parametrize("owner_first", [True, False])
def test_rows_of_streams_with_different_rules_are_not_merged(*, owner_first: bool) -> None:
    owned = stream("a", [{"external_id": "C-00001", "name": "overwritten", "city": "Lund"}])
    plain = stream("b", [{"external_id": "C-00001", "phase": "Adoption"}])
    blocks = {"a": {"model": "companies", "ownership": {"name": "on_create"}}, "b": {"model": "companies"}}
    with Sandbox(companies=3) as box:
        before = names(box)["C-00001"]
        messages = [*owned, *plain] if owner_first else [*plain, *owned]
        assert run(box, messages, write="changes", streams=blocks).error is None
        (row,) = [row for row in box.rows("companies") if row.get("externalId") == "C-00001"]
        assert (row["name"], row["city"], row["phase"]) == (before, "Lund", "Adoption")


def test_custom_fields_of_people_survive_where_custom_is_replaced() -> None:
    """Q8."""
    with Sandbox(companies=3, switches={"bulk_custom": "replaces"}) as box:
        fields = [{"parent": "company", "type": "text", "name": name} for name in ("Mine", "Theirs")]
        run(box, stream("custom_fields", fields))
        row = {"external_id": "C-00001", "custom__Mine": "1", "custom__Theirs": "by a person"}
        run(box, stream("companies", [row]))
        changed = [{"external_id": "C-00001", "custom__Mine": "2", "custom__Theirs": None}]
        blocks = {"companies": {"ownership": {"custom.Theirs": "on_create"}}}
        assert run(box, stream("companies", changed), write="changes", streams=blocks).error is None
        (found,) = [row for row in box.rows("companies") if row.get("externalId") == "C-00001"]
        assert (found["custom"]["Mine"], found["custom"]["Theirs"]) == ("2", "by a person")


@pytest.mark.parametrize("made_at", ["xx", "2026-01-01T00:00:00", "2999-01-01T00:00:00+00:00"])
def test_a_plan_with_another_time_is_refused(made_at: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.singer"
    with Sandbox(companies=3) as box:
        run(box, rows_of(OTHER), write="nothing", plan_file=str(path))
        text = path.read_text("utf-8")
        old = text.partition('"made_at":"')[2].partition('"')[0] if '"made_at":"' in text else ""
        assert old
        box.forget_calls()
        finished = run(box, text.replace(old, made_at).encode(), write="changes")
        assert "plan is not carried out" in str(finished.error)
        assert not [call for call in box.calls if call.method != "GET"]


def test_a_plan_replaces_only_files(tmp_path: Path) -> None:
    target = tmp_path / "plans" / "real.singer"
    target.parent.mkdir()
    link = tmp_path / "link.singer"
    link.symlink_to(target)
    with Sandbox(companies=3) as box:
        assert run(box, rows_of(OTHER), write="nothing", plan_file=str(link)).error is None
        assert link.is_symlink()
        assert target.read_text("utf-8").startswith("{")
        error = run(box, rows_of(OTHER), write="nothing", plan_file=str(tmp_path)).error
        assert "is not a file" in str(error)


def test_a_mode_that_needs_a_look_ends_where_the_model_may_not_be_read() -> None:
    """Sent whole, a row for no record would create one."""
    fault = {"kind": "status", "method": "GET", "path": "companies", "status": 403}
    with Sandbox(companies=3, faults=[fault]) as box:
        finished = run(box, rows_of(OTHER), write="changes", load_method="update")
        assert "may not read companies" in str(finished.error)
        assert "other" not in names(box)


def test_rows_are_delivered_though_the_index_cannot_take_them_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any, **_options: Any) -> None:
        message = "the disk is full"
        raise TemporaryFileError(message)

    monkeypatch.setattr(DestinationIndex, "note_stored", full)
    with Sandbox(companies=3) as box:
        finished = run(box, rows_of(OTHER), write="changes")
        assert isinstance(finished.error, TemporaryFileError)
        assert finished.verdicts() == {"other": "created"}
        assert "other" in names(box)
