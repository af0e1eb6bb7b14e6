"""What the target needs of the SDK beyond its public hooks, held against the installed one."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import pytest
from singer_sdk.mapper import CustomStreamMap, PluginMapper
from singer_sdk.sinks import BatchSink
from singer_sdk.target_base import Target

from planhat_sandbox import Sandbox
from target_planhat import sdk_bypass
from target_planhat.sdk_hooks import OVERRIDDEN, HookedTarget
from target_planhat.sdk_maps import CheckedMap, CheckedMapper
from target_planhat.sink import PlanhatSink
from target_planhat.target import TargetPlanhat
from tests.target_support import connection, run, state, stream


def test_overridden_names_are_the_sdks() -> None:
    for name in OVERRIDDEN:
        ours, theirs = getattr(HookedTarget, name), getattr(Target, name)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters), name


def test_nothing_else_private_is_overridden() -> None:
    private = {
        name for name in vars(TargetPlanhat) | vars(HookedTarget) if name.startswith("_") and hasattr(Target, name)
    }
    mine = {name for name in private if not name.startswith("__") and name != "_abc_impl"}
    assert mine == {*OVERRIDDEN}


def test_stream_maps_and_sinks_are_called_as_expected() -> None:
    """That they are, with every consequence, is what other tests show; this says where to look."""
    for ours, theirs in (
        (CheckedMap._eval, CustomStreamMap._eval),
        (CheckedMap.transform, CustomStreamMap.transform),
        (PlanhatSink._remove_sdc_metadata_from_record, BatchSink._remove_sdc_metadata_from_record),
        (CheckedMapper.register_raw_stream_schema, PluginMapper.register_raw_stream_schema),
    ):
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    mapper = PluginMapper({"stream_maps": {"companies": {"name": "name"}}}, logging.getLogger())
    mapper.register_raw_stream_schema("companies", {"properties": {"name": {}}}, [])
    assert [type(made) for made in mapper.stream_maps["companies"]] == [CustomStreamMap]


def test_sinks_drain_one_after_the_other() -> None:
    with Sandbox(companies=1, seed=1) as box:
        assert TargetPlanhat(config=connection(box)).max_parallelism == 1


def test_a_signal_before_the_run_is_set_up_ends_it() -> None:
    with pytest.raises(SystemExit) as caught:
        TargetPlanhat.__new__(TargetPlanhat)._handle_termination(15, None)
    assert caught.value.code == 143


def test_the_installed_sdk_is_as_expected() -> None:
    assert sdk_bypass.unexpected_in_sdk() is None


MESSAGES: list[dict[str, Any]] = [
    *stream(
        "companies", [{"external_id": number, "name": f"C{number}" if number % 5 else None} for number in range(23)]
    ),
    *stream("endusers", [{"email": f"p{number}@c.example", "company_external_id": number} for number in range(1, 5)]),
    state(1),
]


def test_with_another_sdk_records_take_its_own_way_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Sandbox(companies=1, seed=1) as box:
        short = run(box, MESSAGES, max_rejects="100%", batch_size_rows=5)
    monkeypatch.setattr(sdk_bypass, "KNOWN_SDK", "9.")
    caplog.set_level(logging.WARNING)
    with Sandbox(companies=1, seed=1) as box:
        long = run(box, MESSAGES, max_rejects="100%", batch_size_rows=5)
    assert "Records are processed by the SDK" in caplog.text
    assert long.summary == short.summary
    assert long.verdicts() == short.verdicts()
    assert long.states == short.states == [1]
    assert [entry.get("record") for entry in long.rejects] == [entry.get("record") for entry in short.rejects]


def test_a_missing_part_of_the_sdk_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_bypass, "_PARTS", ((Target, "_gone_part"),))
    assert sdk_bypass.unexpected_in_sdk() == "without _gone_part"
