"""Keeps the rows that Planhat claims to have stored in a private temporary file, until they are looked for."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from planhat_api import Outcome, OutcomeKind, TemporaryFileError
from target_planhat.delivery.points.stored_items import StoredItems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planhat_api.models.registry import Model
    from target_planhat.rows.item import Item

__all__ = ["Claimed", "ClaimedRows", "Verdict"]

_AT_ONCE = 500
_CACHE = 4 * 1024  # KiB
_TABLE = """
create table claimed (
  place integer primary key, model text not null, kind text not null, planhat_id text, match text, item blob not null,
  verdict integer, reason text not null default ''
);
create index by_id on claimed (model, planhat_id);
create index by_match on claimed (model, match);
"""


class Verdict(IntEnum):
    """What was found out about a row that Planhat claims to have stored."""

    LANDED = 0
    """Planhat shows it."""
    MISSING = 1
    """Planhat surely does not show it."""
    CANNOT_TELL = 2
    """It is not known whether Planhat shows it."""

    @property
    def word(self) -> str:
        """The verdict for users."""
        return self.name.lower().replace("_", " ")


class Claimed(NamedTuple):
    """A row that Planhat claims to have stored.

    Attributes:
        place: Identifies it.
        item: The row.
        outcome: Its outcome by the answer of the bulk upsert: created or accepted.
        verdict: What was found out about it; None if it is still open.
        reason: What is known beyond it; empty if there is nothing.
    """

    place: int
    item: Item
    outcome: Outcome
    verdict: Verdict | None = None
    reason: str = ""


class ClaimedRows:
    """The rows of all models. One thread at a time may use it. All methods may raise ``TemporaryFileError``.

    Memory stays flat, because the rows are in a temporary file without a name, which is deleted when it is closed.
    """

    def __init__(self) -> None:
        """Create the file."""
        self._items = StoredItems()
        with _file_errors():
            self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._file.execute(f"pragma cache_size = -{_CACHE}")
            self._file.execute("pragma journal_mode = off")
            self._file.execute("pragma synchronous = off")
            self._file.executescript(_TABLE)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def add(self, model: Model, rows: Iterable[tuple[Item, Outcome]]) -> None:
        """Add rows of a model with their outcomes."""
        values = (
            (model.path, outcome.kind.value, outcome.planhat_id, _text(item), self._items.pack(item))
            for item, outcome in rows
        )
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany(
                "insert into claimed (model, kind, planhat_id, match, item) values (?, ?, ?, ?, ?)", values
            )
            self._file.execute("commit")

    def forget(self, model: Model, item: Item, planhat_id: str | None) -> None:
        """Remove the rows of a record that the run deleted, because Planhat rightly no longer shows them.

        Args:
            model: The model of the record.
            item: The row that deleted it.
            planhat_id: ``_id`` of the record, if it is known.
        """
        with _file_errors():
            for column, value in (("planhat_id", planhat_id), ("match", _text(item))):
                if value is not None:
                    self._file.execute(f"delete from claimed where model = ? and {column} = ?", (model.path, value))  # noqa: S608 - no user input

    def number(self, model: Model, verdict: Verdict | None) -> int:
        """Number of rows of a model with this verdict; with None, of the rows that are still open."""
        with _file_errors():
            ((number,),) = self._file.execute(
                "select count(*) from claimed where model = ? and verdict is ?", (model.path, verdict)
            )
        return int(number)

    def open(self, model: Model) -> Iterator[list[Claimed]]:
        """The rows of a model without a verdict, some at a time."""
        yield from self._chunks("model = ? and verdict is null", model.path)

    def settled(self, model: Model, besides: Verdict | None = None) -> Iterator[list[Claimed]]:
        """The rows of a model with a verdict, some at a time.

        Args:
            model: The model.
            besides: A verdict. The rows with it are left out; None for all rows.
        """
        yield from self._chunks("model = ? and verdict is not null and verdict is not ?", model.path, besides)

    def settle(self, verdicts: Iterable[tuple[int, Verdict, str]]) -> None:
        """Note what was found out: for each row its place, its verdict, and what is known beyond it."""
        with _file_errors():
            self._file.execute("begin")
            self._file.executemany(
                "update claimed set verdict = ?, reason = ? where place = ?",
                ((verdict, reason, place) for place, verdict, reason in verdicts),
            )
            self._file.execute("commit")

    def settle_open(self, model: Model, verdict: Verdict, reason: str) -> None:
        """Give all rows of a model that are still open the same verdict."""
        with _file_errors():
            self._file.execute(
                "update claimed set verdict = ?, reason = ? where model = ? and verdict is null",
                (verdict, reason, model.path),
            )

    def _chunks(self, condition: str, *values: object) -> Iterator[list[Claimed]]:
        last = 0
        while True:
            with _file_errors():
                found = self._file.execute(
                    "select place, kind, planhat_id, item, verdict, reason from claimed "  # noqa: S608 - no user input
                    f"where place > ? and {condition} order by place limit {_AT_ONCE}",
                    (last, *values),
                ).fetchall()
            if not found:
                return
            last = found[-1][0]
            yield [
                Claimed(
                    place,
                    self._items.unpack(item),
                    Outcome(OutcomeKind(kind), planhat_id),
                    None if verdict is None else Verdict(verdict),
                    reason,
                )
                for place, kind, planhat_id, item, verdict, reason in found
            ]


def _text(item: Item) -> str | None:
    return None if item.match is None else repr(item.match)


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        msg = f"The temporary file with the rows that are looked for after the run cannot be used: {error}"
        raise TemporaryFileError(msg) from error
