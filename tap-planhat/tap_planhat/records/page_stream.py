"""Writes the records of a stream page by page, in place of the SDK, which writes them one by one.

The SDK handles each record as a dictionary. This module takes pages as bytes, with the same result. It copies records
that nothing changes, and decodes others as far as the change needs it. If the installed SDK differs from the one this
module was made for, the SDK writes the records. This module and ``sdk_maps`` are the two that use more of the SDK than
its public hooks.
"""

from __future__ import annotations

import inspect
import logging
import sys
import time
from abc import abstractmethod
from datetime import datetime, timezone
from functools import cache, cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.exceptions import SingerSDKError
from singer_sdk.helpers._catalog import pop_deselected_record_properties
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from planhat_api.errors import ConfigurationError, PlanhatError, UnavailableError
from planhat_api.jsontext import deepest_record
from planhat_api.plugin.output import OutputError, is_full, reason_of
from tap_planhat.output.messages import BufferedWriter
from tap_planhat.records.changed_lines import ChangedLineMaker, OutputStream
from tap_planhat.records.record_lines import LineMaker

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.mapper import StreamMap

    from planhat_api import Page
    from planhat_api.lists.page import ConformingIds
    from tap_planhat.records.conversion import RecordConverter

_SDK = "0.54."
_STATE_INTERVAL = 5.0
_FIELD = 2
"""Length of the path of a field in the selection of a catalog: `properties` and its name."""
_NEEDED = (
    "_finalize_state",
    "_get_state_partition_context",
    "_increment_stream_state",
    "_write_activate_version_message",
    "_write_starting_replication_value",
    "_write_state_message",
)


class PageStream(Stream):
    """A stream that sets its bookmark in ``stream_state`` itself, once nothing before the bookmark can be missing.

    Attributes:
        page: The page that is being written.
    """

    page: Page | None = None

    @property
    def conforming_ids(self) -> ConformingIds | None:
        """The function with which the client checks whether the records of a page can pass unchanged."""
        return self.converter.conforming_ids if self._writes_pages else None

    @property
    @abstractmethod
    def converter(self) -> RecordConverter:
        """Converts records to the schema of the stream."""

    @abstractmethod
    def read(self, context: Context | None) -> Iterator[Page]:
        """The pages to emit."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        return None

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Do nothing, because ``start_date`` only applies to dimension data."""

    @override
    def _increment_stream_state(self, latest_record: Record, *, context: Context | None = None) -> None:
        """Do nothing, because a single record does not show how far the stream was read."""

    @override
    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterable[tuple[BaseBatchFileEncoding, list[str]]]:
        try:
            batch_config.storage.get_url("")
        except (ImportError, ValueError) as error:
            raise ConfigurationError(setting="batch_config", message=f"storage cannot be used: {error}") from None
        try:
            yield from super().get_batches(batch_config, context)
        except OSError as error:
            fault = ConfigurationError(
                "batch_config", f"cannot write to {batch_config.storage.root}: {reason_of(error)}"
            )
            raise (OutputError(str(fault)) if is_full(error) else fault) from None

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """False, because the SDK would send the message first: if the read then failed, all rows would be deleted."""
        return False

    @property
    def has_version(self) -> bool:
        """Whether the records that the run writes have a version."""
        return self._stream_version is not None

    def activate_version(self) -> None:
        """Send ACTIVATE_VERSION, which says that the stream was read completely, if the run has a version."""
        if self._stream_version is not None:
            self._write_activate_version_message(self._stream_version)

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        if write_messages and self.is_versioned:
            self._stream_version = self._tap.initialized_at // 1000
        writer = self._tap.message_writer
        if not isinstance(writer, BufferedWriter):
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        try:
            if write_messages and self._writes_pages:
                self._sync_pages(context, writer)
            else:
                yield from super()._sync_records(context, write_messages=write_messages)
        except RecursionError:
            deepest = deepest_record(self.page.body) if self.page else None
            message = (
                f"A record of '{self.name}' is nested too deeply to be written: _id {deepest or 'unknown'}. No loader "
                "could read it either. Deselect the field that holds it, or the stream"
            )
            raise UnavailableError(message) from None
        finally:
            # The SDK does not write a STATE that equals the one before, so perhaps no STATE follows the last records.
            writer.flush()

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **options: Any) -> None:
        """Log, but leave out the SDK's messages about errors that the command reports itself."""
        if level < logging.ERROR or not isinstance(sys.exc_info()[1], (OutputError, PlanhatError, SingerSDKError)):
            super().log(message, *args, level=level, **options)

    @property
    def is_versioned(self) -> bool:
        """Whether a loader may delete the rows that a run did not bring."""
        return bool(self.config["emit_activate_version_messages"]) and self.replication_method == REPLICATION_FULL_TABLE

    @cached_property
    def _writes_pages(self) -> bool:
        """Whether records are written page by page, without the SDK."""
        return sdk_is_supported() and self.selected and not self.child_streams and self.ABORT_AT_RECORD_COUNT is None

    @property
    @abstractmethod
    def only_fields(self) -> frozenset[str] | None:
        """The fields to emit when the catalog leaves some out; None when it leaves out none."""

    def _line_maker(self) -> LineMaker | ChangedLineMaker:
        outputs = [OutputStream(made.stream_alias, _transform(made)) for made in self.stream_maps]
        inside = any(not on and len(path) > _FIELD and self.mask[path[:_FIELD]] for path, on in self.mask.items())
        if self.only_fields is None and not inside and outputs == [OutputStream(self.name, None)]:
            return LineMaker(self.name, self.converter, self._stream_version)

        def deselect(record: Record) -> None:
            pop_deselected_record_properties(record, self.schema, self.mask)

        return ChangedLineMaker(
            outputs,
            self.converter,
            self._stream_version,
            fields=self.only_fields,
            deselect=deselect if inside else None,
        )

    def _sync_pages(self, context: Context | None, writer: BufferedWriter) -> None:
        """Do for each page what the SDK does for each record."""
        maker = self._line_maker()
        written, state_written_at = 0, time.monotonic()
        with self.get_record_counter() as counter, self.get_sync_timer() as timer:
            for element in [context] if context is not None else self.partitions or [{}]:
                counter.with_context(element)
                timer.with_context(element)
                for page in self.read(element or None):
                    if written >= self.STATE_MSG_FREQUENCY or time.monotonic() - state_written_at > _STATE_INTERVAL:
                        self._write_state_message()
                        written, state_written_at = 0, time.monotonic()
                    for lines in maker.lines(page, datetime.now(timezone.utc)):
                        writer.write_records(lines)
                    self.state_manager.is_flushed = False
                    counter.increment(len(page.raw))
                    written += len(page.raw)
                    # A large page must not stay in memory while the next one is read.
                    del page
                if element and element == self._get_state_partition_context(element):
                    self._finalize_state(self.get_context_state(element))
        if not context:
            self._finalize_state(self.stream_state)
        self._write_state_message()


def _transform(made: StreamMap) -> Callable[[Record], Record | None] | None:
    """What a stream map does with a record; None if it does nothing."""
    return None if type(made) is SameRecordTransform and not made.flattening_enabled else made.transform


@cache
def sdk_is_supported() -> bool:
    """Whether this module was made for the installed SDK; logs a warning if it was not."""
    version = metadata.version("singer-sdk")
    parameters = list(inspect.signature(Stream._sync_records).parameters)  # noqa: SLF001 -- what this module replaces
    expected = (
        version.startswith(_SDK)
        and parameters == ["self", "context", "write_messages"]
        and all(hasattr(Stream, name) for name in _NEEDED)
    )
    if not expected:
        logging.getLogger("tap-planhat").warning(
            "This tap was not made for singer-sdk %s: records are written by the SDK itself, which is slower",
            version,
        )
    return expected
