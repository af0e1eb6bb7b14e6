"""Logs what users may not expect about the columns of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_planhat.rows.column_planning import FEW, left_out

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection

    from target_planhat.rows.mapping import ColumnPlan

__all__ = ["ColumnLog"]


class ColumnLog:
    """The log lines about the columns of one stream. Each is logged once."""

    def __init__(self, stream: str, logger: logging.Logger) -> None:
        """Prepare to log."""
        self._stream = stream
        self._logger = logger
        self._undeclared: set[str] = set()

    def left_out(self, plan: ColumnPlan) -> None:
        """Log which columns a plan leaves out."""
        if plan.left_out:
            self._logger.info("Columns of %s left out: %s", self._stream, left_out(plan))

    def undeclared(self, column: str, reason: str) -> None:
        """Log an undeclared column that is left out. If there are very many, log only that there are more."""
        if column in self._undeclared or len(self._undeclared) > FEW:
            return
        self._undeclared.add(column)
        if len(self._undeclared) > FEW:
            self._logger.warning("Further columns of %s are left out but not logged", self._stream)
        else:
            self._logger.warning("Column %s of %s left out: %s", column, self._stream, reason)

    def prefix(self, prefix: str | None, columns: Collection[str]) -> None:
        """Log a prefix that no declared column has, because it is probably wrong."""
        if not prefix or any(name.startswith(prefix) for name in columns):
            return
        near = next((name for name in columns if name.lower().startswith(prefix.lower())), None)
        hint = f"; {near!r} begins with it in another case" if near else ""
        self._logger.warning(
            "streams.%s.custom_prefix: no column of the stream begins with %r%s", self._stream, prefix, hint
        )

    def mark(self, column: str, *, can_delete: bool) -> None:
        """Log a column that marks rows as deleted and is not used."""
        remedy = f". To use the mark, set streams.{self._stream}.deleted_column: {column}" if can_delete else ""
        self._logger.warning(
            "Column %s marks rows of %s as deleted, but they are sent like all others%s", column, self._stream, remedy
        )
