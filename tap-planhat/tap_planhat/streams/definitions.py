"""Reads the definitions of custom fields once for a run, for the schemas and for their own stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from planhat_api.lists.known_list import ListRead
from planhat_api.models.registry import model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planhat_api import Page, PlanhatClient
    from tap_planhat.streams.list_memory import ListMemory

__all__ = ["Definitions", "ReadDefinitions"]


class ReadDefinitions(NamedTuple):
    """The definitions of custom fields, as they were read.

    Attributes:
        pages: The answers.
        found: What they show of the list.
    """

    pages: Sequence[Page]
    found: ListRead


class Definitions:
    """The definitions of custom fields of a tenant.

    Attributes:
        read: The answers; None as long as they were not needed.
    """

    def __init__(self) -> None:
        """Read nothing yet."""
        self.read: ReadDefinitions | None = None

    def get(self, client: PlanhatClient, memory: ListMemory, *, is_proof: bool) -> Sequence[Page]:
        """The answers with all definitions. They are requested once.

        Args:
            client: The client.
            memory: What earlier runs showed of the list.
            is_proof: Whether a call has to prove the end of the list in any case.

        Raises:
            AccessError: The token may not read them.
            NotFoundError: The tenant does not have them.
        """
        if self.read is None:
            known, found = memory.known({}, is_proof=is_proof), ListRead()
            sort = "-_id" if known and known.trusted else "_id"
            pages = list(client.pages(model("customfields"), sort=sort, known=known, found=found))
            self.read = ReadDefinitions(pages, found)
        return self.read.pages
