"""Finds the store that the address of ``quota_store`` names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planhat_api.errors import ConfigurationError
from planhat_api.quota.stores.file import FileStore
from planhat_api.settings.quota_store import REDIS_SCHEMES, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from planhat_api.quota.stores.store import Store

__all__ = ["Place", "place_of"]

_REDIS, _POSTGRESQL = "redis", "postgresql"
_WORKERS_OF_FILE = 1
_WORKERS_OF_SERVER = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where the book is kept.

    Attributes:
        shown: Its name for messages, without secrets.
        workers: How many processes share it if nobody says so.
        connect: Connects with the store. It raises ``StoreError`` if the store cannot be used, and
            ``ConfigurationError`` if it never will be with this setting.
    """

    shown: str
    workers: int
    connect: Callable[[], Store]


def place_of(address: Path | str, tenant: str) -> Place:
    """The place with this address.

    Args:
        address: Path of a file, or URL of a server.
        tenant: Hash that stands for the tenant.
    """
    if isinstance(address, Path):
        return Place(shown(address), _WORKERS_OF_FILE, lambda: FileStore(address))
    connect = _redis if address.partition("://")[0] in REDIS_SCHEMES else _postgresql
    return Place(shown(address), _WORKERS_OF_SERVER, lambda: connect(address, tenant))


def _redis(url: str, tenant: str) -> Store:
    try:
        from planhat_api.quota.stores.redis import RedisStore  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise _missing(extra=_REDIS) from None
    return RedisStore(url, tenant)


def _postgresql(url: str, tenant: str) -> Store:
    try:
        from planhat_api.quota.stores.postgresql import PostgresqlStore  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise _missing(extra=_POSTGRESQL) from None
    return PostgresqlStore(url, tenant)


def _missing(*, extra: str) -> ConfigurationError:
    return ConfigurationError(
        setting="quota_store",
        message=f"needs the client of the server, which is not installed: pip install 'tap-planhat[{extra}]' for the "
        f"tap, 'target-planhat[{extra}]' for the target",
    )
