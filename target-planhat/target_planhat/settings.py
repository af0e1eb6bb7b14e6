"""The settings of the target."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from planhat_api import analytics
from planhat_api.bulk.upsert import MOST_BYTES, MOST_ROWS
from planhat_api.plugin.name_suggestions import closest_name
from planhat_api.settings.paths import path_in
from planhat_api.settings.table import CONNECTION_SETTINGS
from target_planhat.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["SETTINGS", "StreamSettings", "TargetSettings"]

MAX_METRIC_ROWS = 100_000
"""Points of one import (B16)."""

_UNKNOWN_COLUMNS = ["refuse", "leave_out", "send"]
_NULLS = ["leave_out", "clear"]
_READ_ONLY = ["leave_out", "send"]
_MODES = ["upsert", "update", "insert"]
_FOLDERS = ("rejects_dir", "receipts_dir")

_STREAM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "model": {"type": "string", "description": "Stream or model of Planhat the rows go to."},
        "key": {
            "type": "string",
            "description": "Field that rows are matched on; keys Planhat tries before it are left out.",
        },
        "columns": {
            "type": "object",
            # A column with a dot in its name comes as an object.
            "additionalProperties": {"type": ["string", "null", "object"]},
            "description": "Column to field (`custom.Name` for a custom field); null leaves it out, as `ignore` does.",
        },
        "ignore": {"type": "array", "items": {"type": "string"}, "description": "Columns that are left out."},
        "constants": {"type": "object", "description": "Field to the value every row gets."},
        "custom_prefix": {"type": "string", "description": "Columns that start with this hold custom fields."},
        "nulls": {"type": "string", "enum": _NULLS, "description": "What a null does: leave_out, or clear the field."},
        "clear": {"type": "array", "items": {"type": "string"}, "description": "Fields whose nulls clear."},
        "read_only": {"type": "string", "enum": _READ_ONLY, "description": "Fields Planhat sets: leave_out or send."},
        "unknown_columns": {"type": "string", "enum": _UNKNOWN_COLUMNS, "description": "As the setting of this name."},
        "deleted_column": {
            "type": "string",
            "description": "Column that marks rows as deleted at the source; see hard_delete.",
        },
        "mode": {
            "type": "string",
            "enum": [*_MODES, "duplicate"],
            "description": "As load_method; duplicate: time entries.",
        },
        "insert_without_key": {"type": "boolean", "description": "Create rows that carry no key. Not safe to repeat."},
        "endpoint": {
            "type": "string",
            "enum": ["bulk", "one"],
            "description": "User activities: many or one per call.",
        },
    },
}

_OWN: dict[str, dict[str, Any]] = {
    "streams": {
        "type": "object",
        "default": {},
        "additionalProperties": _STREAM,
        "title": "Streams",
        "description": (
            "One block per stream where the defaults do not fit: model, key, columns, ignore, constants, "
            "custom_prefix, nulls, clear, read_only, unknown_columns, deleted_column, mode, insert_without_key, "
            "endpoint. See docs/mapping.md."
        ),
    },
    "load_method": {
        "type": "string",
        "enum": _MODES,
        "default": "upsert",
        "title": "Load method",
        "description": "`upsert`; `update` skips rows that are not in Planhat; `insert` skips rows that are.",
    },
    "unknown_columns": {
        "type": "string",
        "enum": _UNKNOWN_COLUMNS,
        "default": "refuse",
        "title": "Unknown columns",
        "description": (
            "A column that matches no field: `refuse` ends the run before a row of its stream is sent, `leave_out` "
            "logs it and goes on, `send` passes it on as it is."
        ),
    },
    "nulls": {
        "type": "string",
        "enum": _NULLS,
        "default": "leave_out",
        "title": "Nulls",
        "description": "`leave_out` keeps what Planhat holds, `clear` empties the field.",
    },
    "check_custom_fields": {
        "type": "boolean",
        "default": True,
        "title": "Check custom fields",
        "description": "Check the names of custom fields; Planhat stores a wrong name where nobody sees it.",
    },
    "validate_records": {
        "type": "boolean",
        "default": True,
        "title": "Validate records",
        "description": "Check each record against the schema of its stream; what does not fit is rejected.",
    },
    "batch_size_rows": {
        "type": "integer",
        "default": MOST_ROWS,
        "minimum": 1,
        "maximum": MOST_ROWS,
        "title": "Rows per bulk call",
        "description": "Rows in one bulk upsert, at most 5,000.",
    },
    "batch_size_bytes": {
        "type": "integer",
        "default": MOST_BYTES,
        "minimum": 1_000,
        "maximum": analytics.MOST_BYTES,
        "title": "Bytes per call",
        "description": "Size of the body of one call, whatever the number of rows. Upserts never exceed 8,000,000; a "
        "larger row goes alone.",
    },
    "metrics_batch_size_rows": {
        "type": "integer",
        "default": 10_000,
        "minimum": 1,
        "maximum": MAX_METRIC_ROWS,
        "title": "Rows per metrics call",
        "description": "Metric points or activities in one call, at most 100,000.",
    },
    "checkpoint_seconds": {
        "type": "integer",
        "default": 30,
        "minimum": 1,
        "title": "Checkpoint interval",
        "description": "Seconds after which all that is pending goes out and STATE follows.",
    },
    "on_reject": {
        "type": "string",
        "enum": ["fail", "continue"],
        "default": "fail",
        "title": "On reject",
        "description": (
            "`fail` ends the run after the batch in which a row was rejected. `continue` goes on up to max_rejects and "
            "max_reject_percent, and needs rejects_dir."
        ),
    },
    "max_rejects": {
        "type": "integer",
        "minimum": 0,
        "title": "Rejects allowed",
        "description": "With on_reject `continue`: more rejected rows than this end the run. No limit when left out.",
    },
    "max_reject_percent": {
        "type": "integer",
        "minimum": 0,
        "maximum": 100,
        "title": "Percent of rejects allowed",
        "description": (
            "With on_reject `continue`: a larger share of rejected rows ends the run (looked at from 100 rows on, and "
            "at the end). No limit when left out."
        ),
    },
    "rejects_dir": {
        "type": "string",
        "title": "Folder for rejects",
        "description": "Each run with rejects writes one Singer file here; `target-planhat < file` sends it again.",
    },
    "receipts_dir": {
        "type": "string",
        "title": "Folder for receipts",
        "description": "Each run writes one file here: a JSON line per row with its fate and, where known, its _id.",
    },
    "on_uncertain_delivery": {
        "type": "string",
        "enum": ["set_aside", "resend"],
        "default": "set_aside",
        "title": "On uncertain delivery",
        "description": (
            "Metrics and activities after a fault that may have delivered: `set_aside` counts the batch as rejected, "
            "`resend` sends it again and may count it twice."
        ),
    },
    "check_metric_targets": {
        "type": "boolean",
        "default": False,
        "title": "Check metric targets",
        "description": "Reject points whose record does not exist; Planhat would drop them without a word.",
    },
    "hold_rows": {
        "type": "integer",
        "default": 10_000,
        "minimum": 0,
        "title": "Rows held back",
        "description": (
            "How many rows whose company is not there yet wait for the companies of the run before they are tried once "
            "more. 0 rejects them at once."
        ),
    },
    "hard_delete": {
        "type": "boolean",
        "default": False,
        "title": "Delete",
        "description": (
            "Delete rows that `_sdc_deleted_at`, or the `deleted_column` of their stream, marks as deleted. Without it "
            "they are skipped."
        ),
    },
    "max_deletes": {
        "type": "integer",
        "default": 100,
        "minimum": 0,
        "title": "Deletes allowed",
        "description": "With hard_delete: rows to delete beyond this number are rejected.",
    },
}

SETTINGS: dict[str, Any] = {
    "type": "object",
    "properties": {**CONNECTION_SETTINGS, **_OWN},
    "required": ["api_token"],
}
"""JSON Schema of the settings."""


@dataclass(frozen=True)
class StreamSettings:
    """The settings that hold for one stream: its block, with the general settings filled in."""

    model: str | None = None
    key: str | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    custom_prefix: str | None = None
    nulls: str = "leave_out"
    clear: tuple[str, ...] = ()
    read_only: str = "leave_out"
    unknown_columns: str = "refuse"
    deleted_column: str | None = None
    mode: str = "upsert"
    insert_without_key: bool = False
    endpoint: str = "bulk"


@dataclass(frozen=True)
class TargetSettings:
    """The settings of a run, checked."""

    streams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    load_method: str = "upsert"
    unknown_columns: str = "refuse"
    nulls: str = "leave_out"
    check_custom_fields: bool = True
    validate_records: bool = True
    batch_size_rows: int = MOST_ROWS
    batch_size_bytes: int = MOST_BYTES
    metrics_batch_size_rows: int = 10_000
    checkpoint_seconds: int = 30
    on_reject: str = "fail"
    max_rejects: int | None = None
    max_reject_percent: int | None = None
    rejects_dir: str | None = None
    receipts_dir: str | None = None
    on_uncertain_delivery: str = "set_aside"
    check_metric_targets: bool = False
    hold_rows: int = 10_000
    hard_delete: bool = False
    max_deletes: int = 100

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TargetSettings:
        """Read the target's own settings.

        Raises:
            SettingsError: Settings that contradict each other, or a block with a name that does not exist.
            ConfigurationError: A folder cannot be told.
        """
        known = {entry.name for entry in fields(cls)}
        given = {name: value for name, value in config.items() if name in known and value is not None}
        folders = {name: str(path_in(name, given[name])) for name in _FOLDERS if given.get(name)}
        settings = cls(**{**given, **folders})
        if settings.on_reject == "continue" and not settings.rejects_dir:
            msg = "on_reject 'continue' needs rejects_dir: rejected rows would be lost"
            raise SettingsError(msg)
        for stream, block in settings.streams.items():
            _check_block(stream, block)
        return settings

    def of_stream(self, stream: str) -> StreamSettings:
        """The settings of one stream; its block is found by the exact name of the stream."""
        block = dict(self.streams.get(stream, {}))
        for name in ("clear", "ignore"):
            block[name] = tuple(block.get(name, ()))
        block["columns"] = dict(_joined(block.get("columns", {})))
        block["constants"] = dict(_joined(block.get("constants", {}), only=("custom",)))
        general = {"nulls": self.nulls, "unknown_columns": self.unknown_columns, "mode": self.load_method}
        return StreamSettings(**{**general, **block})


def _joined(names: Mapping[str, Any], only: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Names with dots as they were written: Meltano makes an object of what stands before a dot.

    Args:
        names: What it made, with the value of each name.
        only: Names whose value is such an object; others may be objects by themselves. Left out: all objects are.
    """
    for name, value in names.items():
        if isinstance(value, dict) and (only is None or name in only):
            yield from ((f"{name}.{inner}", found) for inner, found in _joined(value, () if only else None))
        else:
            yield name, value


def _check_block(stream: str, block: Mapping[str, Any]) -> None:
    known = [entry.name for entry in fields(StreamSettings)]
    for name in block:
        if name not in known:
            near = closest_name(name, known)
            hint = f" Did you mean {near!r}?" if near else ""
            msg = f"streams.{stream}: there is no setting {name!r}.{hint} It takes: {', '.join(known)}"
            raise SettingsError(msg)
