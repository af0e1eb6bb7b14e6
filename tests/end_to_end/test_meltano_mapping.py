"""The examples of the page on mapping in their Meltano forms, through Meltano itself.

Nothing is installed: the loader of the project is the command of this environment, with the settings of `plugin.yml`.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from planhat_sandbox import Sandbox
from tests.end_to_end.meltano_project import MELTANO, ROOT, MeltanoProject
from tests.end_to_end.test_target_docs import COMPANY, FIELD, contains
from tests.target_support import lines, run, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(600)

_BODY = r"((?:(?!```).)*)```"
_PROSE = r"(?:(?!```).)*"
_EXAMPLE = rf"```jsonl\n{_BODY}\s*```json\n{_BODY}{_PROSE}```yaml\n{_BODY}{_PROSE}```sh\n{_BODY}"
PAGE = (ROOT / "docs" / "mapping.md").read_text("utf-8")
EXAMPLES = re.findall(_EXAMPLE, PAGE, re.DOTALL)
PLAIN = "target-planhat"
INTERNAL = {"external_id": "I-1", "name": "Acme", "description": "internal", "phase": "internal", "nowhere": "internal"}
IGNORING = {"companies": {"columns": {"description": None}, "ignore": ["phase"]}}
LEAVING_OUT = {"companies": {"nowhere": "__NULL__"}}


def loader(number: int) -> str:
    return f"example-{number}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> MeltanoProject:
    """One project for all examples: each has a loader of its own, which inherits all but its settings."""
    examples = [
        {"name": loader(number), "inherit_from": PLAIN, "config": yaml.safe_load(form)}
        for number, (_, _, form, _) in enumerate(EXAMPLES)
    ]
    # Meltano fails on a null in a loader that inherits.
    ignoring = {
        "name": "ignoring",
        "namespace": "ignoring",
        "config": {"streams": IGNORING, "stream_maps": LEAVING_OUT},
    }
    return MeltanoProject.of_commands(tmp_path_factory.mktemp("meltano"), loaders=[*examples, ignoring])


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(companies=2, seed=1) as running:
        run(running, [*stream("custom_fields", [FIELD]), *stream("companies", [COMPANY])])
        yield running


def sent(project: MeltanoProject, box: Sandbox, name: str, given: bytes, **settings: str) -> str:
    """Send rows through the loader of a project; the log."""
    # The variables of a loader are named after it, or after the one it inherits from.
    prefix = "IGNORING_" if name == "ignoring" else "TARGET_PLANHAT_"
    own = {
        f"{prefix}API_TOKEN": box.api_token,
        f"{prefix}BASE_URL": box.url,
        f"{prefix}QUOTA_STORE": "",
        f"{prefix}REJECTS_DIR": str(project.folder / "rejects"),
    }
    environment = project.environment(**own, **settings)
    finished = subprocess.run(
        [str(MELTANO), "invoke", name],
        cwd=project.folder,
        env=environment,
        input=given,
        check=False,
        capture_output=True,
    )
    log = finished.stderr.decode()
    assert finished.returncode == 0, log
    return log


def assert_arrived(box: Sandbox, wanted: str) -> None:
    shown = json.loads(wanted)
    for model in set(shown) - {"rejects", "receipts"}:
        assert contains(box.rows(model), shown[model]), box.rows(model)


def test_the_page_has_examples_in_both_forms() -> None:
    assert len(EXAMPLES) == 2
    assert any("ignore" in form for _, _, form, _ in EXAMPLES)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_in_meltano_yml(project: MeltanoProject, box: Sandbox, number: int) -> None:
    given, wanted, _, _ = EXAMPLES[number]
    sent(project, box, loader(number), given.encode())
    assert_arrived(box, wanted)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_as_environment_variables(project: MeltanoProject, box: Sandbox, number: int) -> None:
    given, wanted, _, form = EXAMPLES[number]
    settings = dict(setting.split("=", 1) for setting in shlex.split(form))
    sent(project, box, PLAIN, given.encode(), **settings)
    assert_arrived(box, wanted)


def row_sent(box: Sandbox) -> dict[str, Any]:
    (row,) = [row for row in box.rows("companies") if row.get("externalId") == "I-1"]
    return row


def test_meltano_drops_a_null_and_keeps_what_the_page_puts_in_its_place(project: MeltanoProject, box: Sandbox) -> None:
    sent(project, box, "ignoring", lines(stream("companies", [INTERNAL])))
    # As the page says. Should the null arrive one day, so that nothing internal is sent, the page can say less.
    assert row_sent(box)["description"] == "internal"
    assert row_sent(box).get("phase") != "internal"


def test_an_object_in_the_environment_is_merged_with_meltano_yml(project: MeltanoProject, box: Sandbox) -> None:
    more: dict[str, Any] = {
        "companies": {"columns": {"description": None}, "constants": {"custom": {"Health Score": 3}}}
    }
    given = lines(stream("companies", [INTERNAL]))
    sent(project, box, "ignoring", given, IGNORING_STREAMS=json.dumps(more))
    assert row_sent(box)["custom"]["Health Score"] == 3
    assert "internal" not in str(row_sent(box))


def test_the_command_that_the_log_tells_sends_rejects_again(project: MeltanoProject, box: Sandbox) -> None:
    rows = [{"source_id": "a", "name": "A", "company_source_id": "late"}]
    log = sent(project, box, PLAIN, lines(stream("assets", rows)), TARGET_PLANHAT_MAX_REJECTS="100%")
    (command,) = re.findall(r"send them again with: (meltano invoke target-planhat < \S+)", log)
    run(box, stream("companies", [{"source_id": "late", "name": "Late"}]))
    name, *rest = shlex.split(command.partition(" < ")[0])
    assert name == "meltano"
    assert rest == ["invoke", PLAIN]
    file = Path(command.partition(" < ")[2])
    again = sent(project, box, PLAIN, file.read_bytes())
    assert "assets: 1 records: 1 created" in again
