"""One list answer, kept as bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planhat_api.models.registry import Model

    Recognise: TypeAlias = Callable[[bytes, Sequence[msgspec.Raw]], Sequence[str] | None]
    """Takes an answer and its records; gives ``_id`` of each when it knows them all for good, else None."""

__all__ = ["Lists", "Page"]

_RECORDS = msgspec.json.Decoder(list[dict[str, Any]])
_RECORD = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Page:
    """One list answer. The records stay the bytes Planhat sent until somebody asks for more.

    Attributes:
        offset: Rank of the first row received, from 0.
        body: The whole answer, a JSON array.
        raw: The records to use, each as bytes; records that an earlier page held are left out.
        ids: ``_id`` of each record in ``raw``; None where a record has none.
        received: Rows in ``body``.
        recognised: The caller was asked to recognise the records, and did.
    """

    offset: int
    body: bytes
    raw: Sequence[msgspec.Raw]
    ids: Sequence[str | None]
    received: int
    recognised: bool = False

    def __len__(self) -> int:
        """Rows received, those left out included: by this much the next offset moves on."""
        return self.received

    def records(self) -> list[dict[str, Any]]:
        """The records to use, decoded."""
        if len(self.raw) == self.received:
            return _RECORDS.decode(self.body)
        return [_RECORD.decode(raw) for raw in self.raw]

    def at(self, ranks: Sequence[int]) -> Page:
        """The page with only those of its records to use that have these ranks, in rising order."""
        if len(ranks) == len(self.raw):
            return self
        if isinstance(ranks, range):
            part = slice(ranks.start, ranks.stop)
            return replace(self, raw=self.raw[part], ids=self.ids[part])
        return replace(self, raw=[self.raw[rank] for rank in ranks], ids=[self.ids[rank] for rank in ranks])


class Lists(Protocol):
    """What reads lists: the client, for parts of it that look something up."""

    def pages(
        self,
        model: Model,
        *,
        params: Mapping[str, str] | None = None,
        sort: str | None = "_id",
        select: str | Sequence[str] | None = None,
    ) -> Iterator[Page]:
        """The whole list of a model, page by page."""

    def lean_companies(self) -> Page:
        """``_id``, name and keys of all companies."""
