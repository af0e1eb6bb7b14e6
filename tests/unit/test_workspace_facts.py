"""The page docs/planhat-api.md holds every fact and source that code and model files cite."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from planhat_api.models import registry

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "planhat-api.md").read_text("utf-8")
DEFINED = set(re.findall(r"\*\*([BQ]\d+)\*\*", PAGE))
SOURCES = set(re.findall(r"^\| ([A-Z][A-Z0-9-]+) \|", PAGE, re.MULTILINE))
TEXT_FILES = {".json", ".md", ".py", ".sql", ".toml", ".yml"}


def citing_files() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in found if path.suffix in TEXT_FILES and path.is_file()]


def test_every_fact_and_question_is_there_once() -> None:
    numbers = re.findall(r"\*\*([BQ]\d+)\*\*", PAGE)
    assert sorted(numbers) == sorted([f"B{n}" for n in range(1, 103)] + [f"Q{n}" for n in range(1, 30)])


def test_every_cited_number_exists() -> None:
    unknown = {
        f"{path.relative_to(ROOT)}: {number}"
        for path in citing_files()
        # The linter's own codes look the same.
        for number in re.findall(r"\b([BQ]\d{1,3})\b", re.sub(r"noqa: [A-Z\d, ]+", "", path.read_text("utf-8")))
        if number not in DEFINED
    }
    assert not unknown


@pytest.mark.parametrize("model", registry.all_models().values(), ids=lambda model: model.file)
def test_every_source_of_a_model_is_listed(model: registry.Model) -> None:
    assert set(model.sources) <= SOURCES


def test_sources_cited_by_facts_are_listed() -> None:
    cited = {
        key
        for group in re.findall(r"(?:documented|live|code): ([A-Z][A-Z0-9 -]*[A-Z0-9])", PAGE)
        for key in group.split()
    }
    assert cited
    assert cited <= SOURCES
