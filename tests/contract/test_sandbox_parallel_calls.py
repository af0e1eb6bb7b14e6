"""Endusers with equal keys in different companies, in one request and in calls at the same time (B90)."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "externalId,email duplicated"
PERSON = {"externalId": "p", "email": "p@x.example"}


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(companies=20) as found:
        yield found


def at(number: int, **fields: Any) -> dict[str, Any]:
    return {**PERSON, "companyId": f"extid-C-0000{number}", **fields}


def errors(answer: dict[str, Any]) -> list[str]:
    return [entry["error"] for name in ("createdErrors", "updatedErrors") for entry in answer[name]]


def at_once(api: Api, *requests_sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers to bulk calls that are under way at the same time."""
    answers: dict[int, dict[str, Any]] = {}
    api.box.set_faults([{"kind": "latency", "seconds": 0.5}])

    def send(index: int) -> None:
        headers = {"Authorization": f"Bearer {api.box.api_token}"}
        answer = requests.put(f"{api.box.url}/endusers", json=requests_sent[index], headers=headers, timeout=20)
        answers[index] = answer.json()

    threads = [Thread(target=send, args=(index,)) for index in range(len(requests_sent))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    api.box.set_faults([])
    return [answers[index] for index in range(len(requests_sent))]


@pytest.mark.parametrize(
    ("position", "created", "refused"), [("stored", 3, 0), ("later_refused", 1, 2), ("all_refused", 0, 3)]
)
def test_rows_of_one_request(api: Api, position: str, created: int, refused: int) -> None:
    api.box.set_switch("duplicated_endusers", position)
    status = 200 if not refused else 206 if created else 400
    answer = api.bulk("endusers", [at(2), at(3), at(4)], status)
    assert (answer["created"], errors(answer)) == (created, [TEXT] * refused)
    if position == "later_refused":
        stored = next(row for row in api.box.rows("endusers") if row.get("externalId") == "p")
        assert stored["companyName"] == next(
            row["name"] for row in api.box.rows("companies") if row.get("externalId") == "C-00002"
        )


@pytest.mark.parametrize("position", ["later_refused", "all_refused"])
def test_neighbours_are_stored_and_a_refused_row_succeeds_alone(api: Api, position: str) -> None:
    api.box.set_switch("duplicated_endusers", position)
    other = at(2, externalId="q", email="q@x.example")
    assert api.bulk("endusers", [at(2), other, at(3)], 206)["created"] == (2 if position == "later_refused" else 1)
    for number in (2, 3):
        answer = api.bulk("endusers", [at(number)])
        assert not errors(answer)
    assert len([row for row in api.box.rows("endusers") if row.get("email") == PERSON["email"]]) == 2


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, TEXT),
        ({"email": "other@x.example"}, "externalId duplicated"),
        ({"externalId": "other"}, "email duplicated"),
        ({"email": None}, "externalId duplicated"),
        ({"email": "other@x.example", "externalId": "other"}, None),
    ],
)
@pytest.mark.parametrize("position", ["both", "any"])
def test_which_keys_must_be_equal(api: Api, position: str, fields: dict[str, Any], text: str | None) -> None:
    api.box.set_switch("duplicated_endusers", "later_refused")
    api.box.set_switch("duplicated_keys", position)
    refused = text is not None and (position == "any" or text == TEXT)
    answer = api.bulk("endusers", [at(2), at(3, **fields)], 206 if refused else 200)
    assert errors(answer) == ([text] if refused else [])


def test_addresses_in_other_case_are_equal_where_case_is_ignored(api: Api) -> None:
    api.box.set_switch("duplicated_endusers", "later_refused")
    rows = [at(2), at(3, email=PERSON["email"].upper())]
    api.box.set_switch("email_case", "ignored")
    assert errors(api.bulk("endusers", rows, 206)) == [TEXT]
    api.box.set_switch("email_case", "exact")
    assert not errors(api.bulk("endusers", rows))


@pytest.mark.parametrize(("position", "refused"), [("all", [TEXT]), ("inserts", [])])
def test_rows_that_match(api: Api, position: str, refused: list[str]) -> None:
    assert api.bulk("endusers", [at(2), at(3)])["created"] == 2
    api.box.set_switch("duplicated_endusers", "later_refused")
    api.box.set_switch("duplicated_writes", position)
    answer = api.bulk("endusers", [at(2, position="a"), at(3, position="a")], 206 if refused else 200)
    assert [entry["error"] for entry in answer["updatedErrors"]] == refused
    assert answer["updated"] == 2 - len(refused)
    answer = api.bulk("endusers", [at(2, position="b"), at(4)], 206)
    assert [entry["error"] for entry in answer["createdErrors"]] == [TEXT]


@pytest.mark.parametrize(
    ("position", "calls", "created"),
    [
        ("stored", "parallel", 2),
        ("later_refused", "single", 2),
        ("later_refused", "parallel", 1),
        ("all_refused", "parallel", 0),
        ("all_refused", "single", 2),
    ],
)
def test_calls_at_the_same_time(api: Api, position: str, calls: str, created: int) -> None:
    api.box.set_switch("duplicated_endusers", position)
    api.box.set_switch("duplicated_calls", calls)
    answers = at_once(api, [at(2)], [at(3)])
    assert sum(answer["created"] for answer in answers) == created
    assert [text for answer in answers for text in errors(answer)] == [TEXT] * (2 - created)


def test_calls_one_after_the_other_do_not_meet(api: Api) -> None:
    api.box.set_switch("duplicated_endusers", "all_refused")
    assert at_once(api, [at(2)], [at(2, externalId="q")])[0]["created"] == 1
    for number in (3, 4):
        assert api.bulk("endusers", [at(number)])["created"] == 1


def test_other_models_and_bodies_are_left_alone(api: Api) -> None:
    api.box.set_switch("duplicated_endusers", "all_refused")
    assets = [{"externalId": "a", "name": "x", "companyId": f"extid-C-0000{number}"} for number in (2, 3)]
    assert api.bulk("assets", assets)["created"] == 2
    for body in ({"a": 1}, ["text", None, 3]):
        assert api.put("endusers", body).status_code == 400
    assert api.session.put(f"{api.box.url}/endusers", data=b"{", timeout=20).status_code == 400
