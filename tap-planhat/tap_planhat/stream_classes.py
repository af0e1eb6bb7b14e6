"""Which class reads which model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_planhat.dimension_data import DimensionData
from tap_planhat.streams import ArchivableStream, Conversations, LeanCompanies, ListStream, Notes, Nps, Users

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planhat_api.registry import Model
    from tap_planhat.streams import PlanhatStream

_CLASSES: Mapping[str, type[PlanhatStream]] = {
    "conversations": Conversations,
    "dimensiondata": DimensionData,
    "endusers": ArchivableStream,
    "leancompanies": LeanCompanies,
    "notes": Notes,
    "nps": Nps,
    "tasks": ArchivableStream,
    "users": Users,
}


def stream_class(model: Model) -> type[PlanhatStream]:
    """The class that reads a model."""
    return _CLASSES.get(model.file, ListStream)
