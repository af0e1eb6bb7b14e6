"""Finds mistakes in the selection of a catalog: streams that do not exist, or no stream at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from singer_sdk.singerlib import Catalog

__all__ = ["selection_warnings", "selects_column"]

_FEW = 5
_SHOWN = 60


def selection_warnings(catalog: Catalog, offered: Collection[str]) -> Iterator[str]:
    """Warnings about the streams that a catalog selects.

    Args:
        catalog: The catalog that the user gave.
        offered: Names of the streams that exist.
    """
    selected = [name for name, entry in catalog.items() if entry.metadata.resolve_selection().get((), True)]
    unknown = [name for name in selected if name not in offered]
    existing = f"Existing streams: {', '.join(sorted(offered))}"
    if unknown:
        yield f"The catalog selects streams that do not exist: {_some(unknown)}. {existing}"
    if len(selected) == len(unknown):
        known = [name for name in catalog if name in offered]
        select = f"Select some of the streams that it contains: {_some(known)}" if known else existing
        yield f"The catalog selects no stream that exists, so nothing is read. {select}"


def selects_column(catalog: Catalog, column: str) -> bool:
    """Whether a catalog selects this column of some stream."""
    return any(
        column in (entry.schema.properties or {}) and mask.get((), True) and mask["properties", column]
        for entry, mask in ((entry, entry.metadata.resolve_selection()) for entry in catalog.values())
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(repr(name[:_SHOWN]) for name in names[:_FEW]) + more
