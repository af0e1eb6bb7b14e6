"""The stand-in as the runner sees it: started, told what to serve, asked what arrived."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Control:
    """Speaks to one stand-in."""

    def __init__(self, url: str) -> None:
        """Speak to the stand-in at ``url``."""
        self.url = url

    def ask(self, what: str, content: Any = None) -> Any:  # noqa: ANN401 - whatever JSON can say
        """One call."""
        request = urllib.request.Request(
            f"{self.url}/_stand-in/{what}", data=json.dumps(content).encode(), headers={"Connection": "close"}
        )
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.load(answer)


@contextmanager
def stand_in() -> Iterator[Control]:
    """A stand-in in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.standin"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip()  # type: ignore[union-attr]
            yield Control(url)
        finally:
            process.terminate()
