"""Settings that name a folder, written as one writes them in a shell."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from planhat_api import ConfigurationError
from planhat_sandbox import Sandbox
from target_planhat.target import TargetPlanhat
from tests.target_support import connection, lines, stream

if TYPE_CHECKING:
    from pathlib import Path


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    rows = [{"external_id": "c-1", "name": "One"}, {"external_id": None, "name": "Two"}]
    folders = {"rejects_dir": "~/rej", "receipts_dir": "~/rec/deeper", "max_rejects": "100%"}
    with Sandbox(companies=1, seed=1) as box:
        target = TargetPlanhat(config=connection(box, **folders))
        target.listen(io.BytesIO(lines(stream("companies", rows))))  # type: ignore[arg-type]
        target.run.close()
    assert len(list((home / "rej").glob("rejects-*.singer"))) == 1
    assert len(list((home / "rec" / "deeper").glob("receipts-*.jsonl"))) == 1
    assert not list(here.iterdir())


@pytest.mark.parametrize("setting", ["rejects_dir", "receipts_dir"])
def test_a_home_folder_that_does_not_exist_is_named_by_its_setting(setting: str) -> None:
    config = {"api_token": "x", setting: "~nobody-of-this-name/rej"}
    with pytest.raises(ConfigurationError, match=f"{setting}: ~ stands for a home folder that is not known"):
        TargetPlanhat(config=config)
