"""A stream map may give a stream the name of another one: each keeps its own expressions, filters and copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_sandbox import Sandbox
from tests.target_support import records, run, schema

if TYPE_CHECKING:
    from tests.target_support import Finished


def mapped(box: Sandbox, **maps: Any) -> Finished:
    """A record of ``companies`` that no map touches, then two of ``accounts``, which become companies as well."""
    columns = ["external_id", "name"]
    messages = [
        schema("companies", columns),
        schema("accounts", columns),
        *records("companies", [{"external_id": "a", "name": "A"}]),
        *records("accounts", [{"external_id": "b", "name": "B"}, {"external_id": "c", "name": "C"}]),
    ]
    return run(box, messages, stream_maps=maps, streams={"copy": {"model": "companies"}})


def names(box: Sandbox) -> dict[str, str]:
    return {
        row["externalId"]: row["name"]
        for row in box.rows("companies")
        if row.get("externalId") in {"a", "b", "c", "B", "C"}
    }


def test_expressions_are_applied() -> None:
    with Sandbox(companies=1) as box:
        mapped(box, accounts={"__alias__": "companies", "name": "name + ' (mapped)'"})
        assert names(box) == {"a": "A", "b": "B (mapped)", "c": "C (mapped)"}


def test_filters_are_applied() -> None:
    with Sandbox(companies=1) as box:
        mapped(box, accounts={"__alias__": "companies", "__filter__": "external_id != 'b'"})
        assert names(box) == {"a": "A", "c": "C"}


def test_copies_are_made() -> None:
    with Sandbox(companies=1) as box:
        copy = {"__source__": "accounts", "external_id": "external_id.upper()"}
        finished = mapped(box, accounts={"__alias__": "companies"}, copy=copy)
        assert finished.summary["companies"] == {"created": 3}
        assert finished.summary.get("copy") == {"created": 2}
