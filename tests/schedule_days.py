"""Plays seeded schedules of dimension data: days pass, settings and points change, runs are killed.

``python -m tests.schedule_days 0 500`` plays the schedules 0 to 499 and tells of each that ends with a warehouse that
is not equal to the tenant. Beside ``tests.schedules``, since here the clock of the tap moves, and what a warehouse owes
depends on the day of each change.
"""

from __future__ import annotations

import random
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from planhat_sandbox import Sandbox
from tap_planhat.records import page_stream
from tap_planhat.streams import day_windows
from tests.clock_support import standing_on
from tests.contract.sandbox_calls import Api
from tests.schedule_parts import Warehouse, between_calls, play_many
from tests.tap_support import catalog_for, config_for, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STREAM = "dimension_data"
_LAST = date(2026, 6, 30)
_DAYS = 90
_DIMENSIONS = ("api-calls", "logins", "uptime")


@dataclass
class Tenant:
    """The points of a tenant, and on which day each was last corrected."""

    api: Api
    corrected: dict[str, date] = field(default_factory=dict)

    def correct(self, dice: random.Random, today: date) -> str:
        """Set the value of one point of the last days anew."""
        day = today - timedelta(days=dice.choice([0, 0, 0, 1, 2, 3, 6, 12, 25]))
        points = [row for row in self.api.box.rows("dimensiondata") if row["time"][:10] == str(day)]
        of_companies = [row for row in points if row["model"] == "Company"]
        if not of_companies:
            # On the day the tenant stands on, there are none yet.
            return f"no point of {day} to correct"
        point = dice.choice(of_companies)
        company = next(row for row in self.api.box.rows("companies") if row["_id"] == point["companyId"])
        sent = {name: point[name] for name in ("dimensionId", "model")} | {
            "externalId": company["externalId"],
            "date": point["time"][:10],
            "value": dice.randint(1000, 9999),
        }
        answer = self.api.push(f"dimensiondata/{self.api.box.tenant_token}", [sent])
        assert answer.json() == {"processed": 1, "errors": []}
        self.corrected[point["_id"]] = today
        return f"a point of {sent['date']} corrected"


def _age(row: Mapping[str, Any], today: date) -> int:
    return (today - date.fromisoformat(row["time"][:10])).days


@dataclass
class Outcome:
    """How a schedule went.

    Attributes:
        steps: What was done, in order.
        faults: What was wrong in the end.
    """

    steps: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def play(seed: int) -> Outcome:
    """Play one schedule to its end."""
    dice = random.Random(seed)
    switches = {
        "metric_combine": "last",
        "page_max": dice.choice([7, 50, 0]),
        "calls_per_minute": 0,
        "calls_per_second": 0,
    }
    with ExitStack() as stack:
        stack.enter_context(patch.object(page_stream, "_STATE_INTERVAL", -1.0))
        tenants = []
        for number in (seed % 5, 5 + seed % 5):
            box = stack.enter_context(Sandbox(companies=3, seed=number, days=_DAYS, today=_LAST, switches=switches))
            api = Api(box)
            stack.callback(api.session.close)
            tenants.append(Tenant(api))
        schedule = _Schedule(dice, tenants)
        schedule.play()
        return schedule.outcome


class _Schedule:
    def __init__(self, dice: random.Random, tenants: Sequence[Tenant]) -> None:
        self.outcome = Outcome()
        self._dice = dice
        self._tenants = tenants
        self._tenant = tenants[0]
        self._today = _LAST - timedelta(days=40)
        self._warehouse = Warehouse()
        self._states: list[dict[str, Any]] = [{}]
        self._settings: dict[str, Any] = {}
        self._first_window_days = 1

    def play(self) -> None:
        self._draw_settings()
        for _ in range(self._dice.randint(2, 7)):
            self._between_runs()
            self._run(often=self._dice.choice([0.0, 0.2]), may_be_killed=True)
        self._pass_days()
        self._run(often=0.0, may_be_killed=False)
        self._compare()

    def _between_runs(self) -> None:
        self._pass_days()
        for _ in range(self._dice.choice([0, 2, 6])):
            self._note(self._tenant.correct(self._dice, self._today))
        if self._dice.random() < 0.4:
            self._draw_settings()
        event = self._dice.random()
        if event < 0.06:
            self._states.append(self._dice.choice(self._states))
            self._note("an older state")
        elif event < 0.1:
            self._tenant = self._tenants[self._tenants.index(self._tenant) - 1]
            self._note("another base_url")

    def _pass_days(self) -> None:
        self._today = min(self._today + timedelta(days=self._dice.choice([0, 0, 1, 1, 2, 8])), _LAST)
        self._note(f"it is {self._today}")

    def _draw_settings(self) -> None:
        dice = self._dice
        start = dice.choice([None, None, 0, 1, 5, 20, 40, 40])
        end = dice.choice([None, None, None, 0, 1, 10])
        self._settings = {"lookback_days": dice.choice([0, 0, 1, 5, 30])}
        self._first_window_days = dice.choice([1, 3, 30])
        self._settings |= {
            "parallel_calls": dice.choice([1, 4]),
            "partition_by": dice.choice(["none", "none", "dimension"]),
        }
        if start is not None:
            self._settings["start_date"] = str(self._today - timedelta(days=start))
        if end is not None:
            self._settings["end_date"] = str(self._today - timedelta(days=min(end, 99 if start is None else start)))
        if self._settings["partition_by"] == "dimension" or dice.random() < 0.1:
            self._settings["dimension_ids"] = sorted(dice.sample(_DIMENSIONS, 2))
        if dice.random() < 0.1:
            rows = self._tenant.api.box.rows("companies")
            self._settings["company_ids"] = sorted(dice.sample([row["_id"] for row in rows], 2))
        self._note(f"settings {self._settings}, first windows of {self._first_window_days} days")

    def _run(self, *, often: float, may_be_killed: bool) -> None:
        def change() -> None:
            if self._dice.random() < often:
                self._note(self._tenant.correct(self._dice, self._today))

        self._note(f"run, with corrections before {often:.0%} of its calls")
        config = config_for(self._tenant.api.box, **self._settings)
        with (
            between_calls(change),
            standing_on(self._today),
            patch.object(day_windows, "_FIRST_DAYS", self._first_window_days),
        ):
            output = run(config, catalog=catalog_for(config, _STREAM), state=self._states[-1])
        messages: Sequence[Mapping[str, Any]] = output.messages
        if may_be_killed and self._dice.random() < 0.35:
            messages = messages[: self._dice.randint(0, len(messages))]
            self._note(f"killed after {len(messages)} of {len(output.messages)} messages")
        self._warehouse.load(messages)
        self._states += [message["value"] for message in messages if message["type"] == "STATE"][-1:]

    def _compare(self) -> None:
        """Look at each point that the settings ask for; corrections later than the lookback are not owed."""
        held = self._warehouse.tables.get(_STREAM, {})
        lookback = self._settings["lookback_days"]
        for key, row in self._asked_for().items():
            corrected = self._tenant.corrected.get(key)
            if key not in held:
                self.outcome.faults.append(f"{row['time'][:10]} is missing: {key}")
            elif held[key]["value"] != row["value"] and (corrected is None or _age(row, corrected) <= lookback):
                self.outcome.faults.append(f"{row['time'][:10]} is stale: {key}, corrected on {corrected}")

    def _asked_for(self) -> dict[str, Mapping[str, Any]]:
        first = self._settings.get("start_date") or str(self._today - timedelta(days=730))
        last = min(self._settings.get("end_date") or str(self._today), str(self._today))
        wanted = {"dimensionId": self._settings.get("dimension_ids"), "companyId": self._settings.get("company_ids")}
        return {
            row["_id"]: row
            for row in self._tenant.api.box.rows("dimensiondata")
            if first <= row["time"][:10] <= last
            and all(ids is None or row[name] in ids for name, ids in wanted.items())
        }

    def _note(self, step: str) -> None:
        self.outcome.steps.append(step)


if __name__ == "__main__":
    sys.exit(1 if play_many(play, *map(int, sys.argv[1:3])) else 0)
