"""What all streams of a run share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from singer_sdk import Tap

    from planhat_api import PlanhatClient
    from planhat_api.models.registry import Model
    from tap_planhat.summary import Summary

__all__ = ["Host"]


@dataclass(frozen=True)
class Host:
    """What all streams of a run share.

    Attributes:
        tap: The tap, for the SDK.
        client: The one connection.
        summary: Counts what is read.
        custom_days: The custom fields of a model that hold days, as far as they are known.
    """

    tap: Tap
    client: PlanhatClient
    summary: Summary
    custom_days: Callable[[Model], Collection[str]]
