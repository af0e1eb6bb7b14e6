"""A target whose run ends early, under `meltano run`: why it ended can be found, and the tap is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from planhat_sandbox import Sandbox
from tests.end_to_end.meltano_project import MeltanoProject

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(600)

# Pages of records without end, as an API gives them.
TAP = """
import json, time

def say(**message):
    print(json.dumps(message))

columns = {"external_id": {}, "name": {}}
say(type="SCHEMA", stream="companies", schema={"properties": columns}, key_properties=["external_id"])
for page in range(1000):
    for place in range(1000):
        say(type="RECORD", stream="companies", record={"external_id": f"k{page}-{place}", "name": "n" * 300})
    print(end="", flush=True)
    time.sleep(0.6)
"""
ENDS = {
    "wrong token": ({"API_TOKEN": "wrong-token-1234567890"}, "the token is not accepted"),
    "no token": ({}, "api_token: "),
    "server gone": (
        {"API_TOKEN": "t" * 20, "BASE_URL": "http://127.0.0.1:9", "TIMEOUT_SECONDS": "1"},
        "Check the network",
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> MeltanoProject:
    return MeltanoProject.of_commands(tmp_path_factory.mktemp("meltano"), {"tap-pages": TAP})


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=2, seed=1) as running:
        yield running


@pytest.mark.parametrize("cause", ENDS)
def test_why_a_run_ended_stands_among_its_last_lines(project: MeltanoProject, box: Sandbox, cause: str) -> None:
    own, told = ENDS[cause]
    settings = {
        f"TARGET_PLANHAT_{name}": value for name, value in {"BASE_URL": box.url, "QUOTA_STORE": "", **own}.items()
    }
    result = project.run("run", "tap-pages", "target-planhat", **settings)
    # Whatever the target's own code is.
    assert result.returncode == 1, result.stdout
    assert "BrokenPipeError" not in result.stdout
    lines = result.stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if told in line)
    assert len(lines) - place <= 5, result.stdout
    assert "Loader failed" in lines[place + 1]
