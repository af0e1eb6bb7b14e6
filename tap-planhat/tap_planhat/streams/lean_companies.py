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
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context

    from planhat_api import Page
    from planhat_api.lists.started import StartedList


class LeanCompanies(PlanhatStream):
    """Ids, keys and names of all companies, in one unpaged answer."""

    _started: StartedList | None = None

    @override
    def prepare_start(self) -> Callable[[], StartedList]:
        return self._start

    def _start(self) -> StartedList:
        self._started = self.client.start(self._all())
        return self._started

    @override
    def pages(self, context: Context | None) -> Iterator[Page]:
        started, self._started = self._started, None
        yield from started or self._all()

    def _all(self) -> Iterator[Page]:
        yield self.client.lean_companies(tally=self.tally)
