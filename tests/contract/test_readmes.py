"""The examples in the READMEs of client and sandbox run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.client_support import sandbox

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]


def example_in(page: Path) -> Any:
    example = re.search(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert example is not None
    return compile(example[1], str(page), "exec")


def test_the_example_of_the_client_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with sandbox() as box:
        monkeypatch.setenv("PLANHAT_API_TOKEN", box.api_token)
        monkeypatch.setenv("PLANHAT_BASE_URL", box.url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        exec(example_in(ROOT / "planhat-api" / "README.md"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "4 companies"
    assert [line.split()[1] for line in lines[1:]] == ["created"] * 3 + ["rejected"]
    assert list((tmp_path / "planhat").glob("quota-*.sqlite"))


def test_the_example_of_the_sandbox_runs() -> None:
    exec(example_in(ROOT / "planhat-sandbox" / "README.md"), {})
