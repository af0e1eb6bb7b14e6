"""One page of a list, kept as bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planhat_api.models.registry import Model

    ConformingIds: TypeAlias = Callable[[bytes, Sequence[msgspec.Raw]], Sequence[str] | None]
    """Takes an answer and its records. Returns ``_id`` of each if all records have the form that the caller expects,
    else
    None."""

__all__ = ["Lists", "Page"]

_RECORDS = msgspec.json.Decoder(list[dict[str, Any]])
_RECORD = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. The records stay bytes until ``records`` decodes them.

    Attributes:
        offset: Position of the first received row in the list, from 0.
        body: The whole answer, a JSON array.
        raw: The records to use, each as bytes. Records of an earlier page are left out.
        ids: ``_id`` of each record in ``raw``; None for a record without one.
        received: Number of rows in ``body``.
        conforms: Whether the function ``conforming_ids`` accepted all records.
    """

    offset: int
    body: bytes
    raw: Sequence[msgspec.Raw]
    ids: Sequence[str | None]
    received: int
    conforms: bool = False

    def __len__(self) -> int:
        """Number of received rows, including those that are left out: the distance to the next offset."""
        return self.received

    def records(self) -> list[dict[str, Any]]:
        """The records to use, decoded."""
        if len(self.raw) == self.received:
            return _RECORDS.decode(self.body)
        return [_RECORD.decode(raw) for raw in self.raw]

    def at(self, ranks: Sequence[int]) -> Page:
        """The page with only the records at these positions of ``raw``, in ascending order."""
        if len(ranks) == len(self.raw):
            return self
        if isinstance(ranks, range):
            part = slice(ranks.start, ranks.stop)
            return replace(self, raw=self.raw[part], ids=self.ids[part])
        return replace(self, raw=[self.raw[rank] for rank in ranks], ids=[self.ids[rank] for rank in ranks])


class Lists(Protocol):
    """The part of the client that reads lists."""

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
