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


# What Planhat holds of the models


@pytest.mark.parametrize(("path", "passes"), [("companies", 1), ("endusers", 1), ("tasks", 2)])
@pytest.mark.parametrize("batch_size_rows", [2, 4, 5000])
def test_a_model_is_read_once_whatever_the_size_of_batches(
    box: Sandbox, path: str, passes: int, batch_size_rows: int
) -> None:
    """A page and the proof of its end for each pass, or the page alone if it has all records."""
    name = "description" if path == "tasks" else "name" if path == "companies" else "position"
    known = [{"_id": row["_id"], name: row.get(name)} for row in box.rows(path)]
    finished = run(box, stream(path, known), write="changes", batch_size_rows=batch_size_rows)
    assert finished.summary == {path: {"unchanged": len(known)}}
    assert box.calls
    assert {call.method for call in box.calls} == {"GET"}
    assert len(box.calls) <= 2 * passes


def test_a_page_answers_for_all_rows_of_a_short_stream(box: Sandbox) -> None:
    known = [{"_id": row["_id"], "name": f"changed {row['name']}"} for row in box.rows("companies")]
    assert run(box, stream("companies", known), write="changes").summary == {"companies": {"updated": 20}}
    assert made(box) == {"GET companies": 1, "PUT companies": 1}


@pytest.mark.parametrize("load_method", ["update", "insert", "upsert"])
def test_the_end_of_the_list_is_proved_before_an_absence_counts(box: Sandbox, load_method: str) -> None:
    keyed = [row for row in box.rows("companies") if row.get("externalId")][:5]
    known = [{"external_id": row["externalId"], "name": row["name"]} for row in keyed]
    finished = run(
        box,
        stream("companies", [*known, {"external_id": "new", "name": "New"}]),
        write="changes",
        load_method=load_method,
    )
    assert finished.error is None
    assert finished.verdicts()["new"] == {"update": "skipped"}.get(load_method, "created")
    assert made(box)["GET companies"] == 2
