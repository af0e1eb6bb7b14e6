"""The one place that reaches into the SDK: how records and bookmarks get from a stream to standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk import Stream

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record


class RecordPath(Stream):
    """A stream that keeps its bookmark itself, in ``stream_state``: it moves when nothing before it is missing."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        return None

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Do nothing: ``start_date`` is about dimension data alone."""

    @override
    def _increment_stream_state(self, latest_record: Record, *, context: Context | None = None) -> None:
        """Do nothing: no single record tells how far the stream was read."""
