"""Streams find their model whatever the tap calls them, and an unknown one is named before anything is sent."""

from __future__ import annotations

import pytest

from planhat_api.models.registry import all_models
from target_planhat.delivery.model_order import parents_of, rank
from target_planhat.errors import SettingsError
from target_planhat.rows.routing import Way, find_route, writable_streams


@pytest.mark.parametrize(
    ("stream", "path", "way"),
    [
        ("companies", "companies", Way.BULK),
        ("Company", "companies", Way.BULK),
        ("planhat_companies", "companies", Way.BULK),
        ("planhat-companies", "companies", Way.BULK),
        ("public-end_users", "endusers", Way.BULK),
        ("main.planhat_endusers", "endusers", Way.BULK),
        ("analytics-planhat_LINE-ITEMS", "lineitems", Way.BULK),
        ("opportunity", "opportunities", Way.BULK),
        ("churns", "churn", Way.BULK),
        ("notes", "conversations", Way.BULK),
        ("conversation", "conversations", Way.BULK),
        ("customfields", "customfields", Way.SINGLE),
        ("metrics", "dimensiondata", Way.METRICS),
        ("dimension_data", "dimensiondata", Way.METRICS),
        ("user_activities", "analytics", Way.ACTIVITIES),
        ("segment_event", "analytics", Way.SEGMENT),
    ],
)
def test_streams_find_their_model(stream: str, path: str, way: Way) -> None:
    route = find_route(stream)
    assert (route.model.path, route.way) == (path, way)


def test_every_writable_stream_finds_itself() -> None:
    for stream in writable_streams():
        route = find_route(stream)
        assert route.way is Way.SEGMENT or stream in {route.model.stream, route.model.push_stream}
    assert len(writable_streams()) == 28


def test_notes_and_conversations_stay_apart() -> None:
    assert find_route("notes").model.constants == {"type": "note"}
    assert find_route("conversations").model.constants == {}


def test_unknown_stream_names_the_streams_that_exist() -> None:
    with pytest.raises(SettingsError) as caught:
        find_route("public-compnies")
    assert "Did you mean 'companies'?" in str(caught.value)
    assert "user_activities" in str(caught.value)


@pytest.mark.parametrize("stream", ["workflows", "companies_lean"])
def test_streams_that_can_only_be_read_say_so(stream: str) -> None:
    with pytest.raises(SettingsError, match="only be read"):
        find_route(stream)


def test_model_of_the_settings_wins() -> None:
    assert find_route("companies", "endusers").model.path == "endusers"
    with pytest.raises(SettingsError, match=r"streams\.x.model 'acounts'"):
        find_route("x", "acounts")


def test_parents_come_before_children() -> None:
    for model in all_models().values():
        for path in parents_of(model.path):
            assert any(rank(parent) < rank(model) for parent in all_models().values() if parent.path == path)
    assert "companies" in parents_of("endusers")
    assert {"deals", "companies"} <= parents_of("lineitems")
    assert {"companies", "endusers"} <= parents_of("dimensiondata")
    assert "companies" not in parents_of("companies")
