"""Reads the records of a stream that need no general path, from messages that are still bytes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from target_planhat.record_line import UNREADABLE
from target_planhat.rows.fast.columns import message_type
from target_planhat.rows.fast.schema_types import NoTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_planhat.rows.fast.quick_check import QuickCheck
    from target_planhat.rows.fast.record_check import RecordCheck
    from target_planhat.rows.fast.schema_types import Decode
    from target_planhat.rows.fast.shape import Shape

__all__ = ["UsualRecords"]

MOST_AT_ONCE = 1_000
"""Messages that are read together. Their memory is released before the next ones."""
_FEWEST_AT_ONCE = 8


class UsualRecords:
    """Reads messages with the generated type of a stream, and finds the first record that needs the general path.

    Attributes:
        at_once: Messages that are read together next time.
    """

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        name: str,
        shape: Shape,
        *,
        takes_nulls: bool,
        schema_check: RecordCheck | None,
        check: QuickCheck | None,
        fixed: Mapping[str, object],
        most_at_once: int,
    ) -> None:
        """Generate the type of a message.

        Args:
            name: Name of the stream in its messages.
            shape: How its records are read.
            takes_nulls: Whether a record with a null is usual.
            schema_check: Checks records against the parts of the schema that are not types.
            check: An additional check.
            fixed: Values of fields in this check that have no column.
            most_at_once: Messages that are read together at most.

        Raises:
            NoTypeError: The stream needs the general path.
        """
        self._shape = shape
        record = shape.type if takes_nulls else shape.type_without_nulls
        self._decode: Decode = msgspec.json.Decoder(message_type(name, record)).decode
        self._schema_check = schema_check
        self.at_once = self._most_at_once = min(MOST_AT_ONCE, most_at_once)
        self._check = check.good if check else None
        self._readers: list[Callable[[Any], Any]] = []
        for field in check.fields if check else ():
            reader = shape.reader(field)
            if reader is None and field not in fixed:
                message = "no column leads to a field that each row needs"
                raise NoTypeError(message)
            self._readers.append(reader or _always(fixed[field]))

    def read(self, lines: Sequence[bytes], start: int) -> tuple[list[Any], Sequence[bytes]]:
        """Records of the generated class, from a place on, and their messages."""
        records: list[Any] = []
        decode = self._decode
        # On an error, the messages before it are kept. The message itself needs the general path.
        with suppress(*UNREADABLE):
            records.extend(decode(line).record for line in lines[start : start + self.at_once])
        return records, lines[start : start + len(records)]

    def convert(self, records: list[Any], sources: Sequence[bytes]) -> tuple[int, set[int]]:
        """Convert the values of records, and check them.

        Returns:
            The number of records before the first one that needs the general path, and the places of those that were
            changed.
        """
        good, changed = self._shape.convert(records)
        if self._schema_check is not None:
            good = min(good, self._schema_check.fitting(sources[:good]))
        if self._check is not None:
            good = min(good, self._check(*(list(map(reader, records)) for reader in self._readers)))
        return good, changed

    def note(self, good: int, read: int) -> None:
        """Note how many of the records that were read needed no general path.

        Messages after one that needs the general path are read again, and such a message is seldom the only one.
        """
        self.at_once = min(self._most_at_once, 2 * self.at_once)
        if good < read:
            self.at_once = min(self.at_once, max(_FEWEST_AT_ONCE, 2 * good))


def _always(value: object) -> Callable[[Any], Any]:
    return lambda _record: value
