"""What is measured: each work with its rows, its latency and who does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Direction = Literal["out", "in", "pipe"]


@dataclass(frozen=True)
class Sizes:
    """Rows of each kind of work.

    Attributes:
        rows: Endusers in or out without latency.
        latency_rows: Endusers with latency.
        points: Dimension rows out.
        metrics: Metric rows in.
        form_rows: Endusers in or out in a form that asks for more work per row.
        piped: Endusers through the whole pipe.
        batched: Endusers out as BATCH files.
        memory: Endusers of the two runs whose memory is compared.
    """

    rows: int = 200_000
    latency_rows: int = 100_000
    points: int = 500_000
    metrics: int = 250_000
    form_rows: int = 100_000
    piped: int = 100_000
    batched: int = 50_000
    memory: tuple[int, int] = (100_000, 2_000_000)

    def scaled(self, factor: float) -> Sizes:
        """All of them more or fewer."""

        def times(rows: int) -> int:
            return max(1, round(rows * factor))

        return Sizes(
            rows=times(self.rows),
            latency_rows=times(self.latency_rows),
            points=times(self.points),
            metrics=times(self.metrics),
            form_rows=times(self.form_rows),
            piped=times(self.piped),
            batched=times(self.batched),
            memory=(times(self.memory[0]), times(self.memory[1])),
        )


@dataclass(frozen=True)
class Work:
    """One kind of work.

    Attributes:
        key: Short name.
        title: For the report.
        direction: Out of Planhat, into it, or both.
        stream: Singer stream that is moved.
        size: Which of the sizes says how many rows.
        contestants: Who does it.
        latency: Milliseconds every answer of the stand-in waits.
        source: Which file is sent, see ``feed``; only for ``in``.
        settings: More settings of this project's tap or target.
        renamed: Column of the rows as they are moved to its name in Planhat. A contestant that knows no stream maps
            renames it by itself.
        deselected: Columns that the catalog leaves out; only for ``out``.
    """

    key: str
    title: str
    direction: Direction
    stream: str
    size: str
    contestants: tuple[str, ...]
    latency: int = 0
    source: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    deselected: tuple[str, ...] = ()


_READERS = ("ours", "floor", "cruds", "airbyte", "plain_sdk")
_WRITERS = ("ours", "floor", "cruds", "plain_sdk")
_BESIDE_CRUDS = ("ours", "cruds")
_JOB_TITLE = {"job_title": "position"}

WORKS = (
    Work("endusers-out", "Endusers out, latency 0", "out", "endusers", "rows", _READERS),
    Work("endusers-out-200", "Endusers out, latency 200 ms", "out", "endusers", "latency_rows", _READERS, 200),
    Work("dimension-out", "Dimension data out, latency 0", "out", "dimension_data", "points", _READERS),
    Work("endusers-in", "Endusers in, latency 0", "in", "endusers", "rows", _WRITERS, source="upserts"),
    Work(
        "endusers-in-200",
        "Endusers in, latency 200 ms",
        "in",
        "endusers",
        "latency_rows",
        ("ours", "floor", "cruds"),
        200,
        "upserts",
    ),
    Work(
        "tap-rows-in",
        "Endusers in as the tap writes them (half of the fields are read-only)",
        "in",
        "endusers",
        "rows",
        ("ours", "floor", "cruds"),
        source="endusers",
    ),
    Work("metrics-in", "Metrics in, latency 0", "in", "metrics", "metrics", _WRITERS, source="metrics"),
    Work(
        "json-column-in",
        "Endusers in, `custom` and other objects as JSON columns whose inside no schema describes",
        "in",
        "endusers",
        "form_rows",
        _BESIDE_CRUDS,
        source="json-column",
    ),
    Work(
        "checked-in",
        "Endusers in, a schema with enum and pattern",
        "in",
        "endusers",
        "form_rows",
        _BESIDE_CRUDS,
        source="checked",
    ),
    Work(
        "mapped-in",
        "Endusers in, a stream map renames a column",
        "in",
        "endusers",
        "form_rows",
        _BESIDE_CRUDS,
        source="renamed",
        settings={"stream_maps": {"endusers": {"position": "job_title", "job_title": "__NULL__"}}},
        renamed=_JOB_TITLE,
    ),
    Work(
        "metrics-clear-in",
        "Metrics in, `nulls: clear`",
        "in",
        "metrics",
        "metrics",
        _BESIDE_CRUDS,
        source="metrics",
        settings={"nulls": "clear"},
    ),
    Work(
        "columns-out",
        "Endusers out, two columns deselected",
        "out",
        "endusers",
        "form_rows",
        _BESIDE_CRUDS,
        deselected=("phone", "experience"),
    ),
    Work(
        "mapped-out",
        "Endusers out, a stream map renames a column",
        "out",
        "endusers",
        "form_rows",
        _BESIDE_CRUDS,
        settings={"stream_maps": {"endusers": {"job_title": "position", "position": "__NULL__"}}},
        renamed=_JOB_TITLE,
    ),
    Work(
        "flattened-out",
        "Endusers out, flattened",
        "out",
        "endusers",
        "form_rows",
        _BESIDE_CRUDS,
        settings={"flattening_enabled": True, "flattening_max_depth": 1},
    ),
    Work("batch-out", "Endusers out as BATCH files", "out", "endusers", "batched", ("ours", "ours_batch")),
    Work("pipe", "Whole pipe: tap | target", "pipe", "endusers", "piped", ("ours", "plain_sdk", "meltano")),
)

MEMORY_WORKS = {
    "tap": Work("memory-out", "Memory of the tap", "out", "endusers", "memory", ("ours",)),
    "target": Work("memory-in", "Memory of the target", "in", "endusers", "memory", ("ours",), source="upserts"),
}

PARTS = ("stand-in", "start-up", *(work.key for work in WORKS), "relay", "memory")
