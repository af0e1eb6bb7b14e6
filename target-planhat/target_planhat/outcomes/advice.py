"""Says at the end of a run what is left to do: about records that are unsent, and about rejects."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import click

from target_planhat.outcomes.summary import UNSENT

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence
    from pathlib import Path

    from target_planhat.outcomes.summary import Summary

__all__ = ["note_config", "tell_what_is_left"]

_CONFIG = "target_planhat.config"
_SOME_CONFIG = ("config.json",)


def tell_what_is_left(
    logger: logging.Logger, summary: Summary, waiting: int, rejects: Path | None, *, is_replay: bool
) -> None:
    """Log it.

    Args:
        logger: Where people read.
        summary: The counts of the run.
        waiting: Records that wait for their company.
        rejects: The file with the rejects, if there is one.
        is_replay: Whether the input held rejects of an earlier run.
    """
    if summary.unsent:
        _tell_unsent(logger, summary, waiting)
    if rejects:
        _tell_rejects(logger, rejects, is_complete=not summary.unsent, is_replay=is_replay)
    if summary.unknown:
        _tell_unknown(logger, summary.unknown, rejects)


def _tell_unsent(logger: logging.Logger, summary: Summary, waiting: int) -> None:
    counts = [(stream, summary.of(stream).get(UNSENT, 0)) for stream in summary.streams]
    told = ", ".join(f"{number} of {stream}" for stream, number in counts if number)
    held = f" {waiting} of them waited for their company." if waiting else ""
    more = "" if summary.is_whole else " More may follow in the input, which was not read to its end."
    logger.warning(
        "Unsent: %s.%s%s STATE stays before them, so they come again when the tap goes on from there", told, held, more
    )


def _tell_unknown(logger: logging.Logger, number: int, rejects: Path | None) -> None:
    marked = " In the file of rejects they are marked as uncertain." if rejects else ""
    logger.warning(
        "Unknown: %s records were sent and may be in Planhat, or not. Look there before you send them again: rows "
        "without a key, metrics and activities would count twice.%s",
        number,
        marked,
    )


def note_config(ctx: click.Context, files: Sequence[str]) -> None:
    """Keep the names of the files with settings, as they were given, for the command that sends rejects again."""
    ctx.meta[_CONFIG] = tuple(files)


def _replay_of(rejects: Path) -> str:
    """The command that sends the rejects again, as the plugin was started: by Meltano, or by itself."""
    file = shlex.quote(str(rejects))
    loader = os.environ.get("MELTANO_LOADER_NAME")
    if loader:
        return f"meltano invoke {shlex.quote(loader)} < {file}"
    context = click.get_current_context(silent=True)
    given = context.meta.get(_CONFIG, ()) if context else ()
    configs = [part for name in given or _SOME_CONFIG for part in ("--config", name)]
    return f"{shlex.join(['target-planhat', *configs])} < {file}"


def _tell_rejects(logger: logging.Logger, rejects: Path, *, is_complete: bool, is_replay: bool) -> None:
    if is_complete:
        logger.warning(
            "Rejected records are in %s; set right why, then send them again with: %s", rejects, _replay_of(rejects)
        )
    elif is_replay:
        logger.warning(
            "The input was a file of rejects. The new one, %s, lacks the unsent records: keep the old one, and send "
            "that again",
            rejects,
        )
    else:
        logger.warning("Rejected records are in %s; the unsent ones are not", rejects)
