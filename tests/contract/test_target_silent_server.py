"""Endusers that Planhat ignores without a word (B89) are found in a few calls, in the first run and in later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import run, stream

if TYPE_CHECKING:
    from tests.target_support import Finished

KEYED = {"streams": {"endusers": {"key": "externalId"}}}


def people(number: int, unknown: int, companies: int) -> list[dict[str, Any]]:
    """Endusers by externalId without a company; of some, nobody knows the domain."""
    return [
        {
            "external_id": f"e{n}",
            "email": f"p{n}@nowhere{n}.example" if n < unknown else f"p{n}@company{1 + n % companies}.example",
        }
        for n in range(number)
    ]


def right(box: Sandbox, finished: Finished, unknown: int, delivered: str) -> None:
    """Every row has the verdict that what is stored proves."""
    stored = {row["externalId"] for row in box.rows("endusers") if str(row.get("externalId")).startswith("e")}
    verdicts = finished.verdicts("endusers")
    assert {key for key, verdict in verdicts.items() if verdict == delivered} == stored
    assert {key for key, verdict in verdicts.items() if verdict == "rejected"} == {f"e{n}" for n in range(unknown)}
    assert set(verdicts.values()) <= {delivered, "rejected"}


def calls(box: Sandbox) -> int:
    return sum(not call.path.startswith("analytics") for call in box.calls)


@pytest.mark.parametrize("answer_keys", ["all", "id_only"])
@pytest.mark.parametrize("without_company", ["ignored", "refused"])
@pytest.mark.parametrize("items", ["object", "text"])
def test_a_silent_server_costs_a_few_calls_and_every_row_is_right(
    answer_keys: str, without_company: str, items: str
) -> None:
    switches = {
        "answer_keys": answer_keys,
        "enduser_without_company": without_company,
        "error_items": items,
        "updated_at_on_equal": "kept",
    }
    rows = people(5000, 300, companies=500)
    with Sandbox(companies=500, endusers=1, switches=switches) as box:
        for delivered in ("created", "unchanged"):
            box.forget_calls()
            finished = run(box, stream("endusers", rows), max_rejects="100%", **KEYED)
            told = "accepted" if delivered == "created" and answer_keys == "id_only" else delivered
            right(box, finished, 300, told if told in finished.verdicts().values() else delivered)
            assert calls(box) <= 8


def test_without_silent_rows_nothing_is_looked_up() -> None:
    with Sandbox(companies=500, endusers=1) as box:
        for delivered in ("created", "unchanged"):
            box.forget_calls()
            finished = run(box, stream("endusers", people(5000, 0, companies=500)), max_rejects="100%", **KEYED)
            assert finished.summary["endusers"] == {delivered: 5000}
            assert calls(box) == 1


@pytest.mark.parametrize("unknown", [0, 300])
def test_rows_that_an_answer_claims_cost_two_reads_of_the_list_at_most(unknown: int) -> None:
    """5,000 endusers are 3 pages, and one more call proves that there is no further page."""
    with Sandbox(companies=500, endusers=1, switches={"endusers_skipped": "counted_as_created"}) as box:
        box.forget_calls()
        rows = people(5000, unknown, companies=500)
        finished = run(
            box, stream("endusers", rows), max_rejects="100%", verify_landing="all", landing_seconds=0, **KEYED
        )
        right(box, finished, unknown, "created")
        assert calls(box) == 1 + (2 if unknown else 1) * 4


def test_the_reason_names_company_and_domain() -> None:
    with Sandbox(companies=20) as box:
        rows: list[dict[str, Any]] = [
            {"external_id": "a", "email": "kim@unknown.example"},
            {"external_id": "b", "email": "no address"},
            {"external_id": "c", "email": None},
        ]
        reasons = run(box, stream("endusers", rows), max_rejects="100%", **KEYED).reasons()
        assert "names no company (companyId)" in reasons["a"]
        assert "no company has unknown.example among its domains" in reasons["a"]
        assert "no address in email whose domain could identify the company" in reasons["b"]
        assert "no address in email" in reasons["c"]
        assert "ticket" not in str(reasons)


def test_endusers_that_exist_without_a_known_domain_are_told_from_those_that_do_not() -> None:
    """No domain tells those apart; a look at the keys that Planhat holds does."""
    with Sandbox(companies=50, endusers=1) as box:
        company = box.rows("companies")[0]["_id"]
        held = [{**row, "company_id": company} for row in people(400, 400, companies=50)[:100]]
        run(box, stream("endusers", held), **KEYED)
        rows = people(2000, 400, companies=50)
        for _ in range(2):
            box.forget_calls()
            finished = run(box, stream("endusers", rows), max_rejects="100%", **KEYED)
            verdicts = finished.verdicts()
            assert {key for key, verdict in verdicts.items() if verdict == "rejected"} == {
                f"e{n}" for n in range(100, 400)
            }
            assert "unknown" not in verdicts.values()
            assert calls(box) <= 12


def test_a_row_waits_for_the_company_its_domain_belongs_to() -> None:
    with Sandbox(companies=2) as box:
        messages = [
            *stream("endusers", [{"external_id": "e", "email": "kim@late.example"}]),
            *stream("companies", [{"external_id": "c", "name": "Late", "domains": ["late.example"]}]),
        ]
        # A batch of one row goes out before its company has been read.
        finished = run(box, messages, batch_size_rows=1, **KEYED)
        assert finished.error is None
        assert finished.verdicts("endusers") == {"e": "created"}


def test_a_row_waits_for_the_company_it_names() -> None:
    with Sandbox(companies=3) as box:
        company = box.rows("companies")[0]["_id"]
        run(box, stream("endusers", [{"source_id": "held", "company_id": company, "name": "N"}]))
        rows = [{"source_id": key, "company_id": "extid-late", "name": "N"} for key in ("held", "new")]
        messages = [
            *stream("endusers", rows),
            *stream("companies", [{"external_id": "late", "name": "Late"}]),
        ]
        finished = run(box, messages, batch_size_rows=1, max_rejects="100%")
        late = next(row["_id"] for row in box.rows("companies") if row.get("externalId") == "late")
        assert finished.summary["endusers"] == {"created": 1, "updated": 1}
        stored = [row["companyId"] for row in box.rows("endusers") if row.get("sourceId") in {"held", "new"}]
        assert stored == [late, late]


@pytest.mark.parametrize("path", ["companies", "endusers", "leancompanies"])
@pytest.mark.parametrize("status", [400, 403, 422, 500, 503])
def test_a_look_that_fails_does_not_spoil_the_rows_it_was_for(status: int, path: str) -> None:
    with Sandbox(companies=20, endusers=1, switches={"updated_at_on_equal": "kept"}) as box:
        rows = people(200, 10, companies=10)
        run(box, stream("endusers", rows), max_rejects="100%", **KEYED)
        box.set_faults([{"kind": "status", "status": status, "method": "GET", "path": path}])
        finished = run(box, stream("endusers", rows), max_rejects="100%", timeout_seconds=2, **KEYED)
        assert finished.error is None
        assert finished.summary == {"endusers": {"unchanged": 190, "rejected": 10}}


@pytest.mark.parametrize("without_company", ["ignored", "refused"])
def test_many_batches_read_the_domains_once(without_company: str) -> None:
    switches = {"enduser_without_company": without_company, "error_items": "text"}
    with Sandbox(companies=20, endusers=1, switches=switches) as box:
        rows = people(1000, 0, companies=20)
        for place in range(0, 1000, 25):
            rows[place]["email"] = f"p{place}@nowhere{place}.example"
        run(box, stream("endusers", rows), max_rejects="100%", batch_size_rows=100, **KEYED)
        box.forget_calls()
        finished = run(box, stream("endusers", rows), max_rejects="100%", batch_size_rows=100, **KEYED)
        assert finished.summary["endusers"] == {"unchanged": 960, "rejected": 40}
        # For each batch a call, and one for the rows that are suspected; the domains once.
        assert calls(box) == 10 * 2 + 2
