"""Singer files for the targets to read: the schema, every row as a RECORD, a STATE after each block."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import corpus

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXTRACTED = b',"time_extracted":"2026-01-01T00:00:00.000000+00:00"}\n'
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
_OPEN = {"type": ["object", "null"], "properties": {}, "additionalProperties": True}


@dataclass(frozen=True)
class Feed:
    """A kind of file.

    Attributes:
        stream: Name of the stream.
        rows: What its records are.
        keys: Its key properties.
        more: Keywords that the schema has for a column beside its type.
        open_objects: Whether the schema leaves the inside of objects open, as a JSON column of a warehouse comes.
        renamed: Column of the records to the name that the corpus has for it.
    """

    stream: str
    rows: corpus.Corpus
    keys: tuple[str, ...]
    more: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    open_objects: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)


FEEDS = {
    "endusers": Feed("endusers", corpus.ENDUSERS, ("_id",)),
    "upserts": Feed("endusers", corpus.UPSERTS, ("sourceId",)),
    "json-column": Feed("endusers", corpus.ENDUSERS, ("_id",), open_objects=True),
    "checked": Feed(
        "endusers",
        corpus.UPSERTS,
        ("sourceId",),
        more={"position": {"enum": [*corpus.POSITIONS, None]}, "sourceId": {"pattern": "^003A[0-9]+$"}},
    ),
    "renamed": Feed("endusers", corpus.UPSERTS, ("sourceId",), renamed={"job_title": "position"}),
    "metrics": Feed("metrics", corpus.METRICS, ("dimensionId", "externalId", "date")),
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
    """Write the file of one kind, see ``FEEDS``."""
    feed = FEEDS[kind]
    columns = {name: column for column, name in feed.renamed.items()}
    properties = {
        columns.get(name, name): _property(feed, name, value) for name, value in feed.rows.first_row().items()
    }
    before = b'{"type":"RECORD","stream":"%s","record":' % feed.stream.encode()
    with path.open("wb") as file:
        schema = {"type": "object", "properties": properties}
        file.write(_message(type="SCHEMA", stream=feed.stream, schema=schema, key_properties=feed.keys))
        for number, lines in enumerate(feed.rows.lines(rows, before, _EXTRACTED), 1):
            for column, name in feed.renamed.items():
                lines = lines.replace(b'"%s":' % name.encode(), b'"%s":' % column.encode())  # noqa: PLW2901
            file.write(lines)
            done = min(rows, number * corpus.BLOCK)
            file.write(_message(type="STATE", value={"bookmarks": {feed.stream: {"row": done}}}))


def _property(feed: Feed, name: str, value: object) -> dict[str, Any]:
    if feed.open_objects and isinstance(value, dict):
        return _OPEN
    return {**_type_of(value), **feed.more.get(name, {})}


def main() -> None:
    """Write one file."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("kind", choices=FEEDS)
    arguments.add_argument("rows", type=int)
    arguments.add_argument("path", type=Path)
    given = arguments.parse_args()
    write(given.kind, given.rows, given.path)


if __name__ == "__main__":
    main()
