"""Streams of models in Dagster: what runs pass on to each other, and what they keep to themselves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dagster as dg

from dagster_planhat import Connector, Flow
from tests.engines.tenant import checks_of, failure_of, metadata_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.engines.tenant import Acme

FAILS_AFTER_ITS_WORK = "import subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); sys.exit(1)"


def calls(acme: Acme, since: int) -> list[str]:
    return [call["path"] for call in acme.box.calls[since:]]


def test_each_stream_goes_on_where_its_own_last_run_ended(acme: Acme) -> None:
    first = acme.materialize("companies", "users")
    assert first.success
    assert sorted(checks_of(first)) == [("rows_landed", "passed"), ("rows_landed", "passed")]
    assert acme.ids("companies") == acme.box.ids("companies")
    assert metadata_of(first, "companies")["planhat/rows_read"] == 6
    # A run of one stream leaves the others' state alone.
    since = len(acme.box.calls)
    assert acme.materialize("companies").success
    assert calls(acme, since).count("companies") == 1
    # A list whose end is known takes one call; without the state it takes two.
    since = len(acme.box.calls)
    second = acme.materialize("companies", "users")
    assert second.success
    assert sorted(calls(acme, since)) == ["companies", "customfields", "users"]
    assert acme.ids("companies") == acme.box.ids("companies")


def test_a_state_that_the_loader_did_not_confirm_is_not_kept(acme: Acme) -> None:
    acme.streams = ("projects",)
    usual, acme.loader = acme.loader, ["python3", "-c", FAILS_AFTER_ITS_WORK, *acme.loader]
    failed = acme.materialize("projects")
    assert not failed.success
    assert failure_of(failed).endswith("loader ended with 1, see its log in the standard error of the step")
    acme.loader = usual
    since = len(acme.box.calls)
    assert acme.materialize("projects").success
    assert calls(acme, since).count("projects") == 2


def test_a_stream_that_the_token_may_not_read_is_not_materialized_and_the_others_are(acme: Acme) -> None:
    acme.box.ask("faults", [{"kind": "status", "status": 403, "path": "users"}])
    try:
        result = acme.materialize("companies", "users")
    finally:
        acme.box.ask("faults", [])
    assert result.success
    (event,) = result.get_asset_materialization_events()
    assert event.asset_key == dg.AssetKey(["acme", "companies"])
    assert checks_of(result) == [("rows_landed", "passed")]


def test_a_tap_that_does_not_say_what_it_read_has_failed(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGLEVEL", "WARNING")
    assert "tap-planhat wrote no summary" in failure_of(acme.materialize("companies"))


def test_an_unknown_stream_is_named(acme: Acme) -> None:
    acme.streams = ("company",)
    assert "the tap has no stream company" in failure_of(acme.materialize("company"))


def test_a_missing_token_is_named_by_its_variable(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANHAT_API_TOKEN_ACME")
    assert "the environment variable PLANHAT_API_TOKEN_ACME is not set" in failure_of(acme.materialize("companies"))


def test_no_secret_is_in_what_dagster_stores_or_shows(
    acme: Acme, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "own")) as instance:
        acme.instance = instance
        assert acme.materialize("companies").success
        # With a wrong password the loader fails, and tells so.
        acme.loader = ["sh", "-c", 'cat "$2" >&2; exit 1', "loader"]
        assert not acme.materialize("companies").success
    stored = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    shown = capfd.readouterr()
    assert len(stored) > 5
    assert "***" in shown.err
    secrets = [acme.box.token, "a-pass-word"]
    for secret in secrets:
        assert secret not in shown.out + shown.err
        assert not [each for each in stored if secret.encode() in each]
    repository = acme.definitions.get_repository_def()
    assert repository.get_all_jobs()
    everything = repr([job.get_job_snapshot() for job in repository.get_all_jobs()])
    assert "acme__models" in everything
    assert not [secret for secret in secrets if secret in everything]


def test_no_command_gets_a_secret_in_its_environment(
    acme: Acme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["WAREHOUSE_URL", "PLANHAT_API_TOKEN_ACME", "OF_A_FLOW", "OF_ITS_TAP"]
    for name in names:
        monkeypatch.setenv(name, os.environ.get(name, f"the value {name}"))
    flow = Connector(["other-tap"], {"password": dg.EnvVar("OF_ITS_TAP")})
    acme.flows = (Flow("scores", flow, {"quota_store": dg.EnvVar("OF_A_FLOW")}),)
    acme.has_warehouse = False
    seen = tmp_path / "seen"
    program = f'printenv >> {seen}; exec {acme.tap.command[0]} "$@"'
    acme.tap = Connector(["sh", "-c", program, "tap"], {"calls_per_minute": 9000})
    assert acme.materialize("companies").success
    # Discovery is a run of the tap too.
    assert seen.read_text().count("PATH=") >= 2
    assert not [name for name in names if f"{name}=" in seen.read_text()]


def test_a_warehouse_without_a_driver_fails_the_check_and_not_the_run(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", "oracle+cx_oracle://user:a-pass-word@host/db")
    acme.loader = ["sh", "-c", "cat >/dev/null", "loader"]
    result = acme.materialize("companies")
    assert result.success
    assert checks_of(result) == [("rows_landed", "ERROR")]


def test_every_run_that_calls_planhat_is_in_the_pool_of_its_tenant(acme: Acme) -> None:
    pools = {each.node_def.name: each.op.pool for each in acme.definitions.assets or ()}  # type: ignore[union-attr]
    assert set(pools) == {"acme__models", "acme__dimension_data_history", "acme__dimensions"}
    assert set(pools.values()) == {"planhat_acme"}
