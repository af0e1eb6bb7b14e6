"""The catalog of a run: which streams the tap reads."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_planhat.pieces.commands import private_folder, tap_argv
from dagster_planhat.pieces.failures import failure_of
from dagster_planhat.pieces.kept_text import kept
from dagster_planhat.pieces.pipe import Stage, run_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["UnknownStreamError", "discovered", "selecting"]

# Discovery then needs no call and no true token. A run reads the definitions itself if its settings want them.
_WITHOUT_CALLS = {"api_token": "none", "custom_field_definitions": False}

Catalog = dict[str, Any]


class UnknownStreamError(Exception):
    """The tap has no stream with this name."""


def discovered(command: Sequence[str], environment: Mapping[str, str], on_log: Callable[[str, str], None]) -> Catalog:
    """All streams of the tap. It makes no call of Planhat.

    It takes a second of a core, so it is kept for the next runs, until the command is installed again or ten minutes
    have passed.

    Raises:
        PipeError: The tap cannot be run.
    """
    catalog: Catalog = json.loads(kept(_name_of(command), lambda: _discover(command, environment, on_log)))
    return catalog


def _name_of(command: Sequence[str]) -> str:
    """Tells installations of the tap apart."""
    found = shutil.which(command[0])
    state = Path(found).stat() if found else None
    return json.dumps([list(command), found, state and [state.st_mtime_ns, state.st_size]])


def _discover(command: Sequence[str], environment: Mapping[str, str], on_log: Callable[[str, str], None]) -> str:
    content: list[bytes] = []
    with private_folder() as folder:
        stage = Stage("tap", [*tap_argv(command, folder, _WITHOUT_CALLS), "--discover"])
        ended = run_stages([stage], on_output=content.append, on_log=on_log, environment=environment)
    if failure := failure_of(ended, are_planhat={"tap"}):
        raise failure
    return b"".join(content).decode()


def selecting(catalog: Catalog, streams: Collection[str], *, incremental: bool = False) -> Catalog:
    """A catalog in which these streams are selected, and no others.

    Args:
        catalog: What the tap offers.
        streams: Names of the streams.
        incremental: Whether models are read incrementally where the tap can do so.

    Raises:
        UnknownStreamError: The tap has no such stream.
    """
    offered = {entry["tap_stream_id"]: entry for entry in catalog["streams"]}
    if unknown := sorted(set(streams) - offered.keys()):
        message = f"the tap has no stream {', '.join(unknown)}. It has {', '.join(sorted(offered))}"
        raise UnknownStreamError(message)
    return {
        **catalog,
        "streams": [_selected(offered[name], incremental=incremental) for name in offered if name in streams],
    }


def _selected(entry: Catalog, *, incremental: bool) -> Catalog:
    entry = copy.deepcopy(entry)
    root = next(each["metadata"] for each in entry["metadata"] if not each["breadcrumb"])
    root["selected"] = True
    if incremental and root.get("valid-replication-keys"):
        entry["replication_method"] = "INCREMENTAL"
    return entry
