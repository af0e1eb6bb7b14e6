"""The commands of the README, as a newcomer types them: one section after the other, in a copy of the project."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.meltano_project import MELTANO, MeltanoProject
from tests.end_to_end.readme import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Meltano and pip install each plugin first, on whatever machine this is.
pytestmark = pytest.mark.timeout(900)

SERVE = "planhat-sandbox serve --port 8080"
FEW_ROWS = ("--companies", "20", "--endusers", "40", "--days", "10")
PORT = re.compile(r":8080\b")
CLONE = "<clone of this repository>"

FIRST_STEPS = Section("First steps")
OWN_PROJECT = Section("In your own Meltano project")
WITHOUT_MELTANO = Section("Without Meltano")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> MeltanoProject:
    return MeltanoProject.copied_to(tmp_path_factory.mktemp("readme"))


@pytest.fixture(scope="module")
def ready() -> Iterator[list[str]]:
    """What the sandbox of the README says; its port is a free one."""
    assert SERVE in FIRST_STEPS.commands()
    command = [*shlex.split(SERVE.replace("8080", "0")), *FEW_ROWS]
    with subprocess.Popen(
        [str(MELTANO.with_name(command[0])), *command[1:]], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield [process.stdout.readline().rstrip("\n") for _ in FIRST_STEPS.output_of(SERVE)]
        process.terminate()


def typed(commands: Sequence[str], project: MeltanoProject, folder: Path) -> str:
    """Output of commands typed into one shell, which ends at the first that fails."""
    script = "\n".join(command.replace(CLONE, str(project.folder)) for command in commands)
    environment = project.environment(PATH=f"{MELTANO.parent}:/usr/local/bin:/usr/bin:/bin")
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail"],
        input=script,
        cwd=folder,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def exports(ready: Sequence[str]) -> list[str]:
    return [line for line in ready if line.startswith("export ")]


def test_the_sandbox_says_what_the_readme_shows(ready: list[str]) -> None:
    port = re.search(r":(\d+)", ready[0])
    assert port
    assert ready == [PORT.sub(f":{port[1]}", line) for line in FIRST_STEPS.output_of(SERVE)]
    (config,) = WITHOUT_MELTANO.blocks("json")
    settings = json.loads(PORT.sub(f":{port[1]}", config))
    target = {f"TARGET_PLANHAT_{name.upper()}={value}" for name, value in settings.items()}
    assert target <= {word for line in ready for word in line.split()}


def test_the_first_steps_lead_out_of_planhat_and_back(project: MeltanoProject, ready: list[str]) -> None:
    (sql,) = FIRST_STEPS.blocks("sql")
    (project.folder / "send.sql").write_text(sql, "utf-8")
    commands = [command for command in FIRST_STEPS.commands() if command != SERVE]
    output = typed([*exports(ready), *commands], project, project.folder)
    assert "Plugin configuration is valid" in output
    assert "Beginning sync of 'conversations'" in output
    assert "Beginning sync of 'notes'" not in output
    for line in FIRST_STEPS.output_of(commands[-1]):
        assert re.search(re.sub(r"\d+", r"\\d+", line), output)


def test_the_definitions_can_be_added_to_another_project(
    project: MeltanoProject, ready: list[str], tmp_path: Path
) -> None:
    (tmp_path / "meltano.yml").write_text("project_id: other\nsend_anonymous_usage_stats: false\n")
    commands = [*exports(ready), *OWN_PROJECT.commands(), "meltano config test tap-planhat"]
    assert "Plugin configuration is valid" in typed(commands, project, tmp_path)
    written = (tmp_path / "meltano.yml").read_text("utf-8")
    assert "sensitive: true" in written
    assert "executable: target-planhat" in written


def test_a_plain_pipe_goes_on_from_its_last_state(project: MeltanoProject, ready: list[str], tmp_path: Path) -> None:
    output = typed([*exports(ready), *WITHOUT_MELTANO.commands()], project, tmp_path)
    assert "Traceback" not in output
    first, *_, last = (tmp_path / "states.jsonl").read_text("utf-8").splitlines()
    assert json.loads(first).keys() == json.loads(last).keys() == {"bookmarks"}
    assert "dimension_data" in json.loads((tmp_path / "state.json").read_text("utf-8"))["bookmarks"]
