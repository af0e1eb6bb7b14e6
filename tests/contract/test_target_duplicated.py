"""Endusers with equal keys in different companies (B90): each lands, however Planhat treats them in one request."""

from __future__ import annotations

import time
from itertools import product
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api.bulk.call_groups import MOST_GROUPS
from planhat_sandbox import Sandbox
from tests.contract.sandbox_calls import Api
from tests.target_support import run, state, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSALS = ("stored", "later_refused", "all_refused")
KEYS = ("both", "any")
NO_QUOTA = {"calls_per_minute": 0, "calls_per_second": 0}


def people_of_several_companies(box: Sandbox, people: int, companies: int) -> list[dict[str, Any]]:
    """Everybody belongs to each of some companies, with one address and one external id."""
    ids = [row["_id"] for row in box.rows("companies")][:companies]
    return [
        {"external_id": f"u{person}", "email": f"u{person}@mail.example", "company_id": company, "name": "U"}
        for company in ids
        for person in range(people)
    ]


def stored(box: Sandbox) -> set[tuple[str, str, str]]:
    mine = [row for row in box.rows("endusers") if str(row.get("externalId")).startswith("u")]
    return {(row["externalId"], row["email"], row["companyId"]) for row in mine}


def wanted(rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(row["external_id"], row["email"], row["company_id"]) for row in rows}


def writes(box: Sandbox) -> list[int]:
    return [call.rows for call in box.calls if call.method == "PUT"]


@pytest.mark.parametrize(("refusal", "keys"), list(product(REFUSALS, KEYS)))
def test_people_of_several_companies_all_land(refusal: str, keys: str) -> None:
    switches = {"duplicated_endusers": refusal, "duplicated_keys": keys, "error_items": "text"}
    with Sandbox(companies=6, endusers=1, switches=switches) as box:
        rows = people_of_several_companies(box, people=5, companies=4)
        for verdict in ("created", "unchanged"):
            box.forget_calls()
            finished = run(box, [*stream("endusers", rows), state(1)])
            assert finished.error is None
            assert finished.summary["endusers"] == {verdict: 20}
            assert finished.states == [1]
            assert stored(box) == wanted(rows)
            # As many calls as one person has companies, and no more.
            assert writes(box) == [5] * 4


@pytest.mark.parametrize("refusal", REFUSALS)
def test_rows_that_share_a_key_cost_a_call_at_the_end_and_not_one_for_each_batch(refusal: str) -> None:
    with Sandbox(companies=20, endusers=1, switches={"duplicated_endusers": refusal}) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows: list[dict[str, Any]] = []
        for batch in range(10):
            rows += [
                {"external_id": f"u{batch}-{number}", "email": f"u{batch}-{number}@x.example", "company_id": ids[0]}
                for number in range(99)
            ]
            rows.append({**rows[-1], "company_id": ids[1]})
        finished = run(box, stream("endusers", rows), batch_size_rows=100)
        assert finished.summary["endusers"] == {"created": 1000}
        assert stored(box) == wanted(rows)
        assert len(writes(box)) == 11


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_person_of_very_many_companies_does_not_cost_a_call_for_each(refusal: str) -> None:
    with Sandbox(companies=60, endusers=1, switches={"duplicated_endusers": refusal}) as box:
        rows = people_of_several_companies(box, people=1, companies=60)
        finished = run(box, stream("endusers", rows))
        assert finished.summary["endusers"] == {"created": 60}
        assert stored(box) == wanted(rows)
        assert len(writes(box)) <= (MOST_GROUPS if refusal == "stored" else 60 + 1)


def _neighbours() -> Iterator[tuple[str, dict[str, Any]]]:
    for items in ("object", "object_bare", "text", "text_with_key"):
        for failure in ("206", "400_partial", "400_nothing"):
            yield items, {"error_items": items, "bulk_failure": failure}


@pytest.mark.parametrize(("_items", "switches"), list(_neighbours()))
def test_rows_refused_because_of_another_call_are_tried_once_more(_items: str, switches: dict[str, Any]) -> None:
    """Somebody else writes some of the people into another company at the same time."""
    with Sandbox(companies=3, endusers=1, switches={**switches, "duplicated_endusers": "all_refused"}) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = [{"external_id": f"u{n}", "email": f"u{n}@x.example", "company_id": ids[0]} for n in range(40)]
        others = [{"externalId": f"u{n}", "email": f"u{n}@x.example", "companyId": ids[1]} for n in range(0, 40, 7)]
        # The other call begins first and ends while that of the target is still under way.
        slow = {"kind": "latency", "path": "endusers", "method": "PUT"}
        box.set_faults([{**slow, "nth": 1, "seconds": 0.5}, {**slow, "nth": 2, "seconds": 1}])
        other = Thread(target=Api(box).put, args=("endusers", others))
        other.start()
        time.sleep(0.2)
        finished = run(box, stream("endusers", rows), max_rejects="100%")
        other.join()
        assert finished.summary["endusers"] == {"created": 40}
        assert wanted(rows) <= stored(box)


def test_external_ids_that_are_numbered_within_each_company() -> None:
    with Sandbox(companies=400, endusers=1, switches=NO_QUOTA) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = [{"external_id": str(n), "company_id": company, "name": "n"} for company in ids for n in range(1, 6)]
        finished = run(box, stream("assets", rows), batch_size_rows=1000)
        assert finished.summary == {"assets": {"created": 2000}}
        assert len(writes(box)) <= 4


@pytest.mark.parametrize("share", [0.05, 0.2, 0.9])
def test_a_word_in_place_of_many_addresses(share: float) -> None:
    with Sandbox(companies=100, endusers=1, switches=NO_QUOTA) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = [
            {
                "external_id": f"e{n}",
                "company_id": ids[n % 100],
                "email": "n/a" if n % 100 < 100 * share else f"p{n}@x.example",
            }
            for n in range(2000)
        ]
        finished = run(box, stream("endusers", rows), batch_size_rows=200)
        assert finished.summary == {"endusers": {"created": 2000}}
        assert len(writes(box)) <= 10 + MOST_GROUPS


def test_of_very_many_rows_with_one_address_some_more_land_with_each_run() -> None:
    switches = {**NO_QUOTA, "duplicated_endusers": "all_refused", "duplicated_keys": "any"}
    with Sandbox(companies=100, endusers=1, switches=switches) as box:
        ids = [row["_id"] for row in box.rows("companies")]
        rows = [{"external_id": f"e{n}", "email": "n@a.example", "company_id": ids[n % 100]} for n in range(700)]
        landed = [0]
        for _ in range(2):
            run(box, stream("endusers", rows), max_rejects="100%")
            landed.append(sum(str(row.get("externalId")).startswith("e") for row in box.rows("endusers")))
        assert landed[0] < landed[1] < landed[2]
