"""What a tenant holds: the rows of each pass over each list, as the sandbox shows them when it is asked for all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchmarks.calls.least import Held
from benchmarks.calls.lines import Points
from benchmarks.calls.tenant import DAYS
from benchmarks.measure import RunFailedError
from planhat_api.models.registry import all_models

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from benchmarks.calls.tenant import Tenant
    from planhat_api.models.registry import Model

POINTS = "dimension_data"
LOOKBACK_DAYS = 30
"""Days of metric points that are read again (``lookback_days`` as it comes)."""

_FIRST = dt.date(1970, 1, 1)
_DAYS_BACK = DAYS + 2


@dataclass(frozen=True)
class Rows:
    """The rows of one pass.

    Attributes:
        parameters: The parameters of the list.
        ids: The ids of its rows.
        shown: Those that a list without parameters shows.
        unstamped: How many rows do not show when they changed.
    """

    parameters: Mapping[str, str]
    ids: frozenset[str]
    shown: frozenset[str]
    unstamped: int = 0


@dataclass
class Books:
    """What a tenant holds.

    Attributes:
        passes: The rows of each pass by stream, without metric points.
        days: The metric points of each day, in days since 1970-01-01.
        changed: The ids of the rows that were changed since the first run, by stream.
    """

    passes: dict[str, list[Rows]] = field(default_factory=dict)
    days: dict[int, Points] = field(default_factory=dict)
    changed: dict[str, set[str]] = field(default_factory=dict)

    def ids(self, stream: str) -> set[str]:
        """The rows of a stream, with hidden ones."""
        return set().union(*(each.ids for each in self.passes[stream]))

    def shown(self, stream: str) -> set[str]:
        """The rows of a stream that a list without parameters shows."""
        return set().union(*(each.shown for each in self.passes[stream]))

    def points(self, *, again: bool) -> Points:
        """The metric points of all days, or of those that are read again."""
        first = _today() - LOOKBACK_DAYS if again else 0
        days = [points for day, points in self.days.items() if day >= first]
        return Points(sum(each.count for each in days), sum(each.total for each in days))

    def held(
        self, streams: Collection[str], *, again: bool, missed: Mapping[str, AbstractSet[str]] = MappingProxyType({})
    ) -> list[Held]:
        """The passes of some streams.

        Args:
            streams: Names of streams.
            again: Whether an earlier run read the tenant, so that most days of metric points are settled.
            missed: The rows that somebody who read them did not get, by stream.
        """
        found = [
            held for stream in streams if stream != POINTS for held in self._held(stream, missed.get(stream, set()))
        ]
        if POINTS in streams:
            points = self.points(again=again)
            found.append(Held(POINTS, points.count, _page_size(_by_stream()[POINTS])))
        return found

    def _held(self, stream: str, missed: AbstractSet[str]) -> Iterable[Held]:
        model = _by_stream()[stream]
        changed = self.changed.get(stream, set())
        for each in self.passes[stream]:
            yield Held(
                stream,
                len(each.ids),
                _page_size(model),
                stamped=model.sortable and model.updated.field is not None,
                changed=len(changed & each.ids),
                unstamped=each.unstamped,
                missed=len(missed & each.ids),
            )

    @property
    def hidden_parameters(self) -> list[tuple[str, Mapping[str, str]]]:
        """Path and parameters of each pass that shows nothing but hidden rows."""
        return [
            (_by_stream()[stream].path, each.parameters)
            for stream, passes in self.passes.items()
            for each in passes
            if each.ids and not each.shown
        ]


def streams() -> list[str]:
    """Every stream of the tap that is a list of its own: notes are conversations, and not selected as discovered."""
    return [model.stream for model in all_models().values() if "list" in model.operations and model.view_of is None]


def stamped_streams() -> list[str]:
    """The streams that can be read incrementally by the time of the last change."""
    by_stream = _by_stream()
    return [stream for stream in streams() if by_stream[stream].updated.field is not None]


def path_of(stream: str) -> str:
    """The path of the list of a stream."""
    return _by_stream()[stream].path


def read(tenant: Tenant) -> Books:
    """Ask the sandbox for all it holds.

    Raises:
        RunFailedError: The passes do not show as many rows as the sandbox counts.
    """
    books = Books()
    counts = tenant.control("GET", "counts")
    with tenant.whole_lists():
        for stream in streams():
            if stream == POINTS:
                continue
            model = _by_stream()[stream]
            shown = _ids(_listed(tenant, model, {}))
            books.passes[stream] = [_rows(tenant, model, parameters, shown) for parameters in model.passes]
            _check(stream, len(books.ids(stream)), counts.get(model.path))
        books.days = _days(tenant)
    _check(POINTS, books.points(again=False).count, counts["dimensiondata"])
    return books


def _by_stream() -> dict[str, Model]:
    return {model.stream: model for model in all_models().values()}


def _page_size(model: Model) -> int | None:
    return model.page.max or model.page.ask


def _rows(tenant: Tenant, model: Model, parameters: Mapping[str, str], shown: frozenset[str]) -> Rows:
    own = {name: value for name, value in parameters.items() if name != "select"}
    listed = _listed(tenant, model, own)
    ids, stamp = _ids(listed), model.updated.field
    return Rows(own, ids, ids & shown, sum(row.get(stamp) is None for row in listed) if stamp else 0)


def _listed(tenant: Tenant, model: Model, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    fields = ["_id", *([model.updated.field] if model.updated.field else [])]
    return list(tenant.whole_list(model.path, {**parameters, "select": ",".join(fields)}))


def _ids(listed: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(row["_id"] for row in listed)


def _days(tenant: Tenant) -> dict[int, Points]:
    days: dict[int, Points] = {}
    today = _today()
    for day in range(today - _DAYS_BACK, today + 1):
        points = Points()
        for row in tenant.whole_list("dimensiondata", {"from": str(day), "to": str(day)}):
            points.add(row["_id"])
        if points.count:
            days[day] = points
    return days


def _check(stream: str, found: int, counted: int | None) -> None:
    # The sandbox counts conversations, of which tickets are some, and has no count of its own for lean companies.
    if counted is not None and found != counted:
        message = f"the lists of {stream} show {found} rows, but the sandbox holds {counted}"
        raise RunFailedError(message)


def _today() -> int:
    return (dt.datetime.now(dt.timezone.utc).date() - _FIRST).days
