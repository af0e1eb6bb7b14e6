"""Makes msgspec types that decode JSON objects with given fields."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from planhat_api.values.dates import FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DAY", "EPOCH_DAY", "MOMENT", "is_decodable", "record_type"]

EPOCH_DAY = "epoch-day"
"""Format of fields that count days since 1970-01-01 (B41), as the model files write it."""

MOMENT = Annotated[datetime, msgspec.Meta(tz=True)]
DAY = Annotated[float, msgspec.Meta(ge=FIRST_DAY, le=LAST_DAY)]
"""Types of dates with time and of days that need no conversion."""

_NOT_DECODABLE = re.compile(r'["\\\x00-\x1f]')


def is_decodable(name: str) -> bool:
    """Whether msgspec can decode a field of this name."""
    return not _NOT_DECODABLE.search(name)


def record_type(fields: Mapping[str, Any], *, closed: bool, required: str | None = None) -> type[msgspec.Struct]:
    """A type that decodes objects whose fields have the given types. Its attributes are ``f0``, ``f1`` and so on.

    Args:
        fields: Types by name in JSON. msgspec cannot decode a name with a quotation mark, a backslash or a control
            character. If there is such a name, the type refuses all objects with fields that are not given, because
            it cannot distinguish that field from others.
        closed: Whether to refuse objects with other fields.
        required: The one field that every object must have.
    """
    decodable = {name: kind for name, kind in fields.items() if is_decodable(name)}
    return msgspec.defstruct(
        "Record",
        [
            (
                f"f{index}",
                kind,
                msgspec.field(name=name, default=msgspec.NODEFAULT if name == required else msgspec.UNSET),
            )
            for index, (name, kind) in enumerate(decodable.items())
        ],
        gc=False,
        kw_only=True,
        forbid_unknown_fields=closed or len(decodable) < len(fields),
    )
