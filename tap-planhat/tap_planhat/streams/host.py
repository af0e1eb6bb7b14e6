"""What all streams of a run share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from singer_sdk import Tap

    from planhat_api import PlanhatClient
    from tap_planhat.summary import Summary

__all__ = ["Host"]


@dataclass(frozen=True)
class Host:
    """What all streams of a run share.

    Attributes:
        tap: The tap, for the SDK.
        client: The one connection.
        summary: Counts what is read.
    """

    tap: Tap
    client: PlanhatClient
    summary: Summary
