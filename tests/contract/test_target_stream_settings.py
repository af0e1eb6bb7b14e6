"""Settings of a stream that can have no effect: the run ends before the first call and names what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import EXIT_SETTINGS, exit_code
from tests.target_support import run, stream

COMPANY = {"external_id": "c-1", "name": "One"}


def refused(box: Sandbox, name: str, row: dict[str, Any], block: dict[str, Any], **settings: Any) -> str:
    """Why a run with this block for one stream ends; it must end as for wrong settings, and nothing may be written."""
    finished = run(box, stream(name, [row]), streams={name: block}, **settings)
    assert finished.error is not None
    assert exit_code(finished.error) == EXIT_SETTINGS
    assert not [call for call in box.calls if call.method != "GET"]
    return str(finished.error)


@pytest.mark.parametrize(
    ("name", "row", "mode", "right"),
    [
        ("companies", COMPANY, "duplicate", "only time entries can be copied. It takes upsert, update, insert"),
        ("companies", {"_id": "0" * 24, "name": "One"}, "duplicate", "only time entries can be copied"),
        ("custom_fields", {"name": "N", "parent": "company"}, "duplicate", "only time entries can be copied"),
        ("custom_fields", {"name": "N", "parent": "company"}, "update", "Leave it out"),
        ("metrics", {"dimension_id": "d", "value": 1, "external_id": "c"}, "update", "only ever adds such rows"),
        ("user_activities", {"email": "a@c.example", "action": "x"}, "insert", "only ever adds such rows"),
    ],
)
def test_a_mode_that_the_model_does_not_have(name: str, row: dict[str, Any], mode: str, right: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        told = refused(box, name, row, {"mode": mode})
        assert f"streams.{name}.mode: {mode!r}" in told
        assert right in told
        assert not box.calls


def test_entries_without_a_column_for_their_id_cannot_be_copied() -> None:
    with Sandbox(companies=2, seed=1) as box:
        told = refused(box, "time_entries", {"hours": 1, "date": "2024-05-14"}, {"mode": "duplicate"})
        assert "streams.time_entries.mode: 'duplicate' copies entries by _id, and no column leads to it" in told


def test_an_entry_without_id_is_rejected_and_the_others_are_copied() -> None:
    with Sandbox(companies=5, seed=1) as box:
        before = box.rows("timeentries")
        rows = [{"_id": None}, {"_id": before[0]["_id"]}]
        block = {"time_entries": {"mode": "duplicate"}}
        finished = run(box, stream("time_entries", rows), streams=block, on_reject="continue")
        assert finished.error is None
        assert finished.summary == {"time_entries": {"created": 1, "rejected": 1}}
        assert len(box.rows("timeentries")) == len(before) + 1
