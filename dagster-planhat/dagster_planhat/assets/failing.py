"""Failures of runs as Dagster knows them, and when a step is tried again."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from dagster_planhat.pieces.catalog import UnknownStreamError
from dagster_planhat.pieces.failures import PipeError
from dagster_planhat.pieces.pipe import OrphanedError
from dagster_planhat.pieces.plans import UnusablePlanError
from dagster_planhat.pieces.secrets import MissingVariableError

__all__ = ["as_dagster_failures"]


@contextmanager
def as_dagster_failures(context: dg.AssetExecutionContext, retries: dg.RetryPolicy) -> Iterator[None]:
    """Raise what goes wrong in the block as what Dagster does next.

    The policy is applied here and not by Dagster, because Dagster also tries a step again that somebody cancelled.

    Raises:
        dagster.Failure: Another try would fail too, or there have been enough of them.
        dagster.RetryRequested: The step is to be tried again.
    """
    try:
        yield
    except (MissingVariableError, OrphanedError, UnknownStreamError, UnusablePlanError) as error:
        # An orphan is not tried again, because another run takes its place and both would go on side by side.
        raise dg.Failure(str(error), allow_retries=False) from None
    except (PipeError, OSError) as error:
        may_retry = not isinstance(error, PipeError) or error.may_retry
        failure = dg.Failure(str(error), allow_retries=False)
        if not may_retry or context.retry_number >= retries.max_retries:
            raise failure from None
        delay = retries.calculate_delay(context.retry_number + 1)
        raise dg.RetryRequested(retries.max_retries, delay) from failure
