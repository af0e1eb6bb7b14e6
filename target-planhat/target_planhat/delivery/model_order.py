"""Orders the models so that parents come before children."""

from __future__ import annotations

from functools import cache
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from planhat_api.models.registry import all_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.models.registry import Model

__all__ = ["parents_of", "rank"]


def _written_parents(model: Model) -> set[str]:
    """Paths of the models that written fields refer to."""
    parents = set()
    for field, path in model.references.items():
        name = field.split("[")[0].split(".")[0]
        if name in model.properties and name not in model.read_only:
            parents.add(path)
    return parents - {model.path}


@cache
def _parents() -> Mapping[str, frozenset[str]]:
    paths = {model.path for model in all_models().values()}
    parents: dict[str, set[str]] = {}
    for model in all_models().values():
        parents.setdefault(model.path, set()).update(_written_parents(model) & paths)
        if model.push_stream:
            # A metric point belongs to a record of any of these models.
            parents[model.path] |= {"companies", "endusers", "assets", "projects"}
    return {path: frozenset(found) for path, found in parents.items()}


@cache
def _ranks() -> Mapping[str, int]:
    return {path: place for place, path in enumerate(TopologicalSorter(_parents()).static_order())}


def rank(model: Model) -> int:
    """Place of a model in an order in which every parent comes before its children."""
    return _ranks()[model.path]


@cache
def parents_of(path: str) -> frozenset[str]:
    """Paths of all models that must be in Planhat first, directly or indirectly."""
    direct = _parents()[path]
    return direct.union(*(parents_of(parent) for parent in direct))
