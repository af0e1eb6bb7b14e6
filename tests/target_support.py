"""Runs the target in this process against a sandbox, and tells what it made of each record."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from planhat_api import analytics
from target_planhat.delivery import channels
from target_planhat.delivery.batch import Batch
from target_planhat.errors import KNOWN_ERRORS
from target_planhat.failed_run import read_input
from target_planhat.target import TargetPlanhat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from planhat_sandbox import Sandbox

Message = dict[str, Any]


@dataclass
class Finished:
    """What a run left behind."""

    states: list[Any]
    receipts: list[dict[str, Any]]
    rejects: list[Message]
    error: Exception | None = None
    summary: dict[str, dict[str, int]] = field(default_factory=dict)

    def verdicts(self, stream: str | None = None) -> dict[str, str]:
        """Verdict by key; of the last receipt when a key occurs twice."""
        return {
            receipt["key_value"]: receipt["outcome"]
            for receipt in self.receipts
            if stream is None or receipt["stream"] == stream
        }

    def reasons(self) -> dict[str, str]:
        """Reason by key."""
        return {receipt["key_value"]: receipt["reason"] for receipt in self.receipts if receipt["reason"]}


def connection(box: Sandbox, **more: Any) -> dict[str, Any]:
    """Settings that lead to the sandbox, without waiting, without a look and without a ledger."""
    return {
        "api_token": box.api_token,
        "tenant_token": box.tenant_token,
        "base_url": box.url,
        "analytics_url": box.analytics_url,
        "quota_store": "",
        "ledger_dir": "",
        "check_metric_targets": False,
        "landing_seconds": 1,
        "calls_per_minute": 9000,
        "write": "all",
        **more,
    }


def schema(stream: str, columns: Iterable[str] | Mapping[str, Any], *keys: str) -> Message:
    """A SCHEMA message; columns alone may hold anything."""
    typed = dict(columns) if isinstance(columns, dict) else {column: {} for column in columns}
    return {"type": "SCHEMA", "stream": stream, "schema": {"properties": typed}, "key_properties": list(keys)}


def records(stream: str, rows: Iterable[Mapping[str, Any]]) -> list[Message]:
    """RECORD messages."""
    return [{"type": "RECORD", "stream": stream, "record": dict(row)} for row in rows]


def stream(name: str, rows: Iterable[Mapping[str, Any]]) -> list[Message]:
    """SCHEMA and RECORD messages of rows; every column may hold anything."""
    listed = list(rows)
    return [schema(name, {column: {} for row in listed for column in row}), *records(name, listed)]


def state(value: Any) -> Message:
    """A STATE message."""
    return {"type": "STATE", "value": value}


def lines(messages: Iterable[Message]) -> bytes:
    """The messages as a tap writes them."""
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def _read(folder: str, pattern: str) -> list[dict[str, Any]]:
    found = sorted(Path(folder).glob(pattern))
    assert len(found) <= 1
    return [json.loads(line) for path in found for line in path.read_bytes().splitlines()]


@contextmanager
def small_calls(*, points: int | None = None, size: int | None = None) -> Iterator[None]:
    """Metrics and activities in one call, and bytes of the rows of a batch, for less than the limits of Planhat."""
    with (
        patch.object(analytics, "ROWS_PER_CALL", points or analytics.ROWS_PER_CALL),
        patch.object(channels, "Batch", lambda rows, most, **more: Batch(rows, size or most, **more)),
    ):
        yield


def run(box: Sandbox, messages: Iterable[Message] | bytes, **settings: Any) -> Finished:
    """Run the target on these messages, or lines; an error that ends the run is part of what is left behind."""
    given = messages if isinstance(messages, bytes) else lines(messages)
    with tempfile.TemporaryDirectory() as folder:
        config = connection(box, rejects_dir=folder, receipts_dir=folder, **settings)
        output = io.StringIO()
        error: Exception | None = None
        target = None
        with redirect_stdout(output):
            try:
                target = TargetPlanhat(config=config)
                error = read_input(target, io.BytesIO(given))  # type: ignore[arg-type]
            except KNOWN_ERRORS as err:
                error = err
        if target:
            target.run.close()
        return Finished(
            [json.loads(line) for line in output.getvalue().splitlines()],
            _read(folder, "receipts-*.jsonl"),
            _read(folder, "rejects-*.singer"),
            error,
            {name: target.run.ledger.summary.of(name) for name in target.run.ledger.summary.streams} if target else {},
        )
