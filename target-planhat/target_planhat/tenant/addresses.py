"""Finds the addresses of a run that differ in case only: whether Planhat takes them for one is not known (Q21)."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from planhat_api.bulk.key_case import folded

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

__all__ = ["Addresses"]


_MOST_NAMED = 10


class Addresses:
    """The addresses that named the rows of a run, in a private temporary file: memory stays flat."""

    def __init__(self, logger: logging.Logger) -> None:
        """Open the file; it has no name and goes with the connection."""
        self._logger = logger
        self._named = 0
        self._is_full = False
        self._file = sqlite3.connect("")
        self._file.execute("create table seen (folded text primary key, address text) without rowid")

    def look(self, addresses: Iterable[str]) -> None:
        """Take in addresses; warn of each that was seen before in other case."""
        if self._is_full:
            return
        try:
            self._look(addresses)
        except sqlite3.Error as error:
            self._is_full = True
            self._logger.warning(
                "No more addresses that differ in case only are looked for: the temporary file takes no more (%s)",
                error,
            )

    def _look(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            form = folded("email", address)
            added = self._file.execute("insert or ignore into seen values (?, ?)", (form, address)).rowcount
            if not added:
                ((first,),) = self._file.execute("select address from seen where folded = ?", (form,))
                if first != address:
                    self._warn(first, address)

    def _warn(self, first: str, address: str) -> None:
        self._named += 1
        if self._named <= _MOST_NAMED:
            self._logger.warning(
                "The addresses %s and %s differ in case only. It is not known whether Planhat takes them for one "
                "person: if it does, the later row wins; if not, it holds two persons",
                first,
                address,
            )
        if self._named == _MOST_NAMED:
            self._logger.warning("Further addresses that differ in case only are not named")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
