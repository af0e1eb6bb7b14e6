"""Knows the class that reads each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api.models.registry import all_models
from tap_planhat.streams.conversations import Conversations, Notes
from tap_planhat.streams.custom_fields import CustomFields
from tap_planhat.streams.dimension_data import DimensionData
from tap_planhat.streams.lean_companies import LeanCompanies
from tap_planhat.streams.list_parameters import ArchivableStream, Nps
from tap_planhat.streams.list_stream import ListStream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planhat_api.models.registry import Model
    from tap_planhat.streams.base import PlanhatStream

_CLASSES: Mapping[str, type[PlanhatStream]] = {
    "conversations": Conversations,
    "customfields": CustomFields,
    "dimensiondata": DimensionData,
    "endusers": ArchivableStream,
    "leancompanies": LeanCompanies,
    "notes": Notes,
    "nps": Nps,
    "tasks": ArchivableStream,
}


def offered_models() -> Sequence[Model]:
    """The models that are streams, which are those with a list."""
    return [model for model in all_models().values() if "list" in model.operations]


def stream_class(model: Model) -> type[PlanhatStream]:
    """The class that reads a model."""
    return _CLASSES.get(model.file, ListStream)
