"""Logs at the end of a run what users can do about unsent, rejected and unknown records."""

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

__all__ = ["log_next_steps", "note_config"]

_CONFIG = "target_planhat.config"
_SOME_CONFIG = ("config.json",)


def log_next_steps(
    logger: logging.Logger, summary: Summary, waiting: int, rejects: Path | None, *, is_replay: bool
) -> None:
    """Log the next steps.

    Args:
        logger: Logger of the target.
        summary: The counts of the run.
        waiting: Number of records that wait for their company.
        rejects: The rejects file, if there is one.
        is_replay: Whether the input contained rejects of an earlier run.
    """
    if summary.unsent:
        _log_unsent(logger, summary, waiting)
    if rejects:
        _log_rejects(logger, rejects, is_complete=not summary.unsent, is_replay=is_replay)
    if summary.unknown:
        _log_unknown(logger, summary.unknown, rejects)


def _log_unsent(logger: logging.Logger, summary: Summary, waiting: int) -> None:
    counts = [(stream, summary.of(stream).get(UNSENT, 0)) for stream in summary.streams]
    text = ", ".join(f"{number} of {stream}" for stream, number in counts if number)
    waiting_text = f" {waiting} of them waited for their company." if waiting else ""
    more = "" if summary.is_whole else " There may be more in the input, which was not read to its end."
    logger.warning(
        "Unsent: %s.%s%s STATE is before them, so they come again when the tap continues from it",
        text,
        waiting_text,
        more,
    )


def _log_unknown(logger: logging.Logger, number: int, rejects: Path | None) -> None:
    marked = " In the rejects file they are marked as uncertain." if rejects else ""
    logger.warning(
        "Unknown: %s records were sent and may or may not be in Planhat. Check this before you send them again: rows "
        "without a key, metrics and activities would count twice.%s",
        number,
        marked,
    )


def note_config(ctx: click.Context, files: Sequence[str]) -> None:
    """Keep the names of the settings files for the command that sends rejects again."""
    ctx.meta[_CONFIG] = tuple(files)


def _replay_command(rejects: Path) -> str:
    """The command that sends the rejects again, with or without Meltano, as the plugin was started."""
    file = shlex.quote(str(rejects))
    loader = os.environ.get("MELTANO_LOADER_NAME")
    if loader:
        return f"meltano invoke {shlex.quote(loader)} < {file}"
    context = click.get_current_context(silent=True)
    given = context.meta.get(_CONFIG, ()) if context else ()
    configs = [part for name in given or _SOME_CONFIG for part in ("--config", name)]
    return f"{shlex.join(['target-planhat', *configs])} < {file}"


def _log_rejects(logger: logging.Logger, rejects: Path, *, is_complete: bool, is_replay: bool) -> None:
    if is_complete:
        logger.warning(
            "Rejected records are in %s. Correct the cause, then send them again with: %s",
            rejects,
            _replay_command(rejects),
        )
    elif is_replay:
        logger.warning(
            "The input was a rejects file. The new one, %s, lacks the unsent records: keep the old one and send it "
            "again",
            rejects,
        )
    else:
        logger.warning("Rejected records are in %s. The unsent records are not in it", rejects)
