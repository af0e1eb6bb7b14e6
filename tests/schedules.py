"""Plays seeded schedules: runs of the tap, with a tenant and settings that change between and during them.

``python -m tests.schedules 0 500`` plays the schedules 0 to 499 and tells of each that ends with a warehouse that is
not equal to the tenant. To add a kind of stream, write a ``Part`` (see ``tests.schedule_parts``) and name it in
``PARTS``.
"""

from __future__ import annotations

import random
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from planhat_sandbox import Sandbox
from planhat_sandbox.switch_table import SWITCHES
from tests.schedule_lists import ListPart
from tests.schedule_parts import Tenant, Warehouse, between_calls, play_many
from tests.tap_support import Output, catalog_for, config_for, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.schedule_parts import Part

PARTS: Sequence[Part] = (ListPart(),)

_CLOCKS = (None, None, None, -2, 2)
"""Days by which the server's clock is off."""
_SHOWN = 5
_MOST_CHANGES = 12
"""Changes during one run. With small pages a list could grow faster than it is read."""


@dataclass
class Outcome:
    """How a schedule went.

    Attributes:
        seed: Its number.
        steps: What was done, in order.
        faults: What was wrong in the end, or after one of its runs.
    """

    seed: int
    steps: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def play(seed: int, parts: Sequence[Part] = PARTS) -> Outcome:
    """Play one schedule to its end."""
    dice = random.Random(seed)
    switches = {name: value for part in parts for name, value in part.switches(dice).items()}
    off = dice.choice(_CLOCKS)
    today = None if off is None else datetime.now(timezone.utc).date() + timedelta(days=off)
    with ExitStack() as stack:
        boxes = [
            stack.enter_context(Sandbox(companies=6, seed=number, days=20, switches=switches, today=today))
            for number in (seed % 7, 7 + seed % 7)
        ]
        schedule = _Schedule(seed, [Tenant(box, dice) for box in boxes], dice, parts)
        changed = {name: value for name, value in switches.items() if str(value) != SWITCHES[name].default}
        schedule.outcome.steps.append(f"switches {changed}, server's clock {off or 0} days off")
        schedule.play()
        return schedule.outcome


class _Schedule:
    def __init__(self, seed: int, tenants: list[Tenant], dice: random.Random, parts: Sequence[Part]) -> None:
        self.outcome = Outcome(seed)
        self._tenants = tenants
        self._tenant = tenants[0]
        self._dice = dice
        self._parts = parts
        self._streams = [stream for part in parts for stream in part.streams]
        self._warehouse = Warehouse()
        self._states: list[dict[str, Any]] = [{}]
        # A loader holds flattened rows in other columns: it is set once.
        self._form = dice.choice([{}, {}, {}, {"flattening_enabled": True, "flattening_max_depth": 1}])
        self._settings: dict[str, Any] = {}
        self._catalog: Any = None
        self._tokens = 1

    def play(self) -> None:
        for path in ("endusers", "conversations"):
            for row_id in self._dice.sample(sorted(self._tenant.rows(path)), 4):
                self._tenant.hide(path, row_id)
        self._draw_settings()
        for _ in range(self._dice.randint(2, 6)):
            self._between_runs()
            self._run()
        last = self._run(quiet=True)
        self._compare(last)

    def _between_runs(self) -> None:
        for _ in range(self._dice.choice([0, 1, 1, 3])):
            self._change()
        if self._dice.random() < 0.35:
            self._draw_settings()
        event = self._dice.random()
        if event < 0.06:
            self._states.append(self._dice.choice(self._states))
            self._note("an older state")
        elif event < 0.12:
            self._tokens += 1
            self._tenant.show_all()
            self._tenant.take_token(f"token-{self._tokens}")
            self._note("a token that sees more")
        elif event < 0.17:
            self._tenant = self._tenants[self._tenants.index(self._tenant) - 1]
            self._note("another base_url")

    def _draw_settings(self) -> None:
        drawn = {name: value for part in self._parts for name, value in part.settings(self._dice).items()}
        self._settings = {**self._form, **drawn}
        if self._catalog is None or self._dice.random() < 0.5:
            self._catalog = catalog_for(config_for(self._tenant.box, **self._settings), *self._streams)
            self._note("a new catalog")
        self._note(f"settings {self._settings}")

    def _change(self) -> None:
        self._note(self._dice.choice(self._parts).change(self._tenant, self._dice))

    def _run(self, *, quiet: bool = False) -> Output:
        self._tenant.touched.clear()
        before, held = self._must_hold(), {name: set(table) for name, table in self._warehouse.tables.items()}
        often = 0.0 if quiet else self._dice.choice([0.0, 0.1, 0.4])
        self._note(f"run, with changes before {often:.0%} of its calls")
        left = iter(range(_MOST_CHANGES, 0, -1))
        with between_calls(lambda: self._change() if self._dice.random() < often and next(left, None) else None):
            config = config_for(self._tenant.box, **self._settings)
            output = run(config, catalog=self._catalog, state=self._states[-1])
        if not quiet and self._dice.random() < 0.25:
            self._kill(output.messages)
            return output
        self._warehouse.load(output.messages)
        self._states.append(output.state)
        self._look_for_missing(before, held)
        return output

    def _kill(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Let the run end after some message, and the loader keep all until there, or all until the last STATE."""
        got = messages[: self._dice.randint(0, len(messages))]
        states = [rank for rank, message in enumerate(got) if message["type"] == "STATE"]
        if states:
            self._states.append(got[states[-1]]["value"])
        if self._dice.random() < 0.5:
            got = got[: states[-1] + 1] if states else []
        self._warehouse.load(got)
        self._note(f"killed after {len(got)} of {len(messages)} messages")

    def _look_for_missing(self, before: Mapping[str, set[str]], held: Mapping[str, set[str]]) -> None:
        """Rows that were there all the time have to be held; those that moved meanwhile may come with the next run."""
        for stream, ids in self._must_hold().items():
            there = ids & before[stream]
            moved = self._tenant.touched - held.get(stream, set())
            missing = there - moved - set(self._warehouse.tables.get(stream, ())) - self._unseen()
            self._told(stream, "missing after a run", missing)

    def _unseen(self) -> set[str]:
        """Rows that changed without a stamp, where the run cannot see them: it is incremental (Q25)."""
        return self._tenant.unseen if self._settings["incremental"] else set()

    def _must_hold(self) -> dict[str, set[str]]:
        return {
            stream: ids for part in self._parts for stream, ids in part.must_hold(self._tenant, self._settings).items()
        }

    def _compare(self, last: Output) -> None:
        settings = {**self._settings, "incremental": False}
        fresh = run(config_for(self._tenant.box, **settings), *self._streams)
        unseen = self._unseen()
        for part in self._parts:
            for stream in part.streams:
                table = self._warehouse.tables.get(stream, {})
                rows = {row["_id"]: row for row in fresh.records.get(stream, [])}
                self._told(stream, "missing in the end", set(rows) - set(table) - unseen)
                stale = {key for key in set(rows) & set(table) - unseen if part.differs(stream, table[key], rows[key])}
                self._told(stream, "stale in the end", stale)
            self.outcome.faults += part.final_faults(self._warehouse, last, fresh, self._settings)
        for stream, ids in self._must_hold().items():
            self._told(stream, "not read by a whole read", ids - set(fresh.ids(stream)))

    def _told(self, stream: str, what: str, ids: set[str]) -> None:
        if ids:
            some = ", ".join(sorted(ids)[:_SHOWN])
            self.outcome.faults.append(f"{stream}: {len(ids)} rows {what}: {some}")

    def _note(self, step: str) -> None:
        self.outcome.steps.append(step)


if __name__ == "__main__":
    sys.exit(1 if play_many(play, *map(int, sys.argv[1:3])) else 0)
