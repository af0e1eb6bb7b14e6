"""Texts cut in the middle of an emoji, which JSON may hold as a lone surrogate, are mended and not fatal."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from planhat_sandbox import Sandbox
from tests.target_support import records, run, schema, state

if TYPE_CHECKING:
    from pathlib import Path

TEXT: dict[str, Any] = {"type": ["string", "null"]}
TYPED = {"external_id": TEXT, "name": TEXT, "_sdc_deleted_at": TEXT}
HALF = "half \ud83d"
MENDED = "half \ufffd"


@pytest.mark.parametrize("columns", [TYPED, {column: {} for column in TYPED}], ids=["typed", "open"])
@pytest.mark.parametrize("keys", [["a", "b"], ["a", "a"]], ids=["two", "one"])
def test_a_half_is_replaced(columns: dict[str, Any], keys: list[str]) -> None:
    with Sandbox(companies=1, seed=1) as box:
        rows: list[dict[str, Any]] = [
            {"external_id": keys[0], "name": "whole \U0001f600"},
            {"external_id": keys[1], "name": HALF},
        ]
        finished = run(box, [schema("companies", columns), *records("companies", rows), state(1)])
        assert finished.error is None
        names = {row["externalId"]: row["name"] for row in box.rows("companies") if row.get("externalId") in keys}
        assert names[keys[1]] == MENDED
        assert finished.states == [1]


def test_a_half_in_a_reject_can_be_sent_again() -> None:
    with Sandbox(companies=1, seed=1) as box:
        rows: list[dict[str, Any]] = [
            {"external_id": None, "name": HALF},
            {"external_id": "d", "name": HALF, "_sdc_deleted_at": "2024-05-14"},
        ]
        finished = run(box, [schema("companies", TYPED), *records("companies", rows)], max_rejects="100%")
        assert finished.summary == {"companies": {"rejected": 1, "skipped": 1}}
        assert finished.rejects[1]["record"]["name"] == MENDED


def test_a_half_in_a_batch_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.gz"
    file.write_bytes(gzip.compress(b'{"external_id": "a", "name": "half \\ud83d"}\n'))
    encoding = {"format": "jsonl", "compression": "gzip"}
    batch = {"type": "BATCH", "stream": "companies", "encoding": encoding, "manifest": [str(file)]}
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, [schema("companies", TYPED), batch])
        assert finished.error is None
        assert MENDED in {row["name"] for row in box.rows("companies")}
