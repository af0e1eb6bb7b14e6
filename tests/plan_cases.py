"""Plays seeded cases: a tenant, rows for it, settings and switches. What a plan says is what a run then does.

``python -m tests.plan_cases 0 1000`` plays the cases 0 to 999 and tells of each in which they differ.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from planhat_api.models.registry import all_models
from planhat_sandbox import Sandbox
from planhat_sandbox.switch_table import SWITCHES
from target_planhat import target
from target_planhat.plan.decision import Verdict
from target_planhat.plan.plan import Plan
from tests import tap_support
from tests.target_support import Finished, Message, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planhat_api.models.registry import Model
    from target_planhat.plan.decision import Decision

# Where an answer may leave the outcome of a row open, or lie, the run cannot be compared with the plan row by row. What
# concerns metrics does not change a plan.
_FIXED = frozenset(
    {
        "answer_keys",
        "body_limit_mb",
        "bulk_failure",
        "bulk_forbidden",
        "calls_per_minute",
        "calls_per_second",
        "error_items",
        "endusers_skipped",
        "metric_day",
        "metric_last",
        "metric_zero",
        "metrics_delay_seconds",
        "moving_rows",
        "page_max",
        "parallel_calls",
        "quota_window_seconds",
        "refused_creates",
        "refused_updates",
        "sort_ignored_fields",
        "ticket_without_company",
        "tickets_skipped",
    }
)
_MODELS = (
    "companies",
    "endusers",
    "licenses",
    "tasks",
    "assets",
    "issues",
    "tickets",
    "products",
    "users",
    "conversations",
    "invoices",
    "nps",
    "churn",
    "deals",
    "lineitems",
    "objectives",
    "opportunities",
    "projects",
    "sales",
    "workspaces",
    "timeentries",
    "campaigns",
)
_ALLOWED: dict[Verdict, frozenset[str]] = {
    Verdict.CREATE: frozenset({"created"}),
    Verdict.UPDATE: frozenset({"updated"}),
    Verdict.DELETE: frozenset({"deleted"}),
    Verdict.UNCHANGED: frozenset({"unchanged"}),
    Verdict.HELD_BACK: frozenset({"held back"}),
    Verdict.SKIPPED: frozenset({"skipped"}),
    Verdict.REJECTED: frozenset({"rejected"}),
}
_NUMBERED = re.compile(r"\b[QB]\d+\b")
_SHOWN = 5


@dataclass
class Case:
    """One case.

    Attributes:
        seed: Its number.
        switches: Positions that differ from the defaults.
        settings: Settings of the target.
        messages: The input.
    """

    seed: int
    switches: dict[str, str]
    settings: dict[str, Any]
    messages: list[Message] = field(default_factory=list)

    def sandbox(self) -> Sandbox:
        """A tenant. All tenants of a case are equal."""
        return Sandbox(companies=4, seed=self.seed % 50, days=5, switches=self.switches)


@dataclass
class Played:
    """How a case went.

    Attributes:
        verdicts: The verdict of the plan by stream and key.
        outcomes: The outcome of the run by stream and key.
        applied: The outcome of carrying out the plan, by stream and key.
        again: The same when it is carried out once more.
        faults: What is wrong.
        counts: Rows by verdict.
    """

    verdicts: dict[tuple[str, str], Decision]
    outcomes: dict[tuple[str, str], str]
    applied: dict[tuple[str, str], str]
    again: dict[tuple[str, str], str]
    faults: list[str]
    counts: Counter[str]


def make(seed: int) -> Case:
    """Make one case."""
    dice = random.Random(seed)
    free = [name for name, switch in SWITCHES.items() if switch.positions and name not in _FIXED]
    switches = {name: dice.choice(SWITCHES[name].positions) for name in dice.sample(free, dice.randint(0, 12))}
    models = [_model(path) for path in sorted({"companies", *dice.sample(_MODELS, dice.randint(1, 4))})]
    settings: dict[str, Any] = {
        "unknown_columns": "leave_out",
        "max_rejects": "100%",
        "nulls": dice.choice(["leave_out", "leave_out", "clear"]),
        "load_method": dice.choice(["upsert", "upsert", "upsert", "update", "insert"]),
        "hard_delete": dice.random() < 0.3,
        "max_deletes": 3,
        "streams": {},
    }
    case = Case(seed, switches, settings)
    with case.sandbox() as box:
        # What it answers is the input, so it answers in full.
        for name in ("limit_above_max", "select", "list_width", "users_list", "sort", "default_sort", "updated_at"):
            box.set_switch(name, SWITCHES[name].default)
        output = tap_support.run(tap_support.config_for(box), *(model.stream for model in models))
    for model in models:
        rows = output.records.get(model.stream, [])[:12]
        case.messages.append(_schema(model, output.schemas[model.stream]))
        case.messages += [_record(model, row) for row in _changed(rows, model, dice)]
        fields = [name for name in writable_fields(model) if dice.random() < 0.2]
        rules = {name: dice.choice(["if_empty", "on_create", "always"]) for name in fields}
        if rules and dice.random() < 0.5:
            settings["streams"][model.stream] = {"ownership": rules}
    return case


def _model(path: str) -> Model:
    return next(model for model in all_models().values() if model.path == path and model.view_of is None)


def _schema(model: Model, message: Message) -> Message:
    columns = {**message["schema"]["properties"], "_sdc_deleted_at": {"type": ["string", "null"]}}
    return {"type": "SCHEMA", "stream": model.stream, "schema": {"properties": columns}, "key_properties": []}


def _record(model: Model, row: dict[str, Any]) -> Message:
    return {"type": "RECORD", "stream": model.stream, "record": row}


def writable_fields(model: Model) -> list[str]:
    """Fields of which a case changes the values."""
    shown = {written: answered for answered, written in model.written_as.items()}
    # A license that is written sets the status of its company (B85), and only some types of conversations exist.
    # Fields that Planhat computes from one another need not keep what is sent.
    special = {"_id", "custom", "type", "status", model.company, *model.keyables, *model.computed_together}
    return [
        name
        for name, schema in model.properties.items()
        if not schema.get("readOnly") and name not in special and name not in shown and "[]" not in name
    ]


def _changed(rows: Sequence[dict[str, Any]], model: Model, dice: random.Random) -> list[dict[str, Any]]:
    """Rows that are equal to those in Planhat, differ from them, or are new."""
    made: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        kind = dice.random()
        new = json.loads(json.dumps(row))
        if kind < 0.5:
            _change(new, model, dice, number)
        if kind < 0.1:
            _make_new(new, model, number)
        elif kind < 0.2:
            _leave_out_keys(new, model, dice)
        elif kind > 0.95:
            new["_sdc_deleted_at"] = "2026-01-01T00:00:00Z"
        made.append(new)
        if dice.random() < 0.1:
            made.append(json.loads(json.dumps(row)))
    return made


def _change(row: dict[str, Any], model: Model, dice: random.Random, number: int) -> None:
    for name in writable_fields(model):
        if dice.random() < 0.15:
            row[name] = dice.choice([None, new_value(model.properties[name], dice, number)])
    custom = row.get("custom")
    if isinstance(custom, dict) and custom and dice.random() < 0.4:
        name = dice.choice(sorted(custom))
        value = custom[name]
        custom[name] = value + 1 if isinstance(value, int) and not isinstance(value, bool) else None
    if model.company in row and dice.random() < 0.1:
        row[str(model.company)] = dice.choice(["extid-nowhere", "0" * 24])


def new_value(schema: dict[str, Any], dice: random.Random, number: int) -> Any:
    """A value of a field, or an empty text."""
    kinds: dict[str, Any] = {
        "date-time": f"2025-0{number % 9 + 1}-02T03:04:05.678Z",
        "epoch-day": 19000 + number,
        "number": dice.choice([number, number + 0.5, 12]),
        "boolean": dice.random() < 0.5,
        "array": [f"tag {number}"],
        "object": {"a": number},
    }
    return kinds.get(schema.get("format") or schema.get("type") or "", dice.choice([f"text {number}", ""]))


def _make_new(row: dict[str, Any], model: Model, number: int) -> None:
    row.pop("_id", None)
    for name in model.keyables[1:]:
        if name == "email":
            row[name] = f"new{number}@{row.get('email', 'x@nowhere.example').rpartition('@')[2]}"
        else:
            row[name] = f"new-{number}"


def _leave_out_keys(row: dict[str, Any], model: Model, dice: random.Random) -> None:
    for name in model.keyables:
        if dice.random() < 0.5:
            row.pop(name, None)


def play(seed: int) -> Played:
    """Plan a case, run it, and carry out its plan, each on a tenant of its own."""
    # The tenants of a case are equal, but for their ports.
    with patch.object(target, "tenant_fingerprint", lambda _: "the tenant of the case"):
        return _play(make(seed))


def _play(case: Case) -> Played:
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder, case.sandbox() as box:
        path = Path(folder) / "plan.singer"
        box.forget_calls()
        decisions, planned = _planned(box, case, path)
        written = [call for call in box.calls if call.method != "GET"]
        if written:
            faults.append(f"a plan made {len(written)} calls that are not GET: {written[0].method} {written[0].path}")
        if planned.states or planned.rejects:
            faults.append("a plan gave out STATE or wrote rejects")
        if planned.error is not None:
            faults.append(f"the plan ended with an error: {planned.error}")
        lines = path.read_bytes() if path.exists() else b""
    with case.sandbox() as box:
        finished = run(box, case.messages, **{**case.settings, "write": "changes"})
        if finished.error is not None:
            faults.append(f"the run ended with an error: {finished.error}")
    with case.sandbox() as box:
        applied = run(box, lines, **{**case.settings, "write": "changes"})
        if applied.error is not None:
            faults.append(f"carrying out the plan ended with an error: {applied.error}")
        box.forget_calls()
        again = run(box, lines, **{**case.settings, "write": "changes"})
        # Rows of which it cannot be told what they do are sent again.
        if not any(b'"send"' in line for line in lines.splitlines()) and not _has_doubts(decisions):
            written = [call for call in box.calls if call.method != "GET"]
            if written:
                faults.append(f"carrying out the plan again made {len(written)} calls that are not GET")
    played = Played(
        decisions,
        _outcomes(finished),
        _outcomes(applied),
        _outcomes(again),
        faults,
        Counter(decision.verdict.value for decision in decisions.values()),
    )
    _compare(played)
    return played


def _planned(box: Sandbox, case: Case, path: Path) -> tuple[dict[tuple[str, str], Decision], Finished]:
    """The decisions of a plan by stream and key, without rows that occur several times."""
    found: dict[tuple[str, str], Decision] = {}
    several: set[tuple[str, str]] = set()
    places: dict[tuple[str, int | None], tuple[str, str]] = {}
    add = Plan.add

    def note(plan: Plan, decisions: Sequence[Decision], *rest: Any) -> None:
        for decision in decisions:
            place = decision.item.stream.name, decision.item.match[1] if decision.item.match else ""
            if place in found and found[place].verdict is not Verdict.REJECTED:
                several.add(place)
            # Rows for one record under several keys are one row of the plan.
            record = decision.item.stream.model.path, decision.held.place if decision.held else None
            if record[1] is not None and places.setdefault(record, place) != place:
                several.update((place, places[record]))
            found[place] = decision
        add(plan, decisions, *rest)

    with patch.object(Plan, "add", note):
        finished = run(box, case.messages, **{**case.settings, "write": "nothing", "plan_file": str(path)})
    return {place: found[place] for place in found if place not in several and place[1]}, finished


def _outcomes(finished: Finished) -> dict[tuple[str, str], str]:
    """The outcome by stream and key; of the last receipt if a key occurs several times.

    A delete that was refused does not count if another row has the key.
    """
    found: dict[tuple[str, str], str] = {}
    for receipt in finished.receipts:
        place = receipt["stream"], receipt["key_value"]
        is_refused_delete = (receipt["reason"] or "").startswith("not deleted")
        if receipt["key_value"] and receipt["outcome"] != "merged" and not (is_refused_delete and place in found):
            found[place] = receipt["outcome"]
    return found


def _has_doubts(decisions: Mapping[tuple[str, str], Decision]) -> bool:
    return any(decision.doubts for decision in decisions.values())


def _compare(played: Played) -> None:
    for place, decision in played.verdicts.items():
        if decision.verdict is Verdict.AMBIGUOUS or decision.doubts:
            reasons = [decision.reason, *decision.doubts.values()]
            if not any(_NUMBERED.search(reason or "") for reason in reasons):
                played.faults.append(f"{place}: {reasons} does not name a question")
            continue
        outcome = played.outcomes.get(place, "nothing")
        if outcome not in _ALLOWED[decision.verdict]:
            played.faults.append(f"{place}: planned {decision.verdict.value} ({decision.reason}), the run: {outcome}")
        if not decision.verdict.is_sent:
            continue
        # The only archived row that a list shows may be deleted before (Q17).
        allowed = _ALLOWED[decision.verdict] | ({"drifted"} if decision.item.stream.model.maybe_hidden else set())
        if played.applied.get(place) not in allowed:
            text = f"{place}: planned {decision.verdict.value}, carried out: {played.applied.get(place)}"
            played.faults.append(text)
        if played.again.get(place) not in {"unchanged", "drifted", "skipped"}:
            played.faults.append(f"{place}: carried out again: {played.again.get(place)}")


def main() -> None:
    """Play the cases between two numbers."""
    first, last = (int(number) for number in sys.argv[1:3])
    counts: Counter[str] = Counter()
    wrong = 0
    for seed in range(first, last):
        played = play(seed)
        counts += played.counts
        if played.faults:
            wrong += 1
            print(f"case {seed}:", *played.faults[:_SHOWN], sep="\n  ")  # noqa: T201
    print(f"{last - first} cases, {wrong} wrong; rows by verdict: {dict(counts)}")  # noqa: T201


if __name__ == "__main__":
    main()
