"""The way back in Dagster: a plan that is read by a person, and a run that carries out just this plan."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dagster_planhat import Connector, Flow
from tests.engines.tenant import failure_of, metadata_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engines.tenant import Acme

ROWS = """
import json, sys
settings = json.load(open(sys.argv[2]))
schema = {"properties": {"external_id": {"type": "string"}, "csm_score": {"type": "integer"}}}
print(json.dumps({"type": "SCHEMA", "stream": "companies", "schema": schema, "key_properties": ["external_id"]}))
for id, score in settings["scores"].items():
    print(json.dumps({"type": "RECORD", "stream": "companies", "record": {"external_id": id, "csm_score": score}}))
sys.exit(settings.get("code", 0))
"""


@pytest.fixture
def set_flow(acme: Acme, tmp_path: Path) -> Callable[..., None]:
    """Gives the tenant a flow whose tap has these settings: ``scores`` are what it writes."""
    (tmp_path / "rows.py").write_text(ROWS)

    def change(**settings: Any) -> None:
        acme.flows = (Flow("scores", Connector([sys.executable, str(tmp_path / "rows.py")], settings)),)

    return change


def write(acme: Acme, plan_id: str, **more: Any) -> Any:
    return acme.materialize("write_scores", ops={"acme__write_scores": {"config": {"plan_id": plan_id, **more}}})


def test_a_plan_is_carried_out_once_by_a_run_that_names_it(acme: Acme, set_flow: Callable[..., None]) -> None:
    one, other = (row for row in acme.box.ask("rows/companies")[:2])
    scores = {one["externalId"]: 6 - (one.get("csmScore") or 0), other["externalId"]: other.get("csmScore") or 3}
    set_flow(scores=scores)
    planned = acme.materialize("plan_scores")
    assert planned.success
    metadata = metadata_of(planned, "plan_scores")
    assert json.dumps(metadata["planhat/plan"]["streams"]["companies"]).count("update") >= 1
    assert Path(metadata["planhat/plan_file"]).exists()
    unchanged = acme.box.ask("rows/companies")[0]
    assert unchanged == one
    written = write(acme, metadata["planhat/plan_id"])
    assert written.success, failure_of(written)
    assert metadata_of(written, "write_scores")["planhat/updated"] >= 1
    assert acme.box.ask("rows/companies")[0]["csmScore"] == scores[one["externalId"]]
    again = write(acme, metadata["planhat/plan_id"])
    assert "was written already, by the run" in failure_of(again)
    assert "is not the id of a plan" in failure_of(write(acme, "../../other"))


def test_a_plan_that_a_lost_worker_has_begun_is_not_written_by_a_run_that_takes_its_place(
    acme: Acme, set_flow: Callable[..., None]
) -> None:
    one = acme.box.ask("rows/companies")[0]
    score = 6 - (one.get("csmScore") or 0)
    set_flow(scores={one["externalId"]: score})
    metadata = metadata_of(acme.materialize("plan_scores"), "plan_scores")
    # What a worker leaves behind that is killed in the middle.
    Path(metadata["planhat/plan_file"]).with_suffix(".begun").write_text("run-of-a-lost-worker\n")
    refused = write(acme, metadata["planhat/plan_id"])
    assert "the run run-of-a-lost-worker has begun to write the plan" in failure_of(refused)
    assert acme.box.ask("rows/companies")[0] == one
    assert write(acme, metadata["planhat/plan_id"], again=True).success
    assert acme.box.ask("rows/companies")[0]["csmScore"] == score


WITHOUT_KEY = """
import json
schema = {"properties": {"name": {"type": "string"}}}
print(json.dumps({"type": "SCHEMA", "stream": "companies", "schema": schema, "key_properties": []}))
print(json.dumps({"type": "RECORD", "stream": "companies", "record": {"name": "A company without a key"}}))
"""


def test_rows_that_a_plan_cannot_hold_are_not_lost_in_silence(acme: Acme, tmp_path: Path) -> None:
    (tmp_path / "rows.py").write_text(WITHOUT_KEY)
    tap = Connector(["sh", "-c", f"exec {sys.executable} {tmp_path / 'rows.py'}", "tap"])
    acme.flows = (Flow("scores", tap, {"streams": {"companies": {"insert_without_key": True}}}),)
    failed = acme.materialize("plan_scores")
    assert not failed.success
    assert "a plan cannot hold these rows: 1 of companies" in failure_of(failed)
    assert not [path for path in (tmp_path / "plans").rglob("*") if path.is_file()]


def test_nothing_is_written_without_the_id_of_a_plan(acme: Acme, set_flow: Callable[..., None]) -> None:
    set_flow(scores={})
    with pytest.raises(Exception, match="plan_id"):
        acme.materialize("write_scores")


def test_a_plan_of_an_input_that_broke_off_is_no_plan(
    acme: Acme, set_flow: Callable[..., None], tmp_path: Path
) -> None:
    set_flow(scores={"C-1": 1}, code=1)
    failed = acme.materialize("plan_scores")
    assert not failed.success
    assert not [path for path in (tmp_path / "plans").rglob("*") if path.is_file()]
