"""Finds email addresses that differ only in case. It is not known whether Planhat takes them for one (Q21)."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from planhat_api.bulk.key_case import folded

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

__all__ = ["Addresses"]


_MOST_WARNINGS = 10


class Addresses:
    """The email addresses that are keys of rows, in a private temporary file to save memory."""

    def __init__(self, logger: logging.Logger) -> None:
        """Create the file. It has no name, and is deleted when the connection is closed."""
        self._logger = logger
        self._warnings = 0
        self._is_full = False
        self._file = sqlite3.connect("")
        self._file.execute("create table seen (folded text primary key, address text) without rowid")

    def add(self, addresses: Iterable[str]) -> None:
        """Add addresses. Warn about each address that was added before in another case."""
        if self._is_full:
            return
        try:
            self._add(addresses)
        except sqlite3.Error as error:
            self._is_full = True
            self._logger.warning(
                "Addresses are no longer checked for differences in case: the temporary file cannot be written (%s)",
                error,
            )

    def _add(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            form = folded("email", address)
            added = self._file.execute("insert or ignore into seen values (?, ?)", (form, address)).rowcount
            if not added:
                ((first,),) = self._file.execute("select address from seen where folded = ?", (form,))
                if first != address:
                    self._warn(first, address)

    def _warn(self, first: str, address: str) -> None:
        self._warnings += 1
        if self._warnings <= _MOST_WARNINGS:
            self._logger.warning(
                "The addresses %s and %s differ only in case. It is not known whether Planhat takes them for one "
                "person. If it does, the later row wins; if not, it stores two persons",
                first,
                address,
            )
        if self._warnings == _MOST_WARNINGS:
            self._logger.warning("Further addresses that differ only in case are not logged")

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
