"""Addresses that differ in case only (Q21): right whichever way Planhat compares them, and named."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import Finished, run, stream

CASES = ("exact", "ignored")


def named(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "differ only in case" in record.getMessage()]


def person(address: str, name: str, company: str = "C-00001") -> dict[str, Any]:
    return {"email": address, "company_external_id": company, "position": name}


def positions(box: Sandbox, address: str) -> dict[str, str | None]:
    rows = box.rows("endusers")
    return {row["email"]: row.get("position") for row in rows if str(row.get("email")).casefold() == address.casefold()}


@pytest.mark.parametrize("email_case", CASES)
@pytest.mark.parametrize("size", [1, 2, 5000])
@pytest.mark.parametrize("repeated", ["error", "in_order"])
def test_two_rows_that_differ_in_case_only(
    email_case: str, size: int, repeated: str, caplog: pytest.LogCaptureFixture
) -> None:
    switches = {"email_case": email_case, "repeated_key": repeated}
    with Sandbox(companies=3, endusers=1, switches=switches) as box:
        rows = [person("Kim@x.example", "first"), person("ada@x.example", "other"), person("kim@X.example", "last")]
        finished = run(box, stream("endusers", rows), batch_size_rows=size)
        assert finished.error is None
        stored = positions(box, "kim@x.example")
        if email_case == "exact":
            assert stored == {"Kim@x.example": "first", "kim@X.example": "last"}
            assert finished.summary["endusers"] == {"created": 3}
        else:
            assert list(stored.values()) == ["last"]
            assert finished.summary["endusers"] == {"created": 2, "updated": 1}
        assert len(named(caplog)) == 1
        assert "Kim@x.example" in named(caplog)[0]
        assert "kim@X.example" in named(caplog)[0]


def test_the_same_address_twice_and_keys_of_other_kinds_are_not_named(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, endusers=1) as box:
        run(box, stream("endusers", [person("kim@x.example", "a"), person("kim@x.example", "b")]))
        rows = [{**person(address, "c"), "external_id": address} for address in ("Ada@x.example", "ada@x.example")]
        run(box, stream("endusers", rows))
        assert named(caplog) == []


def test_a_thousand_pairs_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(companies=3, endusers=1) as box:
        rows = [person(f"{name}{n}@x.example", "p") for n in range(1000) for name in ("kim", "Kim")]
        run(box, stream("endusers", rows))
        assert len(named(caplog)) == 11


def verdicts(box: Sandbox, mode: str, address: str) -> Finished:
    rows = [person(address, "changed"), person("new@x.example", "new")]
    return run(box, stream("endusers", rows), load_method=mode, max_rejects="100%")


@pytest.mark.parametrize(("email_case", "mode"), list(product(CASES, ("update", "insert"))))
def test_modes_leave_an_address_alone_that_may_be_another(email_case: str, mode: str) -> None:
    """To send it might create a second person, or change the one that was to be left alone."""
    with Sandbox(companies=3, endusers=1, switches={"email_case": email_case}) as box:
        run(box, stream("endusers", [person("kim@x.example", "held")]))
        finished = verdicts(box, mode, "KIM@x.example")
        assert positions(box, "kim@x.example") == {"kim@x.example": "held"}
        assert finished.verdicts()["KIM@x.example"] == "rejected"
        assert "only in case" in finished.reasons()["KIM@x.example"]
        assert finished.verdicts()["new@x.example"] == ("skipped" if mode == "update" else "created")


@pytest.mark.parametrize("email_case", CASES)
@pytest.mark.parametrize(
    ("items", "failure", "keys"),
    list(product(("object", "object_keys", "text", "text_with_key"), ("206", "400_nothing"), ("all", "id_only"))),
)
def test_verdicts_are_right_for_held_addresses_in_other_case(
    email_case: str, items: str, failure: str, keys: str
) -> None:
    """The answer names rows as Planhat holds them, which may be in other case than they were sent."""
    switches = {"email_case": email_case, "error_items": items, "bulk_failure": failure, "answer_keys": keys}
    with Sandbox(companies=3, endusers=1, switches=switches) as box:
        run(box, stream("endusers", [person(f"kim{n}@x.example", "held") for n in range(6)]))
        rows = [person(f"KIM{n}@x.example", "held" if n == 2 else "changed") for n in range(6)]
        # One row is wrong, so that some forms of answer have to be told apart.
        rows.append(person("bad@x.example", "p", company="no such company"))
        rows.append(person("silent@nowhere.example", "p", company=""))
        finished = run(box, stream("endusers", rows), max_rejects="100%")
        stored = {str(row["email"]).casefold(): row.get("position") for row in box.rows("endusers") if row.get("email")}
        found = finished.verdicts()
        assert found["bad@x.example"] == found["silent@nowhere.example"] == "rejected"
        good = {"created", "accepted"} if email_case == "exact" else {"updated", "unchanged", "accepted"}
        for row in rows[:6]:
            assert found[row["email"]] in good
            assert row["position"] in [
                entry.get("position")
                for entry in box.rows("endusers")
                if str(entry.get("email")).casefold() == row["email"].casefold()
            ]
        assert "bad@x.example" not in stored
