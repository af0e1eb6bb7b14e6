"""A BATCH file that cannot be read to its end ends the run with the exit code for input."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from planhat_api.plugin.exit_codes import ExitCode, exit_code
from planhat_sandbox import Sandbox
from target_planhat.errors import InputError
from tests.target_support import run, schema, state

if TYPE_CHECKING:
    from pathlib import Path


def damaged(kind: str) -> bytes:
    data = gzip.compress(b'{"external_id":"g1","name":"n"}\n' * 2000)
    return {
        "cut": data[:-20],
        "wrong": data[:30] + b"\xff" * 20 + data[50:],
        "checksum": data[:-8] + b"\0" * 8,
        "plain": b"no gzip at all",
    }[kind]


@pytest.mark.parametrize("kind", ["cut", "wrong", "checksum", "plain"])
def test_a_damaged_file_is_bad_input(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(damaged(kind))
    batch = {
        "type": "BATCH",
        "stream": "companies",
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "manifest": [file.as_uri()],
    }
    with Sandbox(companies=1, seed=1) as box:
        finished = run(box, [schema("companies", ["external_id", "name"]), batch, state(1)])
    assert isinstance(finished.error, InputError)
    assert exit_code(finished.error) == ExitCode.INPUT
    assert str(file) in str(finished.error)
    assert finished.states == []
