"""Switches that change what lists show; those of writing stand with the tests of writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.sandbox_calls import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared() -> Iterator[Api]:
    with serving(companies=120) as found:
        yield found


@pytest.fixture
def api(shared: Api) -> Iterator[Api]:
    before = shared.box.switches()
    yield shared
    for name, position in before.items():
        shared.box.set_switch(name, position)


@pytest.mark.parametrize(("position", "rows"), [("cap", 60), ("honour", 100), ("refuse", None)])
def test_a_limit_above_the_maximum(api: Api, position: str, rows: int | None) -> None:
    api.box.set_switch("page_max", 60)
    api.box.set_switch("limit_above_max", position)
    answer = api.call("GET", "companies", limit=100)
    assert answer.status_code == (400 if rows is None else 200)
    assert rows is None or len(answer.json()) == rows
    assert len(api.get("companies", limit=60)) == 60


def test_the_order_without_sort(api: Api) -> None:
    plain = [row["_id"] for row in api.get("companies")]
    assert plain == [row["_id"] for row in api.get("companies")]
    api.box.set_switch("default_sort", "newest_first")
    assert [row["_id"] for row in api.get("companies", limit=500)] == sorted(
        (row["_id"] for row in api.box.rows("companies")), reverse=True
    )
    api.box.set_switch("default_sort", "random")
    assert api.get("companies", limit=120) != api.get("companies", limit=120)
    assert api.get("companies", sort="_id") == api.get("companies", sort="_id")


def test_sort_may_be_ignored(api: Api) -> None:
    plain = api.get("companies")
    by_name = api.get("companies", sort="name")
    assert by_name != plain
    api.box.set_switch("sort_ignored_fields", "updatedAt, h")
    assert api.get("companies", sort="-updatedAt") == plain
    assert api.get("companies", sort="name") == by_name
    api.box.set_switch("sort", "ignored")
    assert api.get("companies", sort="name") == plain


@pytest.mark.parametrize("sort", ["status", "-status"])
def test_equal_rows_of_a_sorted_list(api: Api, sort: str) -> None:
    assert api.get("companies", sort=sort, limit=500) == api.get("companies", sort=sort, limit=500)
    api.box.set_switch("equal_rows", "changing")
    first, second = (api.get("companies", sort=sort, limit=500) for _ in range(2))
    assert first != second
    statuses = [row["status"] for row in first]
    assert statuses == [row["status"] for row in second] == sorted(statuses, reverse=sort.startswith("-"))
    assert {row["_id"] for row in first} == {row["_id"] for row in second}
    for unique in ("_id", "name"):
        assert api.get("companies", sort=unique) == api.get("companies", sort=unique)
    assert api.get("companies") == api.get("companies")


@pytest.mark.parametrize(("position", "first"), [("low", True), ("high", False)])
def test_where_nulls_stand(api: Api, position: str, first: bool) -> None:  # noqa: FBT001
    api.box.set_switch("sort_nulls", position)
    values = [row.get("updatedAt") for row in api.get("tasks", sort="updatedAt", limit=10_000)]
    assert None in values
    assert (values[0] is None) is first
    assert (values[-1] is None) is not first
    filled = [value for value in values if value]
    assert filled == sorted(filled)


def test_lean_lists(api: Api) -> None:
    api.box.set_switch("list_width", "lean")
    assert set().union(*api.get("companies")) == {"_id", "name"}
    assert "phase" in api.get("companies", select="phase")[0]


def test_select_may_be_ignored(api: Api) -> None:
    api.box.set_switch("select", "ignored_by_invoices")
    assert len(api.get("invoices", select="_id")[0]) > 5
    assert len(api.get("companies", select="_id")[0]) == 1
    api.box.set_switch("select", "ignored")
    assert len(api.get("companies", select="_id")[0]) > 5


def test_users_may_come_in_full(api: Api) -> None:
    api.box.set_switch("users_list", "full")
    assert "roles" in api.get("users")[0]


def test_embedded_revenue_may_be_listed(api: Api) -> None:
    api.box.set_switch("companies_embedded", "listed")
    assert all(row["licenses"] for row in api.get("companies", limit=500))


@pytest.mark.parametrize(
    ("path", "field"), [("issues", "archived"), ("conversations", "archived"), ("workflows", "isArchived")]
)
def test_archived_rows_may_be_hidden(api: Api, path: str, field: str) -> None:
    assert any(row[field] for row in api.get(path, limit=2000))
    api.box.set_switch("archived_rows", "hidden")
    assert not any(row[field] for row in api.get(path, limit=2000))


def test_archived_tasks_may_come_with_the_others(api: Api) -> None:
    api.box.set_switch("tasks_is_archived_true", "all")
    assert len(api.get("tasks", isArchived="true", limit=10_000)) == api.box.counts()["tasks"]


def test_dimension_data_may_need_a_range(api: Api) -> None:
    api.box.set_switch("dimensiondata_without_range", "refuse")
    assert api.call("GET", "dimensiondata").status_code == 400
    assert api.call("GET", "dimensiondata", to=30_000).status_code == 400
    assert api.get("dimensiondata", **{"from": 0, "to": 30_000})


@pytest.mark.parametrize(("position", "shares"), [("present", {True}), ("some", {True, False}), ("absent", {False})])
def test_updated_at(api: Api, position: str, shares: set[bool]) -> None:
    api.box.set_switch("updated_at", position)
    assert {"updatedAt" in row for row in api.get("companies", limit=500)} == shares


@pytest.mark.parametrize(
    ("switch", "path", "field", "position", "kinds"),
    [
        ("references", "companies", "owner", "id", {str, type(None)}),
        ("references", "companies", "owner", "object", {dict, type(None)}),
        ("references", "companies", "owner", "mixed", {str, dict, type(None)}),
        ("currency", "licenses", "_currency", "code", {str}),
        ("currency", "licenses", "_currency", "object", {dict}),
        ("currency", "sales", "_currency", "mixed", {str, dict}),
        ("next_touch", "companies", "nextTouch", "iso", {str}),
        ("next_touch", "companies", "nextTouch", "epoch_ms", {int}),
        ("next_touch", "companies", "nextTouch", "mixed", {str, int}),
        ("custom_empty", "companies", "custom", "object", {dict}),
        ("custom_empty", "companies", "custom", "null", {dict, type(None)}),
    ],
)
def test_shapes(api: Api, switch: str, path: str, field: str, position: str, kinds: set[type]) -> None:  # noqa: PLR0913, PLR0917
    api.box.set_switch(switch, position)
    assert {type(row[field]) for row in api.get(path, limit=2000)} == kinds


def test_custom_may_be_absent(api: Api) -> None:
    api.box.set_switch("custom_empty", "absent")
    customs = [row.get("custom", "absent") for row in api.get("companies", limit=500)]
    assert "absent" in customs
    assert all(customs)


@pytest.mark.parametrize(
    ("position", "there", "gone"),
    [("documented", {"score"}, {"nps"}), ("live", {"nps"}, {"score"}), ("both", {"score", "nps"}, set())],
)
def test_names_of_nps_answers(api: Api, position: str, there: set[str], gone: set[str]) -> None:
    api.box.set_switch("nps_names", position)
    row = api.get("nps")[0]
    assert there <= set(row)
    assert not gone & set(row)


@pytest.mark.parametrize(
    ("name", "position"), [("nope", "1"), ("sort", "sometimes"), ("page_max", "many"), ("page_max", -1)]
)
def test_switches_that_cannot_be(api: Api, name: str, position: Any) -> None:
    with pytest.raises(ValueError, match=name):
        api.box.set_switch(name, position)


def test_answers_may_be_compressed_and_chunked(api: Api) -> None:
    plain = api.call("GET", "companies")
    assert int(plain.headers["Content-Length"]) == len(plain.content)
    api.box.set_switch("compression", "gzip")
    small = api.call("GET", "companies")
    assert small.headers["Content-Encoding"] == "gzip"
    assert int(small.headers["Content-Length"]) < len(plain.content) / 2
    api.box.set_switch("transfer", "chunked")
    pieces = api.call("GET", "companies")
    assert pieces.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in pieces.headers
    assert pieces.json() == small.json() == plain.json()
    identity = api.session.get(f"{api.box.url}/companies", headers={"Accept-Encoding": "identity"}, timeout=20)
    assert identity.content == plain.content
