"""Streams whose list parameters depend on settings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tap_planhat.streams.list_stream import ListStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ArchivableStream(ListStream):
    """A model whose list contains archived rows only on request."""

    scope_settings = "include_archived"

    @override
    def passes(self) -> Sequence[Mapping[str, str]]:
        return self.model.passes if self.config["include_archived"] else ({},)


class Nps(ListStream):
    """NPS answers that are not older than the setting says."""

    scope_settings = "nps_expiry_days"

    @override
    def passes(self) -> Sequence[Mapping[str, str]]:
        return ({"npsExpiryDay": str(self.config["nps_expiry_days"])},)
