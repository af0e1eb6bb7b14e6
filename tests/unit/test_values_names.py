"""One rule says whether two names mean the same, for streams, models, fields and custom fields (B47, B50)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planhat_api.models.registry import all_models, model
from planhat_api.values.custom_types import Holds, custom_type
from planhat_api.values.names import folded, folded_field, model_names, without_plural
from tap_planhat.records.custom_fields import custom_fields_by_parent, custom_fields_of
from target_planhat.rows.values import NUMBER, type_of_custom_field
from target_planhat.tenant.custom_fields import NamesOfModel


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("External ID", "externalid"),
        ("external_id", "externalid"),
        ("externalId", "externalid"),
        ("e-mail", "email"),
        ("Health Score \N{ROCKET}", "healthscore"),
        ("Größe", "grösse"),
        ("GRÖSSE", "grösse"),
        ("ﬁt", "fit"),
        ("売上 1", "売上1"),
    ],
)
def test_names_that_mean_the_same(name: str, wanted: str) -> None:
    assert folded(name) == wanted


def test_a_leading_underscore_tells_fields_apart() -> None:
    assert folded_field("_id") != folded_field("id")
    assert folded_field("company_id") == folded_field("companyId")


def test_names_of_signs_alone_are_names_of_their_own() -> None:
    fields = NamesOfModel({"\N{ROCKET}": NUMBER})
    assert fields.find("\N{FIRE}") is None
    assert fields.find("\N{ROCKET}") == "\N{ROCKET}"


def test_an_accent_counts_however_it_is_stored() -> None:
    assert NamesOfModel({"Café": NUMBER}).find(unicodedata.normalize("NFD", "café")) == "Café"


@given(st.text())
def test_folding_twice_is_folding_once(name: str) -> None:
    assert folded(folded(name)) == folded(name)


@pytest.mark.parametrize("parent", ["company", "Company", "companies", "COMPANIES"])
def test_tap_and_target_find_the_custom_fields_of_a_model_under_the_same_parents(parent: str) -> None:
    definitions = [{"parent": parent, "type": "number", "name": "Seats"}]
    assert set(custom_fields_of(model("companies"), custom_fields_by_parent(definitions))) == {"Seats"}
    assert without_plural(parent) in model_names(model("companies"))


def test_no_two_fields_of_a_model_and_no_two_models_have_one_name() -> None:
    for each in all_models().values():
        assert len({folded_field(name) for name in each.properties}) == len(each.properties)
    own = [each for each in all_models().values() if not each.view_of]
    assert len({without_plural(each.name) for each in own}) == len(own)


def test_both_know_the_same_types_of_custom_fields() -> None:
    assert custom_type(" Rich Text ") is custom_type("rich text")
    assert custom_type("new kind") is None
    assert custom_type(None) is None
    for held in Holds:
        definition = {"parent": "company", "type": _type_that(held), "name": "x"}
        schema = custom_fields_by_parent([definition])["company"]["x"]
        kind = type_of_custom_field(_type_that(held))
        assert kind.json in schema["type"]


def _type_that(held: Holds) -> str:
    types = {
        Holds.TEXT: "list",
        Holds.TEXTS: "multipicklist",
        Holds.NUMBER: "rating",
        Holds.BOOLEAN: "checkbox",
        Holds.DAY: "day",
        Holds.DATE: "date",
        Holds.REFERENCE: "enduser",
        Holds.REFERENCES: "endusers",
    }
    return types[held]
