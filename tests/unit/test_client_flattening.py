"""What is wrong with the framework's flattening, held against the installed one."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from singer_sdk.mapper import PluginMapper

from planhat_api.plugin.flattening import flatten_by_columns

_RECORD = {"description": "Kept", "more": {"note": "a", "list": [1]}}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Rows of any type.",
    "properties": {
        "description": {"type": "string"},
        "more": {"type": "object", "properties": {"note": {"type": "string"}, "list": {"type": "array"}}},
    },
}


def _mapper(**settings: Any) -> PluginMapper:
    config: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 1, **settings}
    mapper = PluginMapper(config, logging.getLogger())
    mapper.register_raw_stream_schema("notes", _SCHEMA, [])
    return mapper


def test_the_framework_takes_a_keyword_of_the_schema_for_a_column() -> None:
    """When this fails, ``flatten_by_columns`` has become superfluous."""
    with pytest.raises(TypeError):
        _mapper().stream_maps["notes"][0].transform(dict(_RECORD))


@pytest.mark.parametrize("maps", [{}, {"notes": {"description": "description"}}], ids=["plain", "custom"])
def test_records_are_flattened_by_their_columns(maps: dict[str, Any]) -> None:
    mapper = _mapper(stream_maps=maps)
    (made,) = mapper.stream_maps["notes"]
    schema = made.transformed_schema
    flatten_by_columns([made])
    assert made.transform(dict(_RECORD)) == {"description": "Kept", "more__note": "a", "more__list": "[1]"}
    assert made.transformed_schema is schema
    assert schema["description"] == "Rows of any type."


def test_without_flattening_nothing_is_changed() -> None:
    mapper = _mapper(flattening_enabled=False)
    (made,) = mapper.stream_maps["notes"]
    flatten_by_columns([made])
    assert "flatten_record" not in vars(made)
    assert made.transform(dict(_RECORD)) == _RECORD
