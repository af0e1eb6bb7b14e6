"""Stream maps in the tap: fields Planhat leaves out are null, and what fails names stream, property and record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import ConfigurationError
from planhat_sandbox import Sandbox
from tap_planhat.records import page_stream
from tap_planhat.tap import TapPlanhat
from tests.tap_support import catalog_for, config_for, parsed, run, run_command, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WRONG_SETTINGS = 2


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """A tenant in which some companies have no externalId."""
    with Sandbox(companies=12, seed=3, days=1) as sandbox:
        assert 0 < len([row for row in sandbox.rows("companies") if not row.get("externalId")]) < 12
        yield sandbox


def _without_id(box: Sandbox) -> set[str]:
    return {row["_id"] for row in box.rows("companies") if not row.get("externalId")}


def _failure(box: Sandbox, maps: Any, *streams: str, **settings: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        run(config_for(box, stream_maps=maps, **settings), *(streams or ("companies",)))
    assert caught.value.setting == "stream_maps"
    return str(caught.value)


def test_a_field_that_planhat_leaves_out_is_null(box: Sandbox) -> None:
    maps = {"companies": {"externalId": "externalId or 'none'", "shown": "bool(_.externalId)"}}
    output = run(config_for(box, stream_maps=maps), "companies")
    assert {row["_id"] for row in output.records["companies"] if row["externalId"] == "none"} == _without_id(box)
    assert {row["_id"] for row in output.records["companies"] if not row["shown"]} == _without_id(box)


def test_a_filter_may_ask_for_a_field_that_some_rows_lack(box: Sandbox) -> None:
    wanted = next(row["externalId"] for row in box.rows("companies") if row.get("externalId"))
    maps = {"companies": {"__filter__": "externalId in config['allowed']"}}
    output = run(config_for(box, stream_maps=maps, stream_map_config={"allowed": [wanted]}), "companies")
    assert [row["externalId"] for row in output.records["companies"]] == [wanted]


@pytest.mark.parametrize("prop", ["externalId", "__filter__"])
def test_an_expression_that_fails_names_its_place_the_record_and_the_remedy(box: Sandbox, prop: str) -> None:
    told = _failure(box, {"companies": {prop: "externalId.upper()"}})
    assert f"stream 'companies', property {prop!r}, expression 'externalId.upper()': 'externalId' is empty" in told
    assert "write 'externalId.upper() if externalId else None'" in told
    assert any(f"record with _id {key!r}" in told for key in _without_id(box))


@pytest.mark.parametrize("supported", [True, False])
def test_what_came_before_the_record_that_fails_is_written(
    box: Sandbox, *, supported: bool, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(page_stream, "sdk_is_supported", lambda: supported)
    ids = [row["_id"] for row in box.rows("companies")]
    fails = f"1 / (0 if _id == {ids[5]!r} else 1)"
    maps = {"companies": {"_id": "_id", "__else__": "__NULL__"}, "copy": {"__source__": "companies", "mr": fails}}
    config = config_for(box, stream_maps=maps)
    tap = TapPlanhat(config=config, catalog=catalog_for(config, "companies"))
    with pytest.raises(ConfigurationError):
        tap.sync_all()
    output = parsed(capsysbinary.readouterr().out.splitlines())
    assert output.ids("companies") == ids[:6]
    assert output.ids("copy") == ids[:5]


def test_the_command_ends_with_one_line_and_the_code_of_wrong_settings(box: Sandbox, tmp_path: Path) -> None:
    config = config_for(box, stream_maps={"companies": {"externalId": "externalId.upper()"}})
    ended = run_command(*write_files(tmp_path, config=config, catalog=catalog_for(config_for(box), "companies")))
    assert ended.returncode == _WRONG_SETTINGS
    assert len([line for line in ended.stderr.splitlines() if "CRITICAL" in line]) == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("maps", "why"),
    [
        ({"companies": {"name": "uper(name)"}}, "no function 'uper'"),
        ({"companies": {"name": "name.("}}, "not written correctly"),
        ({"companies": {"name": "name.uper()"}}, "did you mean 'upper'?"),
        ({"companies": {"_id": None}}, "'_id' is not permitted"),
        ({"__other__": {}}, "'__other__:{}' is not expected"),
        ({"companies": {"__alias__": "7"}}, "stream 'companies': __alias__ gives no text"),
        ({"never read": {"name": ""}}, "it is empty"),
    ],
)
def test_what_can_never_work_ends_the_command_before_the_first_row(
    box: Sandbox, tmp_path: Path, maps: Any, why: str
) -> None:
    config = config_for(box, stream_maps=maps)
    ended = run_command(*write_files(tmp_path, config=config, catalog=catalog_for(config_for(box), "companies")))
    assert ended.returncode == _WRONG_SETTINGS
    assert "stream_maps: " in ended.stderr
    assert why in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not ended.stdout


@pytest.mark.parametrize("maps", [{"companies": {"__else__": "x"}}, {"__else__": "x"}])
def test_stream_maps_of_the_wrong_form_are_named(box: Sandbox, tmp_path: Path, maps: Any) -> None:
    ended = run_command(*write_files(tmp_path, config=config_for(box, stream_maps=maps)))
    assert ended.returncode == _WRONG_SETTINGS
    assert "settings: stream_maps" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "maps", [None, {"endusers": {"email": "md5(email)"}}, {"endusers": {"email": "no_such_field"}}]
)
def test_a_map_for_a_stream_that_is_not_selected_changes_nothing(box: Sandbox, maps: Any) -> None:
    output = run(config_for(box, stream_maps=maps), "companies")
    assert len(output.records["companies"]) == 12


def test_a_map_for_all_streams_needs_only_fields_that_selected_ones_have(box: Sandbox) -> None:
    maps = {"*": {"__filter__": "domains is None or True"}}
    assert len(run(config_for(box, stream_maps=maps), "companies").records["companies"]) == 12


def test_the_connection_test_reads_streams_that_are_not_selected_through_their_maps(box: Sandbox) -> None:
    maps = {"notes": {"description": "'hidden'"}}
    tap = TapPlanhat(config=config_for(box, stream_maps=maps))
    (made,) = tap.mapper.stream_maps["notes"]
    assert made.transform({"_id": "1", "description": "a"}) == {"_id": "1", "description": "hidden"}


def test_a_field_that_is_not_selected_is_named(box: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="'phase' is not selected, so no record has it"):
        run(
            config_for(box, stream_maps={"companies": {"name": "phase"}}), "companies", without={"companies": ["phase"]}
        )


def test_an_undeclared_field_is_told_of_at_the_first_record_without_it(box: Sandbox) -> None:
    told = _failure(box, {"companies": {"name": "nmae"}})
    assert "the record has no column 'nmae'; did you mean 'name'?" in told


def test_what_is_no_value_is_not_written(box: Sandbox) -> None:
    assert "is () missing after it?" in _failure(box, {"companies": {"name": "name.upper"}})


def test_a_map_for_a_stream_that_does_not_exist_is_told(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """A map that hides people's names would otherwise do nothing, in silence."""
    run(config_for(box, stream_maps={"endusrs": {"email": "md5(email)"}, "companies": {"name": "name"}}), "companies")
    told = [record.getMessage() for record in caplog.records if "there is no stream" in record.getMessage()]
    assert told == ["stream_maps: there is no stream 'endusrs'. Did you mean 'endusers'?"]
