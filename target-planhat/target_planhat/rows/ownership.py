"""Finds the fields of a stream that have a rule of ownership."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.errors import SettingsError
from target_planhat.rows.mapping import Field, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_planhat.rows.mapping import ColumnPlan, FieldResolver
    from target_planhat.settings import StreamSettings
    from target_planhat.stream_settings import Ownership

__all__ = ["owned_fields"]

_WHOLE_CUSTOM = Field("custom")


def owned_fields(
    stream: str, plan: ColumnPlan, resolver: FieldResolver, settings: StreamSettings
) -> Mapping[str, Ownership]:
    """The rule of each field that is not always written, by the name of the field: ``phase`` or ``custom.Tier``.

    Raises:
        SettingsError: A name in the settings is no field, or no column of the stream leads to it.
    """
    owned: dict[str, Ownership] = {}
    for name, rule in settings.ownership.items():
        source = resolver.source(name, name, is_named=True)
        if not isinstance(source, Source):
            near = resolver.nearest(name)
            hint = f" Did you mean {near!r}?" if near else ""
            msg = f"streams.{stream}.ownership: {resolver.model.name} has no field {name!r} that can be written.{hint}"
            raise SettingsError(msg)
        if source.field not in plan and not (source.field.custom and _WHOLE_CUSTOM in plan):
            msg = f"streams.{stream}.ownership: no column of the stream leads to {name!r}"
            raise SettingsError(msg)
        if rule != "always":
            owned[str(source.field)] = rule
    return owned
