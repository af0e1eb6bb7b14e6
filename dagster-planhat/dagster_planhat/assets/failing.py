"""Failures of runs as Dagster knows them."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from dagster_planhat.pieces.catalog import UnknownStreamError
from dagster_planhat.pieces.failures import PipeError
from dagster_planhat.pieces.plans import UnusablePlanError
from dagster_planhat.pieces.secrets import MissingVariableError

__all__ = ["as_dagster_failures"]


@contextmanager
def as_dagster_failures() -> Iterator[None]:
    """Raise what goes wrong in the block as a failure that says whether another try makes sense.

    Raises:
        dagster.Failure: Something went wrong.
    """
    try:
        yield
    except PipeError as error:
        raise dg.Failure(str(error), allow_retries=error.may_retry) from None
    except (MissingVariableError, UnknownStreamError, UnusablePlanError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
