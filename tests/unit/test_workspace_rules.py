"""Rules that hold across the distributions."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = ("planhat-api", "planhat-sandbox", "tap-planhat", "target-planhat")
LOCKS = ("uv.lock", "demo/uv.lock", "benchmarks/uv.lock")
# Which of the project's packages a package may import; the value narrows it to one module.
MAY_IMPORT = {
    "planhat_api": set[str](),
    "planhat_sandbox": {"planhat_api.models.registry"},
    "tap_planhat": {"planhat_api"},
    "target_planhat": {"planhat_api"},
}


def project(folder: str) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def package_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder / folder.replace("-", "_")).rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_package_imports_only_what_its_place_allows(folder: str) -> None:
    own = folder.replace("-", "_")
    allowed = MAY_IMPORT[own]
    wrong = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in package_files(folder)
        for module in imported_modules(path)
        if module.partition(".")[0] in MAY_IMPORT
        and module.partition(".")[0] != own
        and not any(module == name or module.startswith(f"{name}.") for name in allowed)
    }
    assert not wrong
    assert package_files(folder)


def test_versions_are_in_step() -> None:
    versions = {folder: project(folder)["version"] for folder in DISTRIBUTIONS}
    assert len(set(versions.values())) == 1
    version = versions["planhat-api"]
    for folder in DISTRIBUTIONS[1:]:
        assert f"planhat-api=={version}" in project(folder)["dependencies"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_python_versions_are_in_step() -> None:
    root = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert {project(folder)["requires-python"] for folder in DISTRIBUTIONS} == {root}


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_each_distribution_carries_licence_and_types(folder: str) -> None:
    assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (ROOT / folder / folder.replace("-", "_") / "py.typed").exists()


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_one_public_index_only(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    registries = set(re.findall(r'registry = "([^"]+)"', text))
    assert len(registries) == 1
    hosts = set(re.findall(r'url = "([a-z]+://[^/]+)/', text))
    assert len(hosts) == 1
    assert all(address.startswith("https://") and "@" not in address for address in registries | hosts)


@pytest.mark.parametrize("lock", LOCKS[:2])
def test_the_old_backoff_never_stands_beside_its_successor(lock: str) -> None:
    names = {package["name"] for package in tomllib.loads((ROOT / lock).read_text("utf-8"))["package"]}
    assert "backoff" not in names


def tracked_files() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_points_outside_the_repository() -> None:
    # Spelt in pieces, or this file would find itself.
    outside = re.compile("|".join((r"\.\./" + "shared", "/work" + "/", r"\." + "library", "/tmp" + "/spec")))
    assert not [path for path in tracked_files() if outside.search(path.read_text("utf-8", errors="ignore"))]


def test_relative_links_in_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in tracked_files()
        if page.suffix == ".md"
        for link in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text("utf-8"))
        if not (page.parent / link).exists()
    ]
    assert not broken


def test_anchors_of_the_fact_page_exist() -> None:
    page = (ROOT / "docs" / "planhat-api.md").read_text("utf-8")
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors
