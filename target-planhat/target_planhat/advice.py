"""Says at the end of a run what is left to do: about records that are unsent, and about rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.summary import UNSENT

if TYPE_CHECKING:
    import logging
    from pathlib import Path

    from target_planhat.summary import Summary

__all__ = ["tell_what_is_left"]


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


def _tell_unsent(logger: logging.Logger, summary: Summary, waiting: int) -> None:
    counts = [(stream, summary.of(stream).get(UNSENT, 0)) for stream in summary.streams]
    told = ", ".join(f"{number} of {stream}" for stream, number in counts if number)
    held = f" {waiting} of them waited for their company." if waiting else ""
    more = "" if summary.is_whole else " More may follow in the input, which was not read to its end."
    logger.warning(
        "Unsent: %s.%s%s STATE stays before them, so they come again when the tap goes on from there", told, held, more
    )


def _tell_rejects(logger: logging.Logger, rejects: Path, *, is_complete: bool, is_replay: bool) -> None:
    if is_complete:
        logger.warning("Rejected records are in %s; send them again with: target-planhat < %s", rejects, rejects)
    elif is_replay:
        logger.warning(
            "The input was a file of rejects. The new one, %s, lacks the unsent records: keep the old one, and send "
            "that again",
            rejects,
        )
    else:
        logger.warning("Rejected records are in %s; the unsent ones are not", rejects)
