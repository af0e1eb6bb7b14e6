"""How many calls a run of the target makes, and that none of them could be spared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import run, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_QUOTA = {"calls_per_minute": 0, "calls_per_second": 0}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=20, endusers=40, days=2, switches=NO_QUOTA) as box:
        yield box


def made(box: Sandbox) -> dict[str, int]:
    """Number of calls by method and first part of the path."""
    return dict(Counter(f"{call.method} {call.path.partition('/')[0]}" for call in box.calls))


# The custom fields of the tenant


@pytest.mark.parametrize("write", ["changes", "all", "nothing"])
def test_custom_fields_are_not_read_without_a_column_for_one(box: Sandbox, write: str) -> None:
    known = [{"_id": row["_id"], "name": row["name"]} for row in box.rows("companies")]
    assert run(box, stream("companies", known), write=write).error is None
    assert "GET customfields" not in made(box)


@pytest.mark.parametrize("column", ["custom", "custom.Tier", "no_such_field"])
def test_custom_fields_are_read_once_for_all_streams_with_a_column_that_may_be_one(box: Sandbox, column: str) -> None:
    known = [{"_id": row["_id"], column: None} for row in box.rows("companies")]
    people = [{"_id": row["_id"], column: None} for row in box.rows("endusers")]
    run(box, [*stream("companies", known), *stream("endusers", people)], write="changes")
    # One page, and the proof that it is the last one.
    assert made(box)["GET customfields"] == 2
