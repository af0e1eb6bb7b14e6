"""The example in the README runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.client_support import sandbox

if TYPE_CHECKING:
    import pytest

README = Path(__file__).parents[2] / "planhat-api" / "README.md"


def test_the_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    with sandbox() as box:
        monkeypatch.setenv("PLANHAT_API_TOKEN", box.api_token)
        monkeypatch.setenv("PLANHAT_BASE_URL", box.url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        exec(compile(example[1], str(README), "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "4 companies"
    assert [line.split()[1] for line in lines[1:]] == ["created"] * 3 + ["rejected"]
    assert list((tmp_path / "planhat").glob("quota-*.sqlite"))
