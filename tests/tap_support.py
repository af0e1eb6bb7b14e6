"""Runs the tap against a sandbox, in this process or as a command, and sorts what it wrote."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_planhat.tap import TapPlanhat
from tests.warm_commands import TAP, run_warm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planhat_sandbox import Sandbox

COMMAND = str(Path(sys.executable).with_name("tap-planhat"))


@dataclass
class Output:
    """What the tap wrote."""

    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def state(self) -> dict[str, Any]:
        """The last STATE."""
        return self.states[-1]

    def ids(self, stream: str) -> list[str]:
        return [record["_id"] for record in self.records.get(stream, [])]


def parsed(lines: Iterable[str | bytes]) -> Output:
    """Sort messages; every line has to be one."""
    output = Output()
    for line in lines:
        message = json.loads(line)
        output.messages.append(message)
        if message["type"] == "RECORD":
            output.records.setdefault(message["stream"], []).append(message["record"])
        elif message["type"] == "SCHEMA":
            output.schemas[message["stream"]] = message
        elif message["type"] == "STATE":
            output.states.append(message["value"])
    return output


_WORDS_OF_THE_CATALOG = ("incremental", "incremental_streams")


def config_for(box: Sandbox, **settings: Any) -> dict[str, Any]:
    """Settings for a sandbox; the quota is of no interest here.

    ``incremental``, for all streams or for those in ``incremental_streams``, is no setting: ``run`` writes it into the
    catalog.
    """
    box.set_switch("calls_per_minute", 0)
    return {"api_token": box.api_token, "base_url": box.url, "quota_store": "", "calls_per_minute": 9000, **settings}


def catalog_for(config: Mapping[str, Any], *streams: str, without: Mapping[str, Iterable[str]] | None = None) -> Any:
    """The discovered catalog with only these streams selected, less some of their fields."""
    tap = TapPlanhat(config=_settings_in(config), setup_mapper=False)
    catalog = json.loads(tap.catalog_json_text)
    for entry in catalog["streams"]:
        name = entry["tap_stream_id"]
        for metadata in entry["metadata"]:
            breadcrumb = metadata["breadcrumb"]
            if not breadcrumb:
                metadata["metadata"]["selected"] = name in streams
            elif breadcrumb[-1] in set((without or {}).get(name, ())):
                metadata["metadata"]["selected"] = False
    return _with_methods(catalog, config)


def _settings_in(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in _WORDS_OF_THE_CATALOG}


def _with_methods(catalog: Any, config: Mapping[str, Any]) -> Any:
    """The catalog with the replication methods that a config speaks of; as it is if it speaks of none."""
    if "incremental" not in config:
        return catalog
    chosen = config.get("incremental_streams")
    entries = [
        {
            **entry,
            "replication_method": "INCREMENTAL"
            if config["incremental"] and (not chosen or entry["tap_stream_id"] in chosen)
            else "FULL_TABLE",
        }
        if entry["tap_stream_id"] != "dimension_data"
        else entry
        for entry in catalog["streams"]
    ]
    return {**catalog, "streams": entries}


def run(
    config: Mapping[str, Any],
    *streams: str,
    state: Mapping[str, Any] | None = None,
    without: Mapping[str, Iterable[str]] | None = None,
    catalog: Any = None,
) -> Output:
    """Sync in this process: the named streams, those of a catalog, or what is selected by default."""
    catalog = catalog_for(config, *streams, without=without) if streams else catalog
    catalog = catalog and _with_methods(catalog, config)
    binary = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(binary, write_through=True)) as text:
        tap = TapPlanhat(config=_settings_in(config), catalog=catalog, state=json.loads(json.dumps(state or {})))
        tap.sync_all()
        text.flush()
        return parsed(binary.getvalue().splitlines())


def write_files(folder: Path, **documents: Any) -> list[str]:
    """Command line options that hand these documents over as files."""
    options = []
    for name, document in documents.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document))
        options += [f"--{name}", str(path)]
    return options


def run_command(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end. Where variables are for Python itself, it is the installed one."""
    everything = {**os.environ, **environment}
    if any(name.startswith("PYTHON") for name in environment):
        return subprocess.run(
            [COMMAND, *options], capture_output=True, text=True, timeout=60, check=False, env=everything
        )
    done = run_warm(TAP, *options, env=everything)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
