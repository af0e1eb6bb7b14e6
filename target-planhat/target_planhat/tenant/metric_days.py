"""Reads what days of metrics hold in Planhat."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from planhat_api.points.day_values import DayValues, read_days
from target_planhat.tenant.existing_rows import model_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from planhat_api import PlanhatClient
    from planhat_api.models.registry import Model
    from planhat_api.points.point import Slot
    from planhat_api.points.windows import Window
    from target_planhat.tenant.existing_rows import ExternalIds

__all__ = ["MetricDays"]


class MetricDays:
    """The days of metrics. Points name their record by its external id, and Planhat by its ``_id``."""

    def __init__(
        self,
        client: Callable[[], PlanhatClient],
        external_ids: Callable[[Model], ExternalIds],
        now: Callable[[], float],
        most_seconds: float,
    ) -> None:
        """Prepare to read.

        Args:
            client: Gives the client of the run.
            external_ids: Gives the external ids of the records of a model.
            now: Gives the time in seconds.
            most_seconds: Age of a value at most. Older ones are read again.
        """
        self._client = client
        self._external_ids = external_ids
        self._now = now
        self._most_seconds = most_seconds
        self._of_model: dict[str, ExternalIds] = {}

    def expect(self, model_name: str) -> None:
        """Note that the points of records of a model are needed. The others are left out of what is read."""
        if model_name in self._of_model:
            return
        model = model_named(model_name)
        if model is not None:
            self._of_model[model_name] = self._external_ids(model)

    @cached_property
    def values(self) -> DayValues:
        """What days held when they were read."""
        return DayValues(self._client(), self._external_id_of, self._now, self._most_seconds)

    def look(self, dimension_id: str, days: Iterable[int], records: int) -> None:
        """Read the days of a metric that are not known yet.

        Args:
            dimension_id: The metric.
            days: The days.
            records: How many records have points for these days.
        """
        self.values.look(dimension_id, self._of_model, days, records)

    def read(self, dimension_id: str, window: Window) -> Iterator[list[tuple[Slot, float]]]:
        """What a metric holds in a range of days, page by page."""
        return read_days(self._client(), dimension_id, window, self._external_id_of)

    def _external_id_of(self, model_name: str, planhat_id: str) -> str | None:
        of_model = self._of_model.get(model_name)
        return None if of_model is None else of_model.of(planhat_id)

    def close(self) -> None:
        """Delete the temporary file."""
        if "values" in self.__dict__:
            self.values.close()
