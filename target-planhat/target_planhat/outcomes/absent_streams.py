"""Tells of settings for streams that did not come: one for a misspelt stream has no effect, which nobody would see."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from planhat_api.plugin.expressions import STREAM_MAPS, unused_maps
from planhat_api.plugin.name_suggestions import closest_name
from target_planhat.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

__all__ = ["tell_of_absent_streams"]


def tell_of_absent_streams(
    logger: logging.Logger,
    maps: Mapping[str, Any],
    blocks: Collection[str],
    came: Collection[str],
    made: Collection[str],
) -> None:
    """Warn of names that look like the name of a stream that did come; of others tell only that they did not.

    Args:
        logger: Where people read.
        maps: The setting `stream_maps`.
        blocks: Streams that have a block in the setting `streams`.
        came: Streams of the input.
        made: What stream maps made of them.
    """
    absent = [(STREAM_MAPS, name, came) for name in unused_maps(maps, came)]
    absent += [("streams", name, made) for name in blocks if name not in made]
    for setting, name, there in absent:
        near = closest_name(name, there)
        hint = f" Did you mean {quoted(near)}?" if near else ""
        logger.log(logging.WARNING if near else logging.INFO, "%s: no stream %s came.%s", setting, quoted(name), hint)
