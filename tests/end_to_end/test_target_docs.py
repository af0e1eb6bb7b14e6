"""The examples of the pages run: settings, input, and what comes of it, three blocks each."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from planhat_sandbox import Sandbox
from target_planhat.settings import StreamSettings
from tests.target_support import run, stream

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = re.compile(r"```json\n(.*?)```\s*```jsonl\n(.*?)```\s*```json\n(.*?)```", re.DOTALL)
PAGES = ("mapping", "rejects", "metrics", "deletes", "plan")
EXAMPLES = [
    pytest.param(*found, id=f"{page} {number}")
    for page in PAGES
    for number, found in enumerate(EXAMPLE.findall((DOCS / f"{page}.md").read_text("utf-8")), 1)
]
COMPANY = {"external_id": "C-1", "name": "Known"}
FIELD = {"name": "Health Score", "parent": "company", "type": "number"}


def contains(found: Any, wanted: Any) -> bool:
    """Whether all that the page shows is there; what it does not show may be there too."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(contains(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) >= len(wanted) and all(any(contains(entry, one) for entry in found) for one in wanted)
    return bool(found == wanted)


@pytest.mark.parametrize(("settings", "given", "wanted"), EXAMPLES)
def test_examples_do_what_the_page_says(settings: str, given: str, wanted: str) -> None:
    with Sandbox(companies=2, seed=1) as box:
        run(box, [*stream("custom_fields", [FIELD]), *stream("companies", [COMPANY])])
        finished = run(box, [json.loads(line) for line in given.splitlines()], **json.loads(settings))
        assert finished.error is None
        for what, shown in json.loads(wanted).items():
            found = {"receipts": finished.receipts, "rejects": finished.rejects, "metrics": box.metrics}
            assert contains(found[what] if what in found else box.rows(what), shown), found.get(what)


def test_every_setting_of_a_block_is_described() -> None:
    page = (DOCS / "mapping.md").read_text("utf-8")
    for name in StreamSettings.__struct_fields__:
        assert f"`{name}`" in page
