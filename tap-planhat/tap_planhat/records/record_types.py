"""Makes types that decode JSON objects with given fields."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from planhat_api.values.dates import FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DAY", "EPOCH_DAY", "MOMENT", "is_carried", "record_type"]

EPOCH_DAY = "epoch-day"
"""Format of fields that count days since 1970-01-01 (B41), as the model files write it."""

MOMENT = Annotated[datetime, msgspec.Meta(tz=True)]
DAY = Annotated[float, msgspec.Meta(ge=FIRST_DAY, le=LAST_DAY)]
"""Types of the moments and days that need no conversion."""

_NOT_CARRIED = re.compile(r'["\\\x00-\x1f]')


def is_carried(name: str) -> bool:
    """Whether msgspec can decode a field of this name."""
    return not _NOT_CARRIED.search(name)


def record_type(fields: Mapping[str, Any], *, closed: bool, required: str | None = None) -> type[msgspec.Struct]:
    """A type that decodes the objects whose fields have the given types; its attributes are ``f0``, ``f1`` and so on.

    Args:
        fields: Types by name in JSON. msgspec cannot carry a name with a quotation mark, a backslash or a control
            character: objects that hold such a field are refused, and, for want of a way to tell, all that hold fields
            beside those given.
        closed: Whether to refuse objects that hold other fields.
        required: The one field that no object may lack.
    """
    carried = {name: kind for name, kind in fields.items() if is_carried(name)}
    return msgspec.defstruct(
        "Record",
        [
            (
                f"f{index}",
                kind,
                msgspec.field(name=name, default=msgspec.NODEFAULT if name == required else msgspec.UNSET),
            )
            for index, (name, kind) in enumerate(carried.items())
        ],
        gc=False,
        kw_only=True,
        forbid_unknown_fields=closed or len(carried) < len(fields),
    )
