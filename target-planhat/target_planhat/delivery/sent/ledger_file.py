"""The file of the delivery ledger. It survives a crash at any moment."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from target_planhat.delivery.sent.entries import CallRecord, Entry, EntryState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["LedgerFile", "Left"]

_FORM = 1
_TABLES = """
create table if not exists calls (number integer primary key, call blob not null, states blob not null);
create table if not exists left (
  place integer primary key, digest blob not null, slot blob not null, state integer not null, at real not null,
  entry blob not null
);
create index if not exists left_by_digest on left (digest);
create index if not exists left_by_slot on left (slot);
create table if not exists recent (dimension text, day integer, at real not null, primary key (dimension, day));
create temp table asked (place integer primary key, wanted blob);
"""

_encode = msgspec.msgpack.Encoder().encode
_decode_call = msgspec.msgpack.Decoder(CallRecord).decode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode


class Left(msgspec.Struct):
    """A row that an earlier run sent and no STATE covers.

    Attributes:
        place: Its place in the order of sending.
        state: What is known of it.
        at: When its call began, in seconds since 1970-01-01.
        entry: The row.
    """

    place: int
    state: EntryState
    at: float
    entry: Entry


class LedgerFile:
    """The file, which one process at a time may use. All methods may raise ``sqlite3.Error`` or ``OSError``."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it. Calls that an earlier run left become single rows.

        Raises:
            sqlite3.OperationalError: Another process uses it.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # It tells when something was sent for whom, so no other user of the machine may read it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        try:
            self._file.execute("pragma locking_mode = exclusive")
            self._file.execute("pragma journal_mode = wal")
            self._file.execute("pragma synchronous = full")
            self._check_form()
            self._file.executescript(_TABLES)
            self._file.execute(f"pragma user_version = {_FORM}")
            self._file.execute("begin immediate")
            self._note_left()
            self._file.execute("commit")
        except BaseException:
            self._file.close()
            raise

    def _check_form(self) -> None:
        if self._file.execute("pragma user_version").fetchone()[0] not in {0, _FORM}:
            message = "it was written by another version of the target"
            raise sqlite3.DatabaseError(message)

    def close(self) -> None:
        """Close the file, which is kept."""
        self._file.close()

    # What an earlier run left

    def _note_left(self) -> None:
        """Make single rows of the calls of an earlier run."""
        with closing(self._file.execute("select call, states from calls order by number")) as calls:
            for call, states in calls:
                self._file.executemany(
                    "insert into left (digest, slot, state, at, entry) values (?, ?, ?, ?, ?)",
                    _rows_of(_decode_call(call), states),
                )
        self._file.execute("delete from calls")

    def forget_older_than(self, moment: float, recent: float) -> int:
        """Delete rows of calls that began before a moment. Return their number.

        Args:
            moment: The moment for rows, in seconds since 1970-01-01.
            recent: The moment before which a day no longer counts as recently written.
        """
        self._file.execute("delete from recent where at < ?", (recent,))
        return self._file.execute("delete from left where at < ?", (moment,)).rowcount

    def has_left(self) -> bool:
        """Whether an earlier run left rows."""
        return self._file.execute("select 1 from left").fetchone() is not None

    def rows_in_doubt(self) -> list[Left]:
        """The rows in doubt, in the order of sending."""
        query = "select place, state, at, entry from left where state = ? order by place"
        rows = self._file.execute(query, (EntryState.IN_DOUBT,))
        return [Left(place, EntryState(state), at, _decode_entry(entry)) for place, state, at, entry in rows]

    def settle(self, states: Mapping[int, EntryState]) -> None:
        """Note what is known by now of rows that were in doubt, by their places."""
        changes = ((state, place) for place, state in states.items())
        self._in_transaction("update left set state = ? where place = ?", changes)
        self._file.execute("delete from left where state = ?", (EntryState.NOT_STORED,))

    def left_with(self, digests: Iterable[bytes]) -> dict[bytes, list[Left]]:
        """The rows that an earlier run left with these digests, each in the order of sending."""
        return self._left_by("digest", digests)

    def left_for(self, slots: Iterable[bytes]) -> dict[bytes, list[Left]]:
        """The rows that an earlier run left for these days, each in the order of sending."""
        return self._left_by("slot", slots)

    def _left_by(self, column: str, wanted: Iterable[bytes]) -> dict[bytes, list[Left]]:
        self._file.execute("begin")
        self._file.executemany("insert into asked (wanted) values (?)", ((one,) for one in wanted))
        rows = self._file.execute(
            f"select {column}, place, state, at, entry from left "  # noqa: S608 # the name of a column
            f"where {column} in (select wanted from asked) order by place"
        ).fetchall()
        self._file.execute("delete from asked")
        self._file.execute("commit")
        found: dict[bytes, list[Left]] = {}
        for one, place, state, at, entry in rows:
            found.setdefault(one, []).append(Left(place, EntryState(state), at, _decode_entry(entry)))
        return found

    # The present run

    def begin(self, call: CallRecord, days: Iterable[tuple[str, int]]) -> int:
        """Note a call before it is made. Return its number.

        Args:
            call: The call.
            days: The metrics and days that it writes to.
        """
        self._file.execute("begin immediate")
        states = bytes([EntryState.IN_DOUBT]) * len(call.entries)
        number = self._file.execute("insert into calls (call, states) values (?, ?)", (_encode(call), states)).lastrowid
        rows = ((dimension, day, call.at) for dimension, day in days)
        self._file.executemany("insert or replace into recent values (?, ?, ?)", rows)
        self._file.execute("commit")
        return int(number or 0)

    def end(self, states: Mapping[int, bytes]) -> None:
        """Note what became of the rows of calls, by their numbers."""
        self._in_transaction(
            "update calls set states = ?2 where number = ?1", ((number, some) for number, some in states.items())
        )

    def recent(self) -> dict[tuple[str, int], float]:
        """When the metrics and days were written last, in seconds since 1970-01-01."""
        rows = self._file.execute("select dimension, day, at from recent")
        return {(dimension, day): at for dimension, day, at in rows}

    def forget_recent(self, days: Iterable[tuple[str, int]]) -> None:
        """Note that everything that was sent for these days has landed."""
        self._in_transaction("delete from recent where dimension = ? and day = ?", days)

    # STATE

    def begin_state(self, states: Mapping[int, bytes], replayed: Collection[int]) -> None:
        """Note that a STATE is about to be written.

        Args:
            states: The calls with rows that it covers, and the states of their rows.
            replayed: The places of the rows of an earlier run that it covers.
        """
        self._file.execute("begin immediate")
        self._file.executemany("update calls set states = ?2 where number = ?1", states.items())
        rows = ((EntryState.CLOSED, place) for place in replayed)
        self._file.executemany("update left set state = ? where place = ?", rows)
        self._file.execute("commit")

    def end_state(self, states: Mapping[int, bytes | None], replayed: Collection[int]) -> None:
        """Note that the STATE was written. The rows that it covers are forgotten.

        Args:
            states: The calls with rows that it covers, and the states of their rows; None if it covers all.
            replayed: As for ``begin_state``.
        """
        self._file.execute("begin immediate")
        self._file.executemany(
            "delete from calls where number = ?", ((number,) for number, some in states.items() if some is None)
        )
        self._file.executemany(
            "update calls set states = ?2 where number = ?1", (entry for entry in states.items() if entry[1])
        )
        self._file.executemany("delete from left where place = ?", ((place,) for place in replayed))
        self._file.execute("commit")

    def forget_all(self) -> None:
        """Forget all rows, because the whole input was delivered."""
        self._file.execute("begin immediate")
        self._file.execute("delete from calls")
        self._file.execute("delete from left")
        self._file.execute("commit")

    def _in_transaction(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._file.execute("begin immediate")
        self._file.executemany(statement, rows)
        self._file.execute("commit")


def _rows_of(call: CallRecord, states: bytes) -> Iterator[tuple[bytes, bytes, int, float, bytes]]:
    for entry, state in zip(call.entries, states, strict=True):
        if state != EntryState.NOT_STORED:
            yield entry.digest, entry.slot, state, call.at, _encode(entry)
