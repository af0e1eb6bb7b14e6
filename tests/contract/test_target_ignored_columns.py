"""Columns that the settings leave out, in each spelling, and names with dots as Meltano hands them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.errors import SettingsError
from tests.target_support import run, schema, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = {"external_id": "x", "name": "n", "description": "internal", "Note": "internal"}
FIELDS = [
    {"name": name, "parent": "company", "type": kind} for name, kind in (("Health Score", "number"), ("Tier", "text"))
]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=2, seed=1) as running:
        yield running


def held(box: Sandbox) -> dict[str, Any]:
    (row,) = [row for row in box.rows("companies") if row.get("externalId") == "x"]
    return row


@pytest.mark.parametrize(
    "block",
    [
        {"ignore": ["description", "Note"]},
        {"ignore": ["DESCRIPTION", "note"]},
        {"columns": {"description": None}, "ignore": ["Note"]},
        {"columns": {"description": None, "Note": None}},
        {"columns": {"description": None}, "ignore": ["description", "Note", "Note"]},
    ],
)
@pytest.mark.parametrize("maps", [{}, {"companies": {"name": "name"}}])
def test_columns_that_are_left_out_do_not_reach_planhat(
    box: Sandbox, block: dict[str, Any], maps: dict[str, Any]
) -> None:
    finished = run(box, stream("companies", [ROW]), streams={"companies": block}, stream_maps=maps)
    assert finished.error is None
    assert finished.summary == {"companies": {"created": 1}}
    assert held(box)["name"] == "n"
    assert "internal" not in str(held(box))


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"ignore": ["descripton"]}, "ignore: the stream has no column 'descripton'; did you mean 'description'?"),
        (
            {"ignore": ["description"], "columns": {"description": "name"}},
            "setting ignore: setting columns names a field for column 'description'",
        ),
        ({}, "column 'colour' leads to no field (name its field in streams.companies.columns, or leave it out: "),
        ({}, "streams.companies.ignore: ['colour'])"),
        ({"columns": {"colour": "description"}}, "leave one out: streams.companies.ignore: ['description']"),
    ],
)
def test_what_cannot_work_is_told_with_the_spelling_that_survives(
    box: Sandbox, block: dict[str, Any], told: str
) -> None:
    columns = ["external_id", "description", "colour"]
    finished = run(box, [schema("companies", columns)], streams={"companies": block})
    assert isinstance(finished.error, SettingsError)
    assert told in str(finished.error)


@pytest.mark.parametrize("custom", [{}, {"custom.Tier": "A"}, {"custom": {"Tier": "A"}}])
def test_names_with_dots_that_were_taken_apart_are_whole_again(box: Sandbox, custom: dict[str, Any]) -> None:
    run(box, stream("custom_fields", FIELDS))
    block = {"columns": {"a": {"b": {"c": "name"}, "d": None}}, "constants": {"custom": {"Health Score": 3}}}
    finished = run(
        box, stream("companies", [{"external_id": "x", "a.b.c": "n", "a.d": 1, **custom}]), streams={"companies": block}
    )
    assert finished.error is None
    assert held(box)["name"] == "n"
    assert held(box)["custom"] == {"Health Score": 3, **({"Tier": "A"} if custom else {})}


def test_a_misspelt_custom_field_among_the_constants_is_told_in_either_form(box: Sandbox) -> None:
    run(box, stream("custom_fields", FIELDS))
    for constants in ({"custom.Helth Score": 3}, {"custom": {"Helth Score": 3}}):
        finished = run(box, stream("companies", [ROW]), streams={"companies": {"constants": constants}})
        assert "there is no field 'custom.Helth Score' to write; did you mean" in str(finished.error)
