"""Decides which fields of a row belong to people in Planhat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planhat_api.destination.comparison import CUSTOM_PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from planhat_api.destination.comparison import Difference
    from target_planhat.stream_settings import Ownership

__all__ = ["is_held_back", "owned_in"]


def is_held_back(one: Difference, unsure: Collection[str], ownership: Mapping[str, Ownership]) -> bool:
    """Whether a field that differs is not sent.

    Args:
        one: The field, with the value in Planhat.
        unsure: Fields of which it is not known what Planhat holds.
        ownership: The rules of the stream.
    """
    rule = ownership.get(one.field)
    if rule == "if_empty":
        is_unknown = one.field in unsure or (one.field.startswith(CUSTOM_PREFIX) and "custom" in unsure)
        return is_unknown or not _is_empty(one.held)
    return rule == "on_create"


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def owned_in(body: Mapping[str, Any], ownership: Mapping[str, Ownership], keys: Collection[str]) -> tuple[str, ...]:
    """The fields of a row that have a rule. Its keys stay, because without them it could not be matched."""
    custom = body.get("custom") or {}
    return tuple(name for name in ownership if name not in keys and _has(body, custom, name))


def _has(body: Mapping[str, Any], custom: Mapping[str, Any], name: str) -> bool:
    return name.removeprefix(CUSTOM_PREFIX) in custom if name.startswith(CUSTOM_PREFIX) else name in body
