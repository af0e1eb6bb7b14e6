"""The part of its rows that a stream passes on: what counts as a change of it, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tap_planhat.streams.output_fingerprint import output_fingerprint

_STREAMS = ("companies", "endusers")


def _part(columns: list[str] | None = None, **config: Any) -> str:
    return output_fingerprint("endusers", _STREAMS, columns, config)


@pytest.mark.parametrize(
    ("columns", "config"),
    [
        (["_id", "email"], {}),
        (None, {"stream_maps": {"endusers": {"__filter__": "False"}}}),
        (None, {"stream_maps": {"endusers": None}}),
        (None, {"stream_maps": {"people": {"__source__": "endusers"}}}),
        (None, {"stream_maps": {"end*": {"__alias__": "people"}}}),
        (None, {"stream_maps": {"__else__": None}}),
        (None, {"flattening_enabled": True, "flattening_max_depth": 1}),
    ],
)
def test_what_changes_the_rows_of_the_stream_counts(columns: list[str] | None, config: dict[str, Any]) -> None:
    assert _part(columns, **config) != _part()


@pytest.mark.parametrize(
    ("columns", "config"),
    [
        (None, {"stream_maps": {"companies": {"__filter__": "False"}}}),
        (None, {"stream_maps": {"firms": {"__source__": "companies"}}}),
        (None, {"stream_maps": None, "stream_map_config": {"seed": 1}, "flattening_max_depth": 3}),
    ],
)
def test_what_does_not_change_them_does_not_count(columns: list[str] | None, config: dict[str, Any]) -> None:
    assert _part(columns, **config) == _part()


def test_the_order_of_columns_and_settings_does_not_count() -> None:
    maps = {"endusers": {"a": "b", "c": "d"}}
    again = {"endusers": {"c": "d", "a": "b"}}
    assert _part(["a", "b"], stream_maps=maps) == _part(["b", "a"], stream_maps=again)
    assert _part(["a"], stream_maps=maps) != _part(["a"], stream_maps=maps, stream_map_config={"seed": 1})
