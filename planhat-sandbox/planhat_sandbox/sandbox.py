"""Runs a sandbox in this process, with real sockets."""

from __future__ import annotations

from copy import deepcopy
from threading import Thread
from typing import TYPE_CHECKING

from planhat_sandbox.clock import Clock
from planhat_sandbox.control import Control
from planhat_sandbox.faults import Fault, Faults
from planhat_sandbox.metrics import metric_book, metric_cells, reading
from planhat_sandbox.points import Points
from planhat_sandbox.routes import ANALYTICS_PREFIX
from planhat_sandbox.seed.plan import Plan
from planhat_sandbox.seed.tenant import seeded_grid, seeded_rows
from planhat_sandbox.server import Call, Server
from planhat_sandbox.store import Store
from planhat_sandbox.switches import Switches
from planhat_sandbox.tenant import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from types import TracebackType

    from typing_extensions import Self

    from planhat_sandbox.store import Row, Value

__all__ = ["API_TOKEN", "TENANT_TOKEN", "Sandbox"]

# Only the sandbox accepts these tokens.
API_TOKEN = "sandbox-api-token"  # noqa: S105 - no secret
TENANT_TOKEN = "5a4db0c5-0000-4000-8000-000000000001"  # noqa: S105 - no secret


class Sandbox:
    """An imitation of Planhat with a seeded tenant.

    Use it as a context manager, or call ``start`` and ``stop``::

        with Sandbox(companies=20, seed=1, switches={"error_items": "object"}) as box:
            requests.get(f"{box.url}/companies", headers={"Authorization": f"Bearer {box.api_token}"})
    """

    def __init__(  # noqa: PLR0913 - all are keywords with defaults
        self,
        *,
        companies: int = 20,
        seed: int = 1,
        endusers: int | None = None,
        days: int = 30,
        host: str = "127.0.0.1",
        port: int = 0,
        api_token: str = API_TOKEN,
        tenant_token: str = TENANT_TOKEN,
        today: date | None = None,
        frozen: bool = False,
        switches: Mapping[str, object] | None = None,
        faults: Iterable[Fault | Mapping[str, Value]] = (),
    ) -> None:
        """Make a tenant and a server, which does not run yet.

        Args:
            companies: Number of companies. It also decides on the number of rows of the other models.
            seed: Equal seeds and sizes make equal tenants.
            endusers: Number of endusers; by default 10 for each company.
            days: Days of metrics before today.
            host: Address to listen on.
            port: Port to listen on; 0 picks a free one.
            api_token: Token for the main API.
            tenant_token: UUID for the analytics host.
            today: The present day of the tenant; by default the real one.
            frozen: Whether the clock of the tenant stands still and moves only by ``advance``.
            switches: Positions that differ from the defaults.
            faults: Faults from the start on.
        """
        clock = Clock(today, frozen=frozen)
        plan = Plan(companies, endusers, days, seed, clock.today())
        self.api_token = api_token
        self.tenant_token = tenant_token
        self._switches = Switches(switches)
        self._tenant = Tenant(
            Store(seeded_rows(plan)),
            Points(seeded_grid(plan), clock),
            self._switches,
            clock,
            api_token,
            tenant_token,
            seed,
        )
        self._faults = Faults(seed)
        self._faults.set(faults)
        self._server = Server((host, port), self._tenant, self._faults, Control(self).answer)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="planhat-sandbox", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop immediately, and close all connections."""
        self._server.stop()
        self._thread.join()

    def __enter__(self) -> Self:
        """Begin to serve."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    @property
    def url(self) -> str:
        """Base URL of the main API."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def analytics_url(self) -> str:
        """Base URL of the imitated analytics host."""
        return f"{self.url}/{ANALYTICS_PREFIX}"

    def rows(self, path: str) -> list[Row]:
        """All stored rows of a path, including hidden ones. The paths ``dimensiondata`` and ``tickets`` work too.

        Raises:
            KeyError: There is no such path.
        """
        with self._tenant.store.lock:
            if path == "dimensiondata":
                return list(self._tenant.points.rows(reading(self._tenant)))
            if path == "tickets":
                return [row for row in self._tenant.store["conversations"].rows() if row["type"] == "ticket"]
            return list(self._tenant.store[path].rows())

    def counts(self) -> dict[str, int]:
        """Number of stored rows by path, with the points as ``dimensiondata``."""
        with self._tenant.store.lock:
            counts = {path: len(self._tenant.store[path]) for path in self._tenant.store.paths()}
            return {**counts, "dimensiondata": self._tenant.points.count()}

    @property
    def metrics(self) -> list[Row]:
        """Points that were accepted for later processing."""
        return self._points()

    @property
    def landed_metrics(self) -> list[Row]:
        """Accepted points that matched a record."""
        return self._points(landed=True)

    @property
    def dropped_metrics(self) -> list[Row]:
        """Accepted points that matched no record and were dropped."""
        return self._points(landed=False)

    @property
    def metric_book(self) -> list[Row]:
        """Every accepted point in the order of arrival: ``{item, landed, readable_at}``.

        ``readable_at`` is when lists begin to return it, in seconds since 1970-01-01 (UTC); None if it did not land.
        """
        with self._tenant.store.lock:
            return deepcopy(metric_book(self._tenant))

    @property
    def metric_cells(self) -> list[Row]:
        """The pushed and landed values in the order of arrival: ``{dimensionId, model, externalId, day, values}``.

        There is one entry for each metric, record and day.
        """
        with self._tenant.store.lock:
            return metric_cells(self._tenant)

    @property
    def now(self) -> float:
        """The time of the tenant in seconds since 1970-01-01 (UTC). Quotas and faults keep the real time."""
        return self._tenant.clock.seconds()

    @property
    def frozen(self) -> bool:
        """Whether the clock of the tenant moves only by ``advance``."""
        return self._tenant.clock.frozen

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop the clock of the tenant at the present time, or let it run on."""
        self._tenant.clock.freeze(frozen=frozen)

    def advance(self, seconds: float) -> float:
        """Move the clock of the tenant forward, and return its time; raises ClockError for a negative number."""
        return self._tenant.clock.advance(seconds)

    @property
    def activities(self) -> list[Row]:
        """User activities: ``{endpoint, enduserId, item}``."""
        return self._copied(self._tenant.activities)

    @property
    def calls(self) -> list[Call]:
        """Every request so far, in the order of the answers."""
        return list(self._server.calls)

    @property
    def moves(self) -> list[Row]:
        """The changes by the switch ``moving_rows``: ``{path, kind, _id}``."""
        return self._copied(self._tenant.moves)

    def forget_calls(self) -> None:
        """Empty the list of calls."""
        self._server.calls.clear()

    def switches(self) -> dict[str, str]:
        """Every switch with its position."""
        return self._switches.all()

    def set_switch(self, name: str, position: object) -> None:
        """Set one switch; raises SwitchError for an unknown switch or position."""
        self._switches.set(name, position)

    def set_faults(self, faults: Iterable[Fault | Mapping[str, Value]]) -> None:
        """Replace all faults; raises FaultError for an invalid one."""
        self._faults.set(faults)

    def _points(self, *, landed: bool | None = None) -> list[Row]:
        with self._tenant.store.lock:
            return deepcopy([p.item for p in self._tenant.points.accepted if landed in (None, p.landed)])

    def _copied(self, rows: list[Row]) -> list[Row]:
        with self._tenant.store.lock:
            return deepcopy(rows)
