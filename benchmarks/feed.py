"""Singer files for the targets to read: the schema, every row as a RECORD, a STATE after each block."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from benchmarks import corpus

_EXTRACTED = b',"time_extracted":"2026-01-01T00:00:00.000000+00:00"}\n'
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
_KINDS = {
    "endusers": ("endusers", corpus.ENDUSERS, ["_id"]),
    "upserts": ("endusers", corpus.UPSERTS, ["sourceId"]),
    "metrics": ("metrics", corpus.METRICS, ["dimensionId", "externalId", "date"]),
}


def _type_of(value: object) -> dict[str, Any]:
    """The schema a warehouse tap announces for a column like this."""
    if isinstance(value, bool):
        return {"type": ["boolean", "null"]}
    if isinstance(value, (int, float)):
        return {"type": ["number", "null"]}
    if isinstance(value, list):
        return {"type": ["array", "null"], "items": {"type": ["string", "null"]}}
    if isinstance(value, dict):
        inner = {name: _type_of(part) for name, part in value.items()}
        return {"type": ["object", "null"], "properties": inner, "additionalProperties": True}
    if isinstance(value, str) and _MOMENT.match(value):
        return {"type": ["string", "null"], "format": "date-time"}
    return {"type": ["string", "null"]}


def _message(**content: Any) -> bytes:  # noqa: ANN401 - whatever JSON can say
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def write(kind: str, rows: int, path: Path) -> None:
    """Write the file of one kind, ``upserts`` or ``metrics``."""
    stream, source, keys = _KINDS[kind]
    properties = {name: _type_of(value) for name, value in source.row(0).items()}
    before = b'{"type":"RECORD","stream":"%s","record":' % stream.encode()
    with path.open("wb") as file:
        schema = {"type": "object", "properties": properties}
        file.write(_message(type="SCHEMA", stream=stream, schema=schema, key_properties=keys))
        for number, lines in enumerate(source.lines(rows, before, _EXTRACTED), 1):
            file.write(lines)
            done = min(rows, number * corpus.BLOCK)
            file.write(_message(type="STATE", value={"bookmarks": {stream: {"row": done}}}))


def main() -> None:
    """Write one file."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("kind", choices=_KINDS)
    arguments.add_argument("rows", type=int)
    arguments.add_argument("path", type=Path)
    given = arguments.parse_args()
    write(given.kind, given.rows, given.path)


if __name__ == "__main__":
    main()
