"""The figures of runs as metadata."""

from collections.abc import Mapping

from dagster_planhat.pieces.summary import LoadFigures, ReadFigures

__all__ = ["of_calls", "of_load", "of_read"]

PREFIX = "planhat/"

Figures = Mapping[str, int | float]


def of_calls(figures: ReadFigures | LoadFigures) -> Figures:
    """What a run cost."""
    return {
        f"{PREFIX}calls": figures.calls,
        f"{PREFIX}seconds_waited": figures.seconds_waited,
        f"{PREFIX}calls_retried": figures.calls_retried,
    }


def of_read(figures: ReadFigures, stream: str | None = None) -> Figures:
    """Rows that a run read, of one stream or of all, and what the whole run cost."""
    rows = figures.rows if stream is None else figures.records.get(stream, 0)
    return {f"{PREFIX}rows_read": rows, **of_calls(figures)}


def of_load(figures: LoadFigures) -> Figures:
    """What a run of target-planhat did with its rows, and what it cost."""
    outcomes = {f"{PREFIX}{word.replace(' ', '_')}": number for word, number in figures.outcomes.items()}
    return {**outcomes, **of_calls(figures)}
