"""How many calls a run of the target makes, and that none of them could be spared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import requests

from planhat_api import PlanhatClient
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


@pytest.mark.parametrize("write", ["changes", "nothing"])
def test_custom_fields_of_a_stream_that_changes_none_are_not_read_again(box: Sandbox, write: str) -> None:
    field = next(one for one in box.rows("customfields") if one["parent"] == "company" and not one.get("isFormula"))
    definition = {"parent": "company", "name": field["name"], "type": field["type"]}
    known = [{"_id": row["_id"], f"custom.{field['name']}": None} for row in box.rows("companies")]
    finished = run(box, [*stream("custom_fields", [definition]), *stream("companies", known)], write=write)
    assert finished.error is None
    assert finished.summary["custom_fields"] == {"unchanged": 1}
    assert made(box)["GET customfields"] == 2


def test_custom_fields_that_the_run_makes_are_read_again(box: Sandbox) -> None:
    definition = {"parent": "company", "name": "Made now", "type": "text"}
    known = [{"_id": row["_id"], "custom.made_now": "x"} for row in box.rows("companies")]
    finished = run(box, [*stream("custom_fields", [definition]), *stream("companies", known)], write="changes")
    assert finished.error is None
    assert {row["custom"].get("Made now") for row in box.rows("companies")} == {"x"}


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


# References to companies


def keyed_companies(box: Sandbox, *more: dict[str, Any]) -> list[dict[str, Any]]:
    named = [{"external_id": row["externalId"], "name": row["name"]} for row in box.rows("companies") if key_of(row)]
    return [*named, *more]


def key_of(row: dict[str, Any]) -> Any:
    return row.get("externalId")


def people_of(box: Sandbox, *more: dict[str, Any]) -> list[dict[str, Any]]:
    """Endusers that name their company by its external id."""
    keys = {row["_id"]: key_of(row) for row in box.rows("companies")}
    return [
        *(
            {"external_id": key_of(row), "company_id": f"extid-{keys[row['companyId']]}"}
            for row in box.rows("endusers")
            if key_of(row) and keys.get(row.get("companyId"))
        ),
        *more,
    ]


def points_of(box: Sandbox, *more: str) -> list[dict[str, Any]]:
    keys = [*filter(None, map(key_of, box.rows("companies"))), *more]
    return [{"dimension_id": "seats", "value": 1, "external_id": key, "date": "2026-05-01"} for key in keys]


NEW = {"external_id": "new", "name": "New"}


@pytest.mark.parametrize("new", [(), (NEW,)], ids=["", "new"])
def test_companies_of_a_look_are_not_read_again_for_the_rows_that_name_them(
    box: Sandbox, new: tuple[dict[str, Any], ...]
) -> None:
    people = people_of(box, *({"external_id": "newer", "company_id": f"extid-{one['external_id']}"} for one in new))
    given = [*stream("companies", keyed_companies(box, *new)), *stream("endusers", people)]
    finished = run(box, given, write="changes")
    assert finished.error is None
    assert finished.summary["endusers"] == {"unchanged": len(people) - len(new), **({"created": 1} if new else {})}
    assert "GET leancompanies" not in made(box)
    kim = [row for row in box.rows("endusers") if key_of(row) == "newer"]
    assert [key_of(row) for row in box.rows("companies") if row["_id"] in {one["companyId"] for one in kim}] == [
        one["external_id"] for one in new
    ]


def test_a_company_that_a_look_does_not_show_is_looked_for(box: Sandbox) -> None:
    """The look reads only the pages that it needs."""
    (first, *_), (person, *_) = keyed_companies(box), people_of(box)
    other = next(one for one in people_of(box) if one["company_id"] != person["company_id"])
    finished = run(box, [*stream("companies", [first]), *stream("endusers", [person, other])], write="changes")
    assert finished.summary["endusers"] == {"unchanged": 2}
    assert made(box)["GET leancompanies"] == 1


def test_metric_targets_and_references_need_one_list_of_companies(box: Sandbox) -> None:
    given = [*stream("endusers", people_of(box)), *stream("metrics", points_of(box))]
    finished = run(box, given, write="changes", check_metric_targets="auto")
    assert finished.error is None
    assert made(box)["GET leancompanies"] == 1


def test_metric_targets_are_checked_with_the_companies_of_a_look(box: Sandbox) -> None:
    points = points_of(box, "new")
    given = [*stream("companies", keyed_companies(box, NEW)), *stream("metrics", points)]
    finished = run(box, given, write="changes", check_metric_targets="auto")
    assert finished.error is None
    assert "GET leancompanies" not in made(box)
    assert len(box.landed_metrics) == len(points)


def test_a_point_is_not_rejected_because_a_look_did_not_show_its_company(box: Sandbox) -> None:
    """The company comes between the look and the points."""
    send = PlanhatClient.bulk_upsert

    def with_a_person(client: PlanhatClient, *args: Any, **more: Any) -> Any:
        box_rows = send(client, *args, **more)
        requests.post(
            f"{box.url}/companies",
            json={"name": "Late", "externalId": "late"},
            headers={"Authorization": f"Bearer {box.api_token}"},
            timeout=9,
        )
        return box_rows

    given = [*stream("companies", keyed_companies(box, NEW)), *stream("metrics", points_of(box, "late"))]
    with patch.object(PlanhatClient, "bulk_upsert", with_a_person):
        finished = run(box, given, write="changes", check_metric_targets="auto")
    assert finished.error is None
    assert made(box)["GET leancompanies"] == 1
    assert {one["externalId"] for one in box.landed_metrics} >= {"late"}


def test_a_point_without_a_company_is_rejected_after_one_list(box: Sandbox) -> None:
    given = [*stream("companies", keyed_companies(box, NEW)), *stream("metrics", points_of(box, "nowhere"))]
    finished = run(box, given, write="changes", check_metric_targets="auto", max_rejects=1)
    assert finished.summary["metrics"]["rejected"] == 1
    assert made(box)["GET leancompanies"] == 1


@pytest.mark.parametrize("write", ["changes", "all"])
@pytest.mark.parametrize("path", ["endusers", "assets"])
def test_companies_are_not_listed_for_each_batch_with_a_missing_one(path: str, write: str) -> None:
    """Planhat tells only how many rows it refused. Which companies there are tells which rows these are."""
    switches = {**NO_QUOTA, "error_items": "text", "answer_keys": "id_only"}
    with Sandbox(companies=20, endusers=1, switches=switches) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = [
            {"external_id": f"e{n}", "name": "n", "company_id": ids[n % 20] if n % 10 else f"extid-nowhere{n}"}
            for n in range(500)
        ]
        finished = run(box, stream(path, rows), write=write, max_rejects="100%", batch_size_rows=100)
        assert finished.summary == {path: {"created": 450, "rejected": 50}}
        assert made(box)["GET leancompanies"] == 1
        assert made(box)[f"PUT {path}"] == 2 * 5
