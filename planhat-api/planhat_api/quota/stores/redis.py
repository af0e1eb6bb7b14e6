"""Keeps the book in Redis or Valkey, for processes on any machines."""

from __future__ import annotations

import random
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import redis
from msgspec import structs
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, NoPermissionError
from redis.retry import Retry

from planhat_api.errors import ConfigurationError
from planhat_api.quota.book import read_book, write_book
from planhat_api.quota.stores.store import StoreError

if TYPE_CHECKING:
    from planhat_api.quota.stores.store import Change

__all__ = ["RedisStore"]

_TIMEOUT = 5.0
_KEPT_FOR = 900
"""Seconds after its last change in which a book is kept: longer than any call or pause matters."""
_SHORTEST_DELAY, _LONGEST_DELAY = 0.001, 0.01
_NO_URL = "is no URL of Redis or Valkey; write redis://host:6379/0, and after a question mark only options of redis-py"
_ALLOWED = "allow it the keys planhat:quota:* and the commands watch, unwatch, time, get, multi, set, exec"
_T = TypeVar("_T")


class RedisStore:
    """A book as the value of a key, by the clock of the server."""

    def __init__(self, url: str, tenant: str) -> None:
        """Connect.

        Args:
            url: Address with the scheme of Redis or Valkey.
            tenant: Hash that stands for the tenant.

        Raises:
            ConfigurationError: The server refuses the user, for example, or the URL has unknown parts.
            StoreError: The server cannot be used.
        """
        self._key = f"planhat:quota:{tenant}"
        try:
            self._client = redis.Redis.from_url(
                url.replace("valkey", "redis", 1) if url.startswith("valkey") else url,
                # Every version of the servers understands it, and nothing here needs the newer one.
                protocol=2,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
                retry=Retry(NoBackoff(), 0),
            )
        except (ValueError, TypeError):
            raise ConfigurationError(setting="quota_store", message=_NO_URL) from None
        try:
            # The book stays as it is, but it is written, because not every user and not every server allows that.
            self._changed(lambda book, _now: (structs.replace(book), None))
        except (redis.RedisError, OSError, TypeError) as error:
            self.close()
            raise _refusal(error) from None

    def transact(self, change: Change[_T]) -> _T:
        """Change the book in one step, which no other process sees half.

        Raises:
            StoreError: The server cannot be used.
        """
        try:
            return self._changed(change)
        except (redis.RedisError, OSError) as error:
            raise _store_error(error) from None

    def close(self) -> None:
        """Close the connection."""
        with suppress(redis.RedisError, OSError):
            self._client.close()

    def _changed(self, change: Change[_T]) -> _T:
        end = time.monotonic() + _TIMEOUT
        results: list[_T] = []

        def attempt(pipe: Any) -> None:  # noqa: ANN401 - the library's types are loose
            if time.monotonic() > end:
                msg = "others change the book all the time"
                raise StoreError(msg)
            # The clock is read after the key is watched, so it is not behind what others have written.
            seconds, microseconds = pipe.time()
            book = read_book(pipe.get(self._key))
            after, result = change(book, seconds * 1000 + microseconds // 1000)
            pipe.multi()
            if after is not book:
                pipe.set(self._key, write_book(after), ex=_KEPT_FOR)
            results.append(result)

        # Who was too late tries again after a time of its own, so that all come through.
        delay = random.uniform(_SHORTEST_DELAY, _LONGEST_DELAY)  # noqa: S311 - nothing secret depends on it
        self._client.transaction(attempt, self._key, watch_delay=delay)
        return results[-1]


def _refusal(error: Exception) -> Exception:
    """What an error at the beginning means. Its own text may have the user's name."""
    if isinstance(error, TypeError) or type(error) is redis.RedisError:
        # The library looks at the part after the question mark when it connects.
        message = _NO_URL
    elif isinstance(error, redis.AuthenticationError):
        message = "the server refuses user and password; put the right ones into the URL"
    elif isinstance(error, NoPermissionError):
        message = f"the user may not do everything that is needed; {_ALLOWED}"
    elif isinstance(error, MovedError):
        message = "the server is a node of a cluster; write the URL of one that stands alone, or that has copies"
    elif isinstance(error, redis.ResponseError) and "DB index" in str(error):
        message = "the server has no database with the number at the end of the URL"
    elif isinstance(error.__context__, (ssl.SSLCertVerificationError, FileNotFoundError)):
        message = "the certificate of the server cannot be checked; name the file of who signed it: ?ssl_ca_certs=/path"
    else:
        return _store_error(error)
    return ConfigurationError(setting="quota_store", message=message)


def _store_error(error: Exception) -> StoreError:
    # The text of the error may have the user's name.
    return StoreError(type(error).__name__)
