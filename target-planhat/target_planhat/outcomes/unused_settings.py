"""Logs settings for streams that did not come, because a misspelt name of a stream has no effect."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from planhat_api.plugin.expressions import STREAM_MAPS, unused_maps
from planhat_api.plugin.name_suggestions import closest_name
from target_planhat.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

__all__ = ["log_unused_settings"]


def log_unused_settings(
    logger: logging.Logger,
    maps: Mapping[str, Any],
    blocks: Collection[str],
    came: Collection[str],
    made: Collection[str],
) -> None:
    """Warn if a name is similar to the name of a stream that came. Otherwise only inform.

    Args:
        logger: Logger of the target.
        maps: The setting `stream_maps`.
        blocks: Streams that have a block in the setting `streams`.
        came: Streams of the input.
        made: Streams that stream maps made of them.
    """
    unused = [(STREAM_MAPS, name, came) for name in unused_maps(maps, came)]
    unused += [("streams", name, made) for name in blocks if name not in made]
    for setting, name, existing in unused:
        near = closest_name(name, existing)
        hint = f" Did you mean {quoted(near)}?" if near else ""
        logger.log(logging.WARNING if near else logging.INFO, "%s: no stream %s came.%s", setting, quoted(name), hint)
