"""A quota file in which other processes have used up the quota, and one that says something else."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from msgspec import structs

from planhat_api.quota.quota import Quota
from planhat_api.quota.stores.file import FileStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from planhat_api.quota.book import Book


def has_passed(file: Path, *, calls: int, seconds_ago: float) -> str:
    """Write the file; its path."""
    quota = Quota(calls_per_minute=calls, parallel_calls=1, store=file)
    for _ in range(calls):
        with quota.turn(counted=True):
            pass
    quota.close()
    move_calls(file, -seconds_ago)
    return str(file)


def move_calls(file: Path, seconds: float) -> None:
    """Say that the calls were made at another time."""
    rewrite(
        file,
        lambda book, _now: structs.replace(book, stamps=tuple(stamp + round(seconds * 1000) for stamp in book.stamps)),
    )


def rewrite(file: Path, change: Callable[[Book, int], Book]) -> None:
    """Change the book of the file."""
    with closing(FileStore(file)) as store:
        store.transact(lambda book, now: (change(book, now), None))
