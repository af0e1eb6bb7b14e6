"""Whatever is sent, the judge keeps its countenance: no crash, no lost count, no torn row."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planhat_api.models.registry import all_models
from planhat_sandbox import SWITCHES
from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

BULK = sorted(found.file for found in all_models().values() if "bulk_upsert" in found.operations)
COUNTED = ("created", "updated", "nonupdates")
ERRORS = ("createdErrors", "updatedErrors", "permissionErrors", "validationErrors")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    # Endusers without a company would vanish and be in no count.
    switches = {"calls_per_second": 0, "enduser_without_company": "refused"}
    with serving(companies=5, switches=switches) as found:
        yield found


@pytest.mark.parametrize("file", BULK)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_item_has_a_fate(api: Api, file: str, data: st.DataObject) -> None:
    found = all_models()[file]
    keys = [row["_id"] for row in api.box.rows(found.path)[:3]] + ["C-00001", "extid-C-00001", "a@company1.example"]
    values = st.one_of(json_values, st.sampled_from(keys))
    names = st.sampled_from([*found.properties, "custom.Seats", "?"])
    items = data.draw(st.lists(st.dictionaries(names, values, max_size=6), max_size=4))
    answer = api.put(found.path, items)
    assert answer.status_code in {200, 206, 400}, answer.text
    body = answer.json()
    told = sum(body[name] for name in COUNTED) + sum(len(body.get(name, ())) for name in ERRORS)
    swallowed = sum(not item.get("email") for item in items) if file == "tickets" else 0
    assert told == len(items) - swallowed
    for row_id in body["upsertedIds"]:
        assert api.call("GET", f"{'conversations' if file == 'tickets' else found.path}/{row_id}").status_code == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.lists(
        st.one_of(
            json_values,
            st.fixed_dictionaries(
                {},
                optional={
                    "dimensionId": st.one_of(json_values, st.just("m")),
                    "value": json_values,
                    "externalId": st.one_of(json_values, st.just("C-00001")),
                    "model": st.one_of(json_values, st.just("Asset")),
                    "date": st.one_of(json_values, st.just("2026-01-01")),
                },
            ),
        ),
        max_size=4,
    )
)
def test_any_point_is_processed_or_refused(api: Api, items: list[Any]) -> None:
    answer = api.push(f"dimensiondata/{api.box.tenant_token}", items)
    assert answer.status_code == 200, answer.text
    assert answer.json()["processed"] == len(items) >= len(answer.json()["errors"])
    assert api.push(f"analytics/bulk/{api.box.tenant_token}", items).status_code == 200
    assert api.call("GET", "dimensiondata", limit=100_000).status_code == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(BULK),
    query=st.dictionaries(
        st.sampled_from(
            ["limit", "offset", "sort", "select", "companyId", "npsExpiryDay", "from", "to", "search", "euId"]
        ),
        st.one_of(st.text(max_size=6), st.integers().map(str)),
    ),
)
def test_any_parameters_get_an_answer(api: Api, path: str, query: dict[str, str]) -> None:
    answer = api.call("GET", all_models()[path].path, **query)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), list)


def test_writers_and_readers_at_once_tear_nothing() -> None:
    with serving(companies=10, switches={"parallel_calls": 0, "calls_per_second": 0}) as api:
        headers = {"Authorization": f"Bearer {api.box.api_token}"}
        answers: list[Any] = []

        def write(number: int) -> None:
            with requests.Session() as session:
                for step in range(10):
                    rows = [{"externalId": f"{number}-{step}-{row}", "name": "x"} for row in range(20)]
                    answer = session.put(f"{api.box.url}/companies", json=rows, headers=headers, timeout=20)
                    answers.append(answer.json()["created"])
                    listed = session.get(f"{api.box.url}/companies?limit=5000&sort=name", headers=headers, timeout=20)
                    ids = [row["_id"] for row in listed.json()]
                    assert len(ids) == len(set(ids))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [20] * 80
        assert api.box.counts()["companies"] == 10 + 8 * 10 * 20
        assert len(api.box.calls) == 160


POSITIONS = [(switch.name, position) for switch in SWITCHES.values() for position in switch.positions]


@pytest.mark.parametrize(("name", "position"), POSITIONS)
def test_no_position_breaks_anything(name: str, position: str) -> None:
    with serving(companies=3, switches={"calls_per_second": 0, name: position}) as api:
        for path in ("companies", "endusers", "tickets", "timesheets"):
            rows = api.box.rows(path)[:20]
            single = f"{path}/{rows[-1]['_id']}"
            answers = [
                api.call("GET", path, limit=50, sort="-updatedAt"),
                api.put(path, [*rows, {"_id": "f" * 24}, {"custom": {"a": 1}}]),
                api.post(path, rows[0]),
                api.call("GET", single),
                api.put(single, {"custom": {"x": 1}}),
                api.call("DELETE", single),
            ]
            assert not [answer.text for answer in answers if "The sandbox failed" in answer.text]
