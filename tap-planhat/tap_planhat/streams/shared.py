"""The objects that all streams of a run share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from singer_sdk import Tap

    from planhat_api import PlanhatClient
    from planhat_api.models.registry import Model
    from tap_planhat.streams.definitions import Definitions
    from tap_planhat.streams.first_lists import FirstLists
    from tap_planhat.summary import Summary

__all__ = ["SharedServices"]


@dataclass(frozen=True)
class SharedServices:
    """The objects that all streams of a run share.

    Attributes:
        tap: The tap, which the SDK's streams need.
        client: The client of Planhat.
        summary: Counts what was read.
        custom_days: Returns the custom fields of a model that hold days, if they are known.
        first_lists: Starts the next streams.
        definitions: The definitions of custom fields.
    """

    tap: Tap
    client: PlanhatClient
    summary: Summary
    custom_days: Callable[[Model], Collection[str]]
    first_lists: FirstLists
    definitions: Definitions
