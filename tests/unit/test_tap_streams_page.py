"""docs/streams.md says what the model files say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, "docs/streams.py", "--check"]
    checked = subprocess.run(command, cwd=_ROOT, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
