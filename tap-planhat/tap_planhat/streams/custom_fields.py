"""The stream of the definitions of custom fields, which the tap reads for the schemas of other streams too."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tap_planhat.streams.list_stream import ListStream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_planhat.streams.list_pass import ListPass


class CustomFields(ListStream):
    """The definitions of custom fields, from the answers that the run got when it made the schemas."""

    @override
    def _list_pass(self, parameters: Mapping[str, str]) -> ListPass:
        rows = super()._list_pass(parameters)
        read = self._definitions.read if self.dry_run_rows is None and rows.select is None else None
        if read and (read.found.proved or not self._is_proof):
            rows.use(read.pages, read.found)
        return rows
