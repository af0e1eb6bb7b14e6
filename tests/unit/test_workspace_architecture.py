"""The pages for contributors name only what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PACKAGES = {name: ROOT / name.replace("_", "-") / name for name in ("planhat_api", "tap_planhat", "target_planhat")}


def _section(package: str) -> str:
    return ARCHITECTURE.partition(f"## The packages of {package}")[2].partition("\n## ")[0]


def _found(name: str, package: str) -> bool:
    first = name.partition("/")[0]
    folders = [PACKAGES[first].parent] if first in PACKAGES else [PACKAGES[package], PACKAGES["planhat_api"]]
    return any((folder / name).exists() for folder in folders)


@pytest.mark.parametrize("package", ["tap_planhat", "target_planhat"])
def test_every_file_and_folder_of_the_walks_is_there(package: str) -> None:
    section = _section(package)
    names = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py|[a-z_]+/[a-z_/]+)`", section))
    assert names
    assert [name for name in sorted(names) if not _found(name, package)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_is_for(package: str) -> None:
    for folder in PACKAGES[package].rglob("__init__.py"):
        first = folder.read_text("utf-8").splitlines()[0]
        assert re.fullmatch(r'"""[A-Z].*[.:]"*', first), folder


def test_every_package_of_tap_and_target_is_on_the_page() -> None:
    for package in ("tap_planhat", "target_planhat"):
        folders = {path.parent.name for path in PACKAGES[package].glob("*/__init__.py")}
        assert {folder for folder in folders if f"| `{folder}`" not in _section(package)} == set()


def test_every_path_in_the_page_on_contributing_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    names = set(re.findall(r"`([a-z_-]+(?:/[A-Za-z_-]+)+(?:\.(?:py|md|json))?)`", page))
    assert names
    assert [
        name
        for name in sorted(names)
        if not any(
            (ROOT / base / name).exists() for base in ("", "target-planhat/target_planhat", "tap-planhat/tap_planhat")
        )
    ] == []
