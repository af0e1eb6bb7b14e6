"""The stream of all companies with only their keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tap_planhat.streams.base import PlanhatStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from planhat_api import Page


class LeanCompanies(PlanhatStream):
    """Ids, keys and names of all companies, in one unpaged answer."""

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        yield self.client.lean_companies()
