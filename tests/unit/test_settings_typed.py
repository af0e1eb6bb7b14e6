"""What the SDK, Meltano and people read of the settings, and the checks of their values, come from one description."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct

from planhat_api import ConfigurationError
from planhat_api.settings.table import ConnectionSettings
from planhat_api.settings.typed import checked, properties_of
from tap_planhat.settings import CONFIG_SCHEMA, TapSettings
from target_planhat.settings import SETTINGS, TargetSettings

KINDS = [ConnectionSettings, TapSettings, TargetSettings]


class Sample(Struct):
    """Settings of each form."""

    number: Annotated[int, Meta(ge=1, le=9)] = 5
    least: Annotated[int, Meta(ge=0)] = 5
    share: float = 0.5
    flag: bool = False
    text: str | None = None
    choice: Literal["b", "a"] = "b"
    names: list[str] | None = None
    either: Literal["all"] | tuple[str, ...] = "all"
    table: dict[str, Any] = {}


@pytest.mark.parametrize("schema", [CONFIG_SCHEMA, SETTINGS], ids=["tap", "target"])
def test_the_sdk_finds_a_type_for_each_setting_and_no_reference(schema: dict[str, Any]) -> None:
    assert "$ref" not in json.dumps(schema)
    for name, setting in schema["properties"].items():
        assert setting["type"], name
        assert setting["title"], name
        assert setting["description"].endswith("."), name
        assert setting.get("default", 0) is not None, name


def test_secrets_are_marked() -> None:
    secrets = [name for name, setting in SETTINGS["properties"].items() if setting.get("secret")]
    assert secrets == ["api_token", "tenant_token", "quota_store"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_described_as_the_default_is_what_holds(kind: type[Struct]) -> None:
    made = checked(kind, {"api_token": "x"})
    defaults = {name: setting["default"] for name, setting in properties_of(kind).items() if "default" in setting}
    assert {name: getattr(made, name) for name in defaults} == defaults


def test_a_block_has_no_defaults_that_would_hide_the_general_settings() -> None:
    block = SETTINGS["properties"]["streams"]["additionalProperties"]
    assert block["properties"]["nulls"]
    assert not any("default" in setting for setting in block["properties"].values())


def test_null_and_blank_are_no_values_but_for_texts() -> None:
    assert checked(Sample, dict.fromkeys(Sample.__struct_fields__)) == Sample()
    assert checked(Sample, dict.fromkeys(Sample.__struct_fields__, "")) == Sample(text="")


def test_numbers_may_come_as_text_and_other_settings_are_passed_over() -> None:
    assert checked(Sample, {"number": "7", "share": "0.25", "other": object()}) == Sample(number=7, share=0.25)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"number": 10}, "number: must be a whole number from 1 to 9"),
        ({"number": "Marmalade"}, "number: must be a whole number from 1 to 9"),
        ({"least": -1}, "least: must be a whole number of at least 0"),
        ({"share": "Marmalade"}, "share: must be a number"),
        ({"flag": "Marmalade"}, "flag: must be true or false"),
        ({"text": ["Marmalade"]}, "text: must be text"),
        ({"choice": "Marmalade at `$.number`"}, "choice: must be one of a, b"),
        ({"names": "Marmalade"}, "names: must be a list of texts"),
        ({"names": [{"Marmalade": 1}]}, "names: must be a list of texts"),
        ({"either": "Marmalade"}, "either: must be one of all, or a list of texts"),
        ({"table": "Marmalade"}, "table: must be an object"),
    ],
)
def test_what_would_be_right_is_told_and_the_value_is_not(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked(Sample, settings, within="streams.s.")
    assert str(caught.value) == f"streams.s.{told}"
