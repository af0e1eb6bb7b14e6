"""A file of content hashes that cannot grow ends the run in one line that names its setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from planhat_api.output import OutputError
from tap_planhat.content_hashes import ContentHashes, Run

if TYPE_CHECKING:
    from pathlib import Path


def test_the_setting_is_named(tmp_path: Path) -> None:
    hashes = ContentHashes(str(tmp_path / "hashes.sqlite"), "tasks", run=Run("h", 1), stamps=())
    hashes._file.execute("PRAGMA max_page_count = 4")
    rows = [msgspec.Raw(b'{"_id":"%d"}' % place) for place in range(2000)]
    with pytest.raises(OutputError, match=r"content_hash_file: .*cannot be written: database or disk is full"):
        hashes.changed([str(place) for place in range(2000)], rows)
    hashes.close()
