"""Plays seeded races: a plan is made, then a person edits the tenant, then the plan is carried out.

``python -m tests.plan_races 0 500`` plays the races 0 to 499 and tells of each in which an edit was lost, or in which a
row that nobody touched was not written.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from planhat_api.models.registry import all_models, model_for_stream
from target_planhat.plan.plan import Plan
from tests.contract.sandbox_calls import Api
from tests.plan_cases import make, new_value, writable_fields
from tests.target_support import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planhat_api.models.registry import Model
    from planhat_sandbox import Sandbox
    from target_planhat.plan.decision import Decision

Record = dict[str, Any]
Snapshot = dict[tuple[str, str], Record]
"""The stored records by path and ``_id``."""

_SHOWN = 5
_EDITED = 0.35
"""Share of the planned rows that a person touches."""
_DONE = {"create": {"created"}, "update": {"updated"}, "delete": {"deleted"}}
_STAMPS = ("updatedAt", "updateDate", "lastUpdated")
_ARCHIVED = ("archived", "isArchived")
_KEPT = {"drifted", "unchanged", "rejected", "skipped"}
"""Outcomes of a row whose fields a person has edited. `unchanged`: the person did what the plan wanted to do."""


@dataclass(frozen=True)
class PlannedRow:
    """One row of a plan.

    Attributes:
        model: Its model.
        stream: Its stream.
        action: What the plan does with it.
        key: Value of the key in the receipt.
        planhat_id: The record that it changes or deletes; None if it creates one.
        fields: The fields that it sends, or that a record that it deletes must still have, by the names under which
            Planhat shows them; ``custom.`` stands before the names of custom fields.
        body: What is sent.
    """

    model: Model
    stream: str
    action: str
    key: str
    planhat_id: str | None
    fields: tuple[str, ...]
    body: Record


@dataclass
class Raced:
    """How a race went.

    Attributes:
        seed: Its number.
        steps: What the person did.
        faults: What is wrong.
        counts: Rows by what the person did to them and what became of them.
    """

    seed: int
    steps: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def play(seed: int) -> Raced:
    """Play one race to its end."""
    case, raced = make(seed), Raced(seed)
    dice = random.Random(f"race {seed}")
    with tempfile.TemporaryDirectory() as folder, case.sandbox() as box:
        path = Path(folder) / "plan.singer"
        doubtful: set[tuple[str, str]] = set()
        with _noting_doubts(doubtful):
            planned = run(box, case.messages, **{**case.settings, "write": "nothing", "plan_file": str(path)})
        if planned.error is not None:
            raced.faults.append(f"the plan ended with an error: {planned.error}")
            return raced
        lines = path.read_bytes()
        rows = list(_rows_in(lines))
        before = _snapshot(box)
        api = Api(box)
        with closing(api.session):
            _race(rows, api, dice, raced)
        between = _snapshot(box)
        applied = run(box, lines, **{**case.settings, "write": "changes"})
        if applied.error is not None:
            raced.faults.append(f"carrying out the plan ended with an error: {applied.error}")
        outcomes = {(receipt["stream"], receipt["key_value"]): receipt["outcome"] for receipt in applied.receipts}
        side_effects = {
            (path, name) for row in rows for path, names in row.model.side_effects.items() for name in names
        }
        _Race(raced, outcomes, doubtful, before, between, _snapshot(box), side_effects).judge(rows)
    return raced


@contextmanager
def _noting_doubts(found: set[tuple[str, str]]) -> Iterator[None]:
    """Note the stream and key of each planned row with a field that cannot be compared."""
    add = Plan.add

    def note(plan: Plan, decisions: Sequence[Decision], *rest: Any) -> None:
        found.update(
            (one.item.stream.name, one.item.match[1]) for one in decisions if one.doubts and one.item.match is not None
        )
        add(plan, decisions, *rest)

    with patch.object(Plan, "add", note):
        yield


def _rows_in(lines: bytes) -> Iterator[PlannedRow]:
    for line in lines.splitlines()[2:]:
        message = json.loads(line)
        if message["type"] != "RECORD":
            continue
        model, plan, body = model_for_stream(message["stream"]), message["planhat_plan"], message["record"]
        assert model is not None
        shown = {written: answered for answered, written in model.written_as.items()}
        sent = [*(name for name in body if name != "custom"), *(f"custom.{name}" for name in body.get("custom") or {})]
        # A delete concerns all fields of its stream.
        concerned = plan.get("before", {}) if plan["action"] == "delete" else sent
        names = [shown.get(name, name) for name in concerned]
        key = (plan.get("key") or ["", ""])[1]
        yield PlannedRow(model, message["stream"], plan["action"], key, plan.get("planhat_id"), tuple(names), body)


def _race(rows: list[PlannedRow], api: Api, dice: random.Random, raced: Raced) -> None:
    """Let the person edit, archive, delete and create records."""
    for number, row in enumerate(rows):
        if dice.random() >= _EDITED:
            continue
        if row.action == "create":
            body = {name: value for name, value in row.body.items() if name != "_id"}
            body |= {"name": f"of a person {number}"} if "name" in body else {}
            answer = api.post(row.model.path, body)
            raced.steps.append(f"create {row.stream} {row.key}: {answer.status_code}")
            continue
        if row.planhat_id is None:
            continue
        place = f"{_stored_path(row.model)}/{row.planhat_id}"
        kind = dice.random()
        if kind < 0.1:
            answer = api.call("DELETE", place)
            raced.steps.append(f"delete {place}: {answer.status_code}")
            continue
        archived = next((name for name in _ARCHIVED if name in row.model.properties), None)
        changes = {archived: True} if archived and kind < 0.2 else _edit(row, number, dice)
        answer = api.put(place, changes)
        raced.steps.append(f"edit {place} {sorted(changes)}: {answer.status_code}")


def _edit(row: PlannedRow, number: int, dice: random.Random) -> Record:
    """A change of a field that the plan sends, or of another one."""
    sent = [name for name in row.fields if name != "_id" and name not in row.model.read_only]
    name = dice.choice(sent) if sent and dice.random() < 0.7 else dice.choice(writable_fields(row.model) or ["name"])
    if name.startswith("custom."):
        name = name.removeprefix("custom.")
        value = (row.body.get("custom") or {}).get(name)
        return {"custom": {name: value + 7 if isinstance(value, int) and not isinstance(value, bool) else None}}
    written = row.model.written_as.get(name, name)
    if name in row.model.keyables:
        return {written: f"person-{number}@company1.example"}
    if name == (row.model.company or "").removesuffix("[]"):
        return {written: dice.choice(["65abd1e0c2521bf118000000", row.body.get(name)])}
    return {written: new_value(row.model.properties.get(name, {}), dice, 50 + number)}


def _stored_path(model: Model) -> str:
    """Where the records of a model are stored: a ticket is a conversation (B74)."""
    return "conversations" if model.path == "tickets" else model.path


def _snapshot(box: Sandbox) -> Snapshot:
    paths = sorted({model.path for model in all_models().values()} & box.counts().keys())
    return {
        (path, row["_id"]): json.loads(json.dumps(row)) for path in paths for row in box.rows(path) if row.get("_id")
    }


def _value(record: Record | None, name: str) -> Any:
    if record is None:
        return None
    if name.startswith("custom."):
        return (record.get("custom") or {}).get(name.removeprefix("custom."))
    return record.get(name)


def _sent(row: PlannedRow, name: str) -> Any:
    return _value({**row.body, **{shown: row.body.get(name) for shown, name in row.model.written_as.items()}}, name)


@dataclass(frozen=True)
class _Race:
    """What is known when the plan is carried out.

    Attributes:
        raced: Gets the faults.
        outcomes: The outcome by stream and key.
        doubtful: Stream and key of rows with a field that cannot be compared.
        before: The records when the plan was made.
        between: The records after the person.
        after: The records in the end.
        side_effects: Path and field of what rows of the plan change beside their own records; ``*`` means all fields.
    """

    raced: Raced
    outcomes: Mapping[tuple[str, str], str]
    doubtful: set[tuple[str, str]]
    before: Snapshot
    between: Snapshot
    after: Snapshot
    side_effects: set[tuple[str, str]]

    def judge(self, rows: list[PlannedRow]) -> None:
        occurs = Counter((row.stream, row.key) for row in rows)
        self._judge_new()
        for row in rows:
            if row.action == "send" or occurs[row.stream, row.key] > 1 or (row.model.path, "*") in self.side_effects:
                continue
            outcome = self.outcomes.get((row.stream, row.key), "nothing")
            what = f"{row.action} {row.stream} {row.key}"
            judge = self._judge_create if row.action == "create" else self._judge_change
            self.raced.faults += [f"{what}: {fault}" for fault in judge(row, outcome)]

    def _judge_create(self, row: PlannedRow, outcome: str) -> Iterator[str]:
        keys = {
            str(record[name])
            for (path, planhat_id), record in self.between.items()
            if path == row.model.path and (path, planhat_id) not in self.before
            for name in (*row.model.keyables, *row.model.written_as)
            if record.get(name)
        }
        if row.key in keys:
            self.raced.counts[f"created by a person: {outcome}"] += 1
            if outcome not in _KEPT:
                yield f"a person created it, and the outcome is {outcome}"
        elif outcome == "drifted":
            yield "nobody touched it, and it drifted"

    def _judge_change(self, row: PlannedRow, outcome: str) -> Iterator[str]:
        place = _stored_path(row.model), row.planhat_id or ""
        was, now, then = self.before.get(place), self.between.get(place), self.after.get(place)
        if now is None:
            self.raced.counts[f"deleted by a person: {outcome}"] += 1
            if outcome not in _KEPT:
                yield f"a person deleted it, and the outcome is {outcome}"
            return
        # If the person did what the plan wanted to do, nothing can be lost.
        edited = [
            name
            for name in row.fields
            if _value(was, name) != _value(now, name)
            and (row.action == "delete" or _value(now, name) != _sent(row, name))
        ]
        if not edited:
            self.raced.counts[f"untouched: {outcome}"] += 1
            if not self._is_as_planned(row, outcome, now):
                yield f"nobody touched what it sends, and the outcome is {outcome}"
            return
        self.raced.counts[f"edited by a person: {outcome}"] += 1
        lost = [
            name
            for name in edited
            if (row.model.path, name) not in self.side_effects and _value(then, name) != _value(now, name)
        ]
        if lost or outcome not in _KEPT:
            yield f"a person edited {edited}, the outcome is {outcome}, and {lost} are lost"

    def _is_as_planned(self, row: PlannedRow, outcome: str, now: Record) -> bool:
        if outcome in _DONE[row.action]:
            return True
        if outcome == "unchanged":
            place = row.stream, row.key
            return place in self.doubtful or all(_value(now, name) == _sent(row, name) for name in row.fields)
        is_hidden = any(now.get(name) for name in _ARCHIVED) and row.model.maybe_hidden
        gone = {planhat_id for path, planhat_id in self.before.keys() - self.between.keys() if path == "companies"}
        return bool(is_hidden) or any(company in json.dumps(row.body) for company in gone)

    def _judge_new(self) -> None:
        """The records that the person created are as the person left them."""
        for place in self.between.keys() - self.before.keys():
            path, planhat_id = place
            then = self.after.get(place)
            if then is None:
                self.raced.faults.append(f"{path} {planhat_id}: a person created it, and it is gone")
                continue
            changed = [
                name
                for name, value in self.between[place].items()
                if then.get(name) != value
                and name not in _STAMPS
                and not {(path, name), (path, "*")} & self.side_effects
            ]
            if changed:
                self.raced.faults.append(f"{path} {planhat_id}: a person created it, and the plan changed {changed}")


def main() -> None:
    """Play the races between two numbers."""
    first, last = (int(number) for number in sys.argv[1:3])
    counts: Counter[str] = Counter()
    wrong = 0
    for seed in range(first, last):
        raced = play(seed)
        counts += raced.counts
        if raced.faults:
            wrong += 1
            print(f"race {seed}:", *raced.steps, "--", *raced.faults[:_SHOWN], sep="\n  ")  # noqa: T201
    print(f"{last - first} races, {wrong} wrong; {dict(counts)}")  # noqa: T201


if __name__ == "__main__":
    main()
