"""Looks after the run for the rows of one model that Planhat claims to have stored."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from planhat_api import AccessError, NotFoundError, PayloadError, RateLimitError, UnavailableError
from planhat_api.destination.look import look_at
from target_planhat.delivery.claimed.claimed_rows import Verdict
from target_planhat.delivery.claimed.reasons import why_missing
from target_planhat.delivery.claimed.verdicts import row_of, verdicts

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    from planhat_api.destination.look import Look
    from planhat_api.models.registry import Model
    from target_planhat.clock import Clock
    from target_planhat.delivery.claimed.claimed_rows import Claimed, ClaimedRows
    from target_planhat.tenant.tenant import Tenant

__all__ = ["ClaimCheck"]

_MOST_PAUSE = 5.0
"""Seconds between two reads. It is not known that Planhat shows endusers or tickets late."""
_MOST_SINGLE = 500
"""With more rows than this, the list is read in any case."""
_UNREADABLE = (AccessError, NotFoundError, PayloadError, RateLimitError, UnavailableError)
"""Errors after which it cannot be told what landed. The rows are delivered, so these errors do not end the run."""
_NO_SECOND_READ = "the first read did not show it, and the run had to end before the second one"


class ClaimCheck:
    """Reads what Planhat holds of a model, once, and once more if rows are missing.

    Attributes:
        model: The model.
        calls: Calls that the check made.
    """

    def __init__(  # noqa: PLR0913 # each has another source
        self,
        model: Model,
        rows: ClaimedRows,
        tenant: Tenant,
        clock: Clock,
        *,
        landing_seconds: float,
        logger: logging.Logger,
    ) -> None:
        """Prepare the check.

        Args:
            model: The model.
            rows: The rows that Planhat claims to have stored, of all models.
            tenant: Reads what Planhat holds.
            clock: The clock of the run.
            landing_seconds: How long Planhat may need until rows can be read.
            logger: Logger of the target.
        """
        self.model = model
        self.calls = 0
        self._rows = rows
        self._tenant = tenant
        self._clock = clock
        self._pause = min(_MOST_PAUSE, landing_seconds)
        self._logger = logger

    def run(self, *, wants_all: bool) -> Iterator[Claimed]:
        """Give each row a verdict, then yield the rows that did not land.

        Args:
            wants_all: Whether the rows that landed are yielded too.
        """
        before = self._tenant.calls
        try:
            self._read(is_last=False)
            if self._rows.number(self.model, None):
                if self._clock.wait(self._pause):
                    self._read(is_last=True)
                else:
                    self._rows.settle_open(self.model, Verdict.CANNOT_TELL, _NO_SECOND_READ)
        except _UNREADABLE as error:
            self._logger.warning("It cannot be checked which %s landed: %s", self.model.path, error)
            self._rows.settle_open(self.model, Verdict.CANNOT_TELL, f"they cannot be read: {error}")
        self.calls = self._tenant.calls - before
        for rows in self._rows.settled(self.model, None if wants_all else Verdict.LANDED):
            yield from rows

    @property
    def counts(self) -> dict[str, int]:
        """Rows by what was found out about them. Zeros are left out."""
        numbers = {verdict.word: self._rows.number(self.model, verdict) for verdict in Verdict}
        return {word: number for word, number in numbers.items() if number}

    def _read(self, *, is_last: bool) -> None:
        """Read what Planhat holds and give verdicts to open rows.

        Args:
            is_last: Whether each row gets a verdict. Otherwise rows that may still come stay open.
        """
        look = self._look(with_keys=is_last)
        try:
            for rows in self._rows.open(self.model):
                found = verdicts(look.index, rows, partial(why_missing, self.model))
                self._rows.settle(
                    (row.place, verdict, reason)
                    for row, verdict, reason in found
                    if is_last or _is_final(verdict, look)
                )
        finally:
            look.index.close()

    def _look(self, *, with_keys: bool) -> Look:
        client = self._tenant.client
        number = self._rows.number(self.model, None)
        is_whole = number > _MOST_SINGLE
        chunks = () if is_whole else self._rows.open(self.model)
        rows = [row_of(row, with_keys=with_keys) for some in chunks for row in some]
        # One page after the other, because the fewest calls matter more than the time.
        return look_at(client, self.model, (), rows, client.companies.find, whole=is_whole, in_flight=1)


def _is_final(verdict: Verdict, look: Look) -> bool:
    """Whether another read would not change a verdict of the first one."""
    return verdict is Verdict.LANDED or (verdict is Verdict.CANNOT_TELL and look.whole and look.complete)
