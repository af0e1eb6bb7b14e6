"""Keeps the book in PostgreSQL, for processes on any machines."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import ClientCursor, errors

from planhat_api.errors import ConfigurationError
from planhat_api.quota.book import read_book, write_book
from planhat_api.quota.stores.store import StoreError
from planhat_api.timing.total_timeout import TotalTimeout

if TYPE_CHECKING:
    from planhat_api.quota.stores.store import Change

__all__ = ["PostgresqlStore"]

_TIMEOUT = 5
_CREATE = "CREATE TABLE IF NOT EXISTS planhat_quota (tenant text PRIMARY KEY, book text NOT NULL)"
_INSERT = "INSERT INTO planhat_quota VALUES (%s, '') ON CONFLICT DO NOTHING"
# One round trip. The clock is read by a statement of its own, which begins when the row is locked. The server ends a
# transaction whose process hangs, so that it does not hold back the others.
_BEGIN = """
    BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL statement_timeout = '5s';
    SET LOCAL idle_in_transaction_session_timeout = '5s';
    SELECT book FROM planhat_quota WHERE tenant = %s FOR UPDATE;
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint;
"""
_END = "UPDATE planhat_quota SET book = %s WHERE tenant = %s; COMMIT"
# The client does not know the code of an error that ends the connection before it has begun.
_NO_ENTRY = ("authentication failed", "no password supplied", "no pg_hba.conf entry", 'FATAL:  role "')
_NO_DATABASE = re.compile('database ".*" does not exist|permission denied for database')
_NOT_ENCRYPTED = ("but SSL was required", "root certificate", "certificate verify failed", "does not match host name")
_T = TypeVar("_T")


class PostgresqlStore:
    """A book as a row of the table ``planhat_quota``, by the clock of the server."""

    def __init__(self, url: str, tenant: str) -> None:
        """Connect, and create table and row if they do not exist.

        Args:
            url: Address with the scheme of PostgreSQL.
            tenant: Hash that stands for the tenant.

        Raises:
            ConfigurationError: The server refuses user, password or database, or the URL cannot be read.
            StoreError: The server cannot be used.
        """
        self._tenant = tenant
        self._limit = TotalTimeout(_TIMEOUT)
        try:
            self._connection = psycopg.connect(
                url,
                autocommit=True,
                connect_timeout=_TIMEOUT,
                # Several statements in one round trip.
                cursor_factory=ClientCursor,
                client_encoding="utf8",
            )
        except psycopg.Error as error:
            raise _refusal(error) from None
        try:
            with self._limit.limit(self._abort):
                self._create()
        except (psycopg.Error, OSError) as error:
            self.close()
            raise _refusal(error) from None

    def transact(self, change: Change[_T]) -> _T:
        """Change the book in one step, which no other process sees half.

        Raises:
            StoreError: The server cannot be used.
        """
        try:
            with self._limit.limit(self._abort), self._connection.cursor() as cursor:
                found = _results(cursor, _BEGIN, (self._tenant,))
                if not found[:-1]:
                    msg = "its row is gone"
                    raise StoreError(msg)
                text, now = found
                book = read_book(str(text).encode() if text else None)
                after, result = change(book, int(str(now)))
                if after is book:
                    cursor.execute("ROLLBACK")
                else:
                    cursor.execute(_END, (write_book(after).decode(), self._tenant))
        except (psycopg.Error, OSError) as error:
            raise _store_error(error) from None
        return result

    def close(self) -> None:
        """Close the connection, and with it a transaction that has not ended."""
        self._limit.close()
        with suppress(psycopg.Error, OSError):
            self._connection.close()

    def _create(self) -> None:
        with self._connection.cursor() as cursor:
            # Who may use the table need not be allowed to create one.
            if _results(cursor, "SELECT to_regclass('planhat_quota')") == [None]:
                # Another process may create it at the same time.
                with suppress(errors.UniqueViolation):
                    cursor.execute(_CREATE)
            cursor.execute(_INSERT, (self._tenant,))

    def _abort(self) -> None:
        """End a wait for the server, which no timeout of the library limits."""
        connection = socket.socket(fileno=self._connection.fileno())
        try:
            connection.shutdown(socket.SHUT_RDWR)
        finally:
            connection.detach()


def _results(cursor: psycopg.Cursor[tuple[object, ...]], query: str, values: tuple[str, ...] = ()) -> list[object]:
    """The first column of all rows of all statements."""
    cursor.execute(query, values)
    found = [row[0] for row in cursor.fetchall()] if cursor.description else []
    while cursor.nextset():
        found += [row[0] for row in cursor.fetchall()] if cursor.description else []
    return found


def _refusal(error: psycopg.Error | OSError) -> Exception:
    """What an error at the beginning means. Its own text may have user and password."""
    state = getattr(error, "sqlstate", None) or ""
    text = str(error)
    if isinstance(error, psycopg.ProgrammingError) and not state:
        message = "is no URL of PostgreSQL; write postgresql://user:password@host:5432/database"
    elif state.startswith("28") or any(part in text for part in _NO_ENTRY):
        message = "the server refuses user and password; put the right ones into the URL"
    elif state == "3D000" or _NO_DATABASE.search(text):
        message = "the server has no database for this user with the name at the end of the URL; create it, allow it, "
        message += "or write another"
    elif any(part in text for part in _NOT_ENCRYPTED):
        message = (
            "the server has no certificate that fits sslmode; write sslrootcert=system if a public authority signed "
        )
        message += "it, the file of another authority with sslrootcert=/path, or choose another sslmode"
    elif isinstance(error, (errors.InsufficientPrivilege, errors.InvalidSchemaName)):
        message = "the user may not create the table planhat_quota, or not change its rows; allow it both"
    else:
        return _store_error(error)
    return ConfigurationError(setting="quota_store", message=message)


def _store_error(error: Exception) -> StoreError:
    state = getattr(error, "sqlstate", None)
    return StoreError(type(error).__name__ + (f" {state}" if state else ""))
