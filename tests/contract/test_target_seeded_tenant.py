"""Both ways of a record give the same row, on everything the tap reads from a whole tenant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from jsonschema.validators import validator_for

from planhat_api.models.registry import model_for_stream
from planhat_sandbox import Sandbox
from target_planhat.errors import SettingsError
from target_planhat.rows.builder import RefusedRowError, RowBuilder, StreamPlan
from target_planhat.rows.column_planning import plan_columns
from target_planhat.rows.fast.fast_rows import FastRows
from target_planhat.rows.fast.schema_types import NoTypeError
from target_planhat.rows.keys import key_rule
from target_planhat.rows.loader_columns import DeletionMarks
from target_planhat.rows.mapping import FieldResolver
from target_planhat.rows.values import type_of_custom_field
from target_planhat.settings import StreamSettings
from target_planhat.tenant.custom_fields import NamesOfModel
from tests.target_support import connection

BLOCK = StreamSettings(insert_without_key=True)


def tap_output(box: Sandbox, folder: Path) -> list[bytes]:
    config = folder / "tap.json"
    config.write_text(json.dumps(connection(box)), "utf-8")
    command = [str(Path(sys.executable).with_name("tap-planhat")), "--config", str(config)]
    return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout.splitlines(keepends=True)


def custom_of(box: Sandbox, name: str) -> NamesOfModel:
    mine = [field for field in box.rows("customfields") if field["parent"].lower() == name.lower()]
    return NamesOfModel({field["name"]: type_of_custom_field(field["type"]) for field in mine})


def plan_of(box: Sandbox, schema: dict[str, Any]) -> StreamPlan:
    model = model_for_stream(schema["stream"])
    custom = custom_of(box, model.name)
    plan = plan_columns(schema["stream"], schema["schema"], model, custom, BLOCK)
    rule = key_rule(schema["stream"], model, plan, BLOCK)
    marks = DeletionMarks(None, uses_deletion_time=True, known=(), log=lambda _column: None)
    return StreamPlan(model, plan, rule, FieldResolver(model, custom, BLOCK), BLOCK, marks)


def test_both_ways_give_the_same_rows(tmp_path: Path) -> None:
    with Sandbox(companies=15, seed=3, days=2) as box:
        lines = tap_output(box, tmp_path)
        ways: dict[str, tuple[FastRows, RowBuilder, Any]] = {}
        general: set[str] = set()
        quick = slow = 0
        for line in lines:
            message = json.loads(line)
            name = message.get("stream")
            if message["type"] == "SCHEMA":
                try:
                    plan = plan_of(box, message)
                    fast = FastRows(plan, message["schema"], name, message["key_properties"])
                except (SettingsError, NoTypeError):
                    general.add(name)
                else:
                    validator = validator_for(message["schema"])(message["schema"])
                    ways[name] = fast, RowBuilder(plan, lambda *_told: None), validator
            elif message["type"] == "RECORD" and name in ways:
                fast, builder, validator = ways[name]
                items = fast.build([line])
                if not items:
                    slow += 1
                    continue
                quick += 1
                assert validator.is_valid(message["record"])
                try:
                    row, match = builder.build(message["record"])
                except RefusedRowError as err:
                    raise AssertionError(line) from err
                assert (msgspec.json.decode(items[0].body), dict(items[0].keys), items[0].match) == (
                    msgspec.json.decode(row.body),
                    dict(row.keys),
                    match,
                )
    assert {"companies", "endusers", "tasks", "licenses"} <= set(ways), general
    assert quick > slow * 4, (quick, slow, general)
