"""The commands of the page about plans, as somebody types them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs" / "plan.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT, CUT = "$ ", "…"


def section(title: str) -> list[tuple[str, str]]:
    """The blocks of a section: language and text."""
    _, found, rest = PAGE.partition(f"\n## {title}\n")
    assert found
    return BLOCK.findall(rest.partition("\n## ")[0])


def typed(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that the page shows beneath it."""
    for part in block.split(PROMPT)[1:]:
        command, *shown = part.splitlines()
        yield command, [line.strip(f" {CUT}") for line in shown]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("plan")
    with Sandbox(companies=5) as box:
        settings = {name: value for name, value in connection(box).items() if name != "write"}
        (folder / "config.json").write_text(json.dumps(settings))
        (rows,) = [text for language, text in section("Make a plan") if language == "jsonl"]
        (folder / "rows.jsonl").write_text(rows, "utf-8")
        yield folder


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "a plan gives out no STATE"
    return done.stderr


def test_the_plan_of_the_page_is_made_and_carried_out(folder: Path) -> None:
    blocks = [
        text for title in ("Make a plan", "Carry it out") for language, text in section(title) if language == "console"
    ]
    commands = [each for block in blocks for each in typed(block)]
    assert len(commands) == 3
    for command, shown in commands:
        log = run(command, folder)
        assert shown
        for line in shown:
            assert line in log, (line, log)
    assert (folder / "plan.singer").stat().st_mode & 0o077 == 0
