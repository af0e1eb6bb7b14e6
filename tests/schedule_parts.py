"""What a seeded schedule is made of: the tenant and what is done to it, the loader, and the contract of a part."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch

from planhat_api import PlanhatClient
from planhat_api.models.registry import model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from random import Random

    from planhat_sandbox import Sandbox
    from tests.tap_support import Output

_SHOWN = 9
_STAMPS = ("updatedAt", "updateDate", "lastUpdated")


@dataclass
class Warehouse:
    """A loader that replaces rows by their key and retires those that a version did not bring."""

    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    versions: dict[str, dict[str, int]] = field(default_factory=dict)
    _loads: int = 0

    def load(self, messages: Iterable[Mapping[str, Any]]) -> None:
        self._loads += 1  # runs of one second share the number that the tap gives their version
        for message in messages:
            name = message.get("stream", "")
            table, versions = self.tables.setdefault(name, {}), self.versions.setdefault(name, {})
            if message["type"] == "RECORD":
                key = message["record"]["_id"]
                table[key], versions[key] = message["record"], self._loads
            elif message["type"] == "ACTIVATE_VERSION":
                for key in [key for key, version in versions.items() if version != self._loads]:
                    del table[key], versions[key]


@dataclass
class Tenant:
    """The tenant behind a sandbox, changed as people and imports change it: what changes gets the server's stamp.

    Attributes:
        touched: Ids of the rows that changed since somebody cleared it.
        unseen: Ids of the rows that changed without a stamp.
    """

    box: Sandbox
    dice: Random
    touched: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    _hidden: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def rows(self, path: str) -> dict[str, dict[str, Any]]:
        """Every row by its id."""
        return {row["_id"]: row for row in self.box.rows(path)}

    def stamp(self) -> str:
        """The server's time."""
        return self.box._tenant.clock.stamp()

    def put(self, path: str, row: dict[str, Any], *, stamp: str | None = None) -> None:
        """Store a row, with a stamp of its change unless it keeps its own."""
        if stamp:
            known = {*model(path).properties, "updatedAt"}
            row = {**row, **{name: stamp for name in _STAMPS if name in known}}
        with self.box._tenant.store.lock:
            self.box._tenant.store[path].put(row)
        self.touched.add(row["_id"])

    def archive(self, path: str, row: dict[str, Any], name: str) -> None:
        """Archive a row or bring it back; whether that counts as a change is a habit of the server."""
        kept = self.box._tenant.switches["updated_at_on_archiving"] == "kept"
        self.put(path, {**row, name: not row.get(name)}, stamp=None if kept else self.stamp())
        self.unseen |= {row["_id"]} if kept else set()

    def remove(self, path: str, row_id: str) -> None:
        with self.box._tenant.store.lock:
            self.box._tenant.store[path].remove(row_id)
        self.touched.add(row_id)

    def add(self, path: str, like: Mapping[str, Any], *, stamp: str) -> None:
        """Store a new row that is otherwise like another."""
        self.put(path, {**like, "_id": self.box._tenant.ids.make()}, stamp=stamp)

    def hide(self, path: str, row_id: str) -> None:
        """Keep a row from the token of the present."""
        self._hidden.append((path, self.rows(path)[row_id]))
        self.remove(path, row_id)

    def show_all(self) -> None:
        """Let the token see every row, each as it was."""
        for path, row in self._hidden:
            self.put(path, row)
        self._hidden.clear()

    def take_token(self, token: str) -> None:
        """Accept only this token from now on."""
        self.box.api_token = self.box._tenant.api_token = token


class Part(Protocol):
    """One kind of stream in a schedule. A part holds no state of its own between calls: all is in what it is given."""

    @property
    def streams(self) -> Sequence[str]:
        """The streams it is about."""

    def switches(self, dice: Random) -> dict[str, Any]:
        """Habits of the server, drawn once for a schedule."""

    def settings(self, dice: Random) -> dict[str, Any]:
        """Settings of the tap, drawn again when a run changes them."""

    def change(self, tenant: Tenant, dice: Random) -> str:
        """Do one thing to the tenant, and say what. Called between runs, and between two calls of a run."""

    def must_hold(self, tenant: Tenant, settings: Mapping[str, Any]) -> dict[str, set[str]]:
        """For each stream the ids of the rows that the tenant has now and that belong to it under these settings."""

    def differs(self, stream: str, held: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
        """Whether a row that the warehouse holds says something else than the same row, read freshly."""

    def final_faults(self, warehouse: Warehouse, last: Output, fresh: Output, settings: Mapping[str, Any]) -> list[str]:
        """What else is wrong once the last run is loaded.

        Args:
            warehouse: What the loader holds.
            last: The last run, of a tenant that stood still.
            fresh: A run without state and with ``incremental`` off, right after it.
            settings: Those of the last run.
        """


@contextmanager
def between_calls(act: Callable[[], None]) -> Iterator[None]:
    """Have something done before each list call of the client, one at a time."""
    page, lock = PlanhatClient.page, Lock()

    def after_act(self: PlanhatClient, *arguments: Any, **options: Any) -> Any:
        with lock:
            act()
        return page(self, *arguments, **options)

    with patch.object(PlanhatClient, "page", after_act):
        yield


class Played(Protocol):
    """How a schedule went.

    Attributes:
        steps: What was done, in order.
        faults: What was wrong.
    """

    steps: list[str]
    faults: list[str]


def play_many(play: Callable[[int], Played], first: int, last: int) -> int:
    """Play the schedules from ``first`` to before ``last``, and tell of those that went wrong; how many did."""
    logging.disable(logging.CRITICAL)
    wrong = 0
    for seed in range(first, last):
        outcome = play(seed)
        if outcome.faults:
            wrong += 1
            sys.stdout.write("\n  ".join([f"schedule {seed}", *outcome.steps, *outcome.faults[:_SHOWN]]) + "\n")
    sys.stdout.write(f"{last - first} schedules, {wrong} of them wrong\n")
    return wrong
