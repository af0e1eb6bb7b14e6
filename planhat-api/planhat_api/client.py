"""The client: every operation of Planhat's API as a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from planhat_api.connection import Connection
    from planhat_api.outcome import BulkResult, PushResult
    from planhat_api.page import Page
    from planhat_api.registry import Model
    from planhat_api.row import Row

__all__ = ["PlanhatClient"]


class PlanhatClient:
    """Every operation of Planhat's API. Safe to use from many threads; a context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> PlanhatClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections and threads."""
        raise NotImplementedError

    def check_credentials(self) -> None:
        raise NotImplementedError

    def page(
        self,
        model: Model,
        *,
        offset: int = 0,
        limit: int | None = None,
        sort: str | None = None,
        select: str | Sequence[str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Page:
        raise NotImplementedError

    def pages(
        self,
        model: Model,
        *,
        params: Mapping[str, str] | None = None,
        limit: int | None = None,
        sort: str | None = "_id",
        select: str | Sequence[str] | None = None,
        in_flight: int = 1,
    ) -> Iterator[Page]:
        raise NotImplementedError

    def lean_companies(
        self, *, external_id: str | None = None, source_id: str | None = None, status: str | None = None
    ) -> Page:
        raise NotImplementedError

    def dimension_data(
        self,
        *,
        first_day: int,
        last_day: int,
        company_id: str | None = None,
        dimension_id: str | None = None,
        limit: int | None = None,
        in_flight: int = 1,
    ) -> Iterator[Page]:
        raise NotImplementedError

    def custom_fields(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def get(self, model: Model, key: str) -> dict[str, Any]:
        raise NotImplementedError

    def create(self, model: Model, row: Mapping[str, Any]) -> dict[str, Any] | str:
        raise NotImplementedError

    def update(self, model: Model, key: str, row: Mapping[str, Any]) -> dict[str, Any] | str:
        raise NotImplementedError

    def delete(self, model: Model, planhat_id: str) -> bool:
        raise NotImplementedError

    def bulk_upsert(self, model: Model, rows: Sequence[Row]) -> BulkResult:
        raise NotImplementedError

    def push_metrics(self, rows: Sequence[Row]) -> PushResult:
        raise NotImplementedError

    def push_activities(self, rows: Sequence[Row]) -> PushResult:
        raise NotImplementedError

    def push_activity(self, row: Row) -> None:
        raise NotImplementedError

    def push_segment(self, event: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def duplicate_time_entries(self, planhat_ids: Sequence[str]) -> BulkResult:
        raise NotImplementedError
