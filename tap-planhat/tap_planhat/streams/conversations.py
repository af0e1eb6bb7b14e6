"""The streams of conversations, which select rows by their type."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from tap_planhat.settings import texts_in
from tap_planhat.streams.list_stream import ListStream
from tap_planhat.streams.requested_values import RequestedValues

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context

    from planhat_api import Page


class _Typed(msgspec.Struct, gc=False):
    type: Any = None


_decode_type = msgspec.json.Decoder(_Typed).decode


def _type_of(body: msgspec.Raw) -> str | None:
    """The type of a row; None if it has none."""
    kind = _decode_type(body).type
    return kind if isinstance(kind, str) else None


class Conversations(ListStream):
    """Conversations, filtered by type here because the list has no documented filter for it."""

    scope_settings = "conversation_types"

    def types(self) -> frozenset[str] | None:
        """The types to emit; None for all."""
        chosen = texts_in(self.config, "conversation_types")
        return frozenset(chosen) if chosen else None

    @override
    def filter_fields(self) -> Iterable[str]:
        return () if self.types() is None else ("type",)

    @override
    def scope(self) -> dict[str, Any]:
        types = self.types()
        return {**super().scope(), "types": None if types is None else sorted(types)}

    @override
    def wanted(self, page: Page) -> Page:
        types = self.types()
        if types is None:
            return page
        found = [_type_of(body) for body in page.raw]
        self._requested_types.mark_found(found)
        if None in found:
            self._warn_of_unknown_types()
        return page.at([rank for rank, kind in enumerate(found) if kind is None or kind in types])

    def _warn_of_unknown_types(self) -> None:
        reason = "some rows have no type"
        if reason not in self._doubts:
            self.logger.warning(
                "Some rows of '%s' have no type, so they are emitted whatever type they are of. Perhaps Planhat sends "
                "the type only if it is requested by name: select the fields you need in the catalog and set "
                "push_down_select.",
                self.name,
            )
        self.doubt(reason)

    @override
    def requested_values(self, context: Context | None) -> Iterable[RequestedValues]:
        return (self._requested_types,) if self.reads_all else ()

    @cached_property
    def _requested_types(self) -> RequestedValues:
        return RequestedValues("conversation_types", sorted(set(texts_in(self.config, "conversation_types"))))


class Notes(Conversations):
    """The conversations of type note."""

    # It reads the same list as conversations, so only users who select it read that list twice.
    selected_by_default = False

    @override
    def requested_values(self, context: Context | None) -> Iterable[RequestedValues]:
        return ()

    @override
    def types(self) -> frozenset[str]:
        return frozenset(self.model.constants.values())
