"""The streams of conversations, which are told apart by the type of each row."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from tap_planhat.settings import texts_in
from tap_planhat.streams.asked import Asked
from tap_planhat.streams.list_stream import ListStream

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
    """The type a row tells; None when it tells none."""
    kind = _decode_type(body).type
    return kind if isinstance(kind, str) else None


class Conversations(ListStream):
    """Conversations, narrowed by type here since the list has no documented filter for it."""

    scope_settings = "conversation_types"

    def types(self) -> frozenset[str] | None:
        """The types to pass on; None for all."""
        chosen = texts_in(self.config, "conversation_types")
        return frozenset(chosen) if chosen else None

    @override
    def fields_looked_at(self) -> Iterable[str]:
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
        self._asked_types.note(found)
        if None in found:
            self._tell_of_untold_types()
        return page.at([rank for rank, kind in enumerate(found) if kind is None or kind in types])

    def _tell_of_untold_types(self) -> None:
        reason = "rows do not tell their type"
        if reason not in self._doubts:
            self.logger.warning(
                "Some rows of '%s' do not tell their type, so they are passed on whatever they are. Planhat may want "
                "to be asked for fields by name: select the fields you need in the catalog and set "
                "push_down_select.",
                self.name,
            )
        self.doubt(reason)

    @override
    def asked(self, context: Context | None) -> Iterable[Asked]:
        return (self._asked_types,) if self.reads_all else ()

    @cached_property
    def _asked_types(self) -> Asked:
        return Asked("conversation_types", sorted(set(texts_in(self.config, "conversation_types"))))


class Notes(Conversations):
    """The conversations of type note."""

    # The same list as conversations: reading it twice has to be asked for.
    selected_by_default = False

    @override
    def asked(self, context: Context | None) -> Iterable[Asked]:
        return ()

    @override
    def types(self) -> frozenset[str]:
        return frozenset(self.model.constants.values())
