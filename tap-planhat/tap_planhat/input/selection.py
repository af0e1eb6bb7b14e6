"""Says when a catalog asks for streams that there are not, or for none: a run that reads nothing is seldom meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from singer_sdk.singerlib import Catalog

__all__ = ["remarks"]

_FEW = 5
_SHOWN = 60


def remarks(catalog: Catalog, offered: Collection[str]) -> Iterator[str]:
    """What a person should know about the streams that a catalog selects.

    Args:
        catalog: As it was handed in.
        offered: Names of the streams that there are.
    """
    selected = [name for name, entry in catalog.items() if entry.metadata.resolve_selection().get((), True)]
    unknown = [name for name in selected if name not in offered]
    there_are = f"There are: {', '.join(sorted(offered))}"
    if unknown:
        yield f"The catalog selects streams that do not exist: {_some(unknown)}. {there_are}"
    if len(selected) == len(unknown):
        known = [name for name in catalog if name in offered]
        select = f"Select some of those that it holds: {_some(known)}" if known else there_are
        yield f"The catalog selects no stream that exists, so nothing is read. {select}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(repr(name[:_SHOWN]) for name in names[:_FEW]) + more
