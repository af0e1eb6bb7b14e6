"""How each contestant is told to do a piece of work: command lines and the files they name."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import airbyte, corpus, relay
from benchmarks.environments import HERE, OURS, OURS_BATCH, Environments
from benchmarks.measure import RunFailedError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from benchmarks.works import Work

TENANT = "11111111-2222-4333-8444-555555555555"
_PEERS = HERE / "peers"
_MOST_CALLS_PER_MINUTE = 9000

Commands = list[list[str]]


@dataclass(frozen=True)
class Contestants:
    """Command lines against one stand-in.

    Attributes:
        environments: Where everyone is installed.
        url: The stand-in.
        folder: Takes the files that the commands name.
        last_day: The last day dimension data is asked for.
    """

    environments: Environments
    url: str
    folder: Path
    last_day: dt.date

    def commands(self, contestant: str, work: Work) -> Commands:
        """The processes, first to last in the pipe, that do a piece of work."""
        how: dict[str, Callable[[Work], Commands]] = {
            OURS: self._ours,
            OURS_BATCH: self._ours_batch,
            "plain_sdk": self._plain_sdk,
            "meltano": self._meltano,
            "airbyte": self._airbyte,
        }
        if contestant in how:
            return how[contestant](work)
        script = {"floor": "floor.py", "cruds": "with_cruds.py"}[contestant]
        return [self._script(contestant, script, _function(work), self.url, *self._more(work))]

    def ours(self, command: str, *arguments: str) -> list[str]:
        """A command of this project."""
        return [self.environments.command(OURS, command), *arguments]

    def tap_config(self, url: str | None = None, more: Mapping[str, Any] | None = None) -> Path:
        """Settings of this project's tap; the quota is lifted as far as it goes, all else is as it comes."""
        return self._write(
            "tap.json",
            {
                "api_token": "benchmark",
                "base_url": url or self.url,
                "calls_per_minute": _MOST_CALLS_PER_MINUTE,
                "quota_store": str(self.folder / "quota"),
                "start_date": corpus.FIRST_DAY.isoformat(),
                "end_date": self.last_day.isoformat(),
                **(more or {}),
            },
        )

    def target_config(self, more: Mapping[str, Any] | None = None) -> Path:
        """Settings of this project's target, likewise."""
        return self._write(
            "target.json",
            {
                "api_token": "benchmark",
                "tenant_token": TENANT,
                "base_url": self.url,
                "analytics_url": f"{self.url}/analytics-host",
                "calls_per_minute": _MOST_CALLS_PER_MINUTE,
                "quota_store": str(self.folder / "quota"),
                # The other programs do not look before they write.
                "write": "all",
                **(more or {}),
            },
        )

    def _ours(self, work: Work) -> Commands:
        if work.direction == "in":
            return [self.ours("target-planhat", "--config", str(self.target_config(more=work.settings)))]
        target = self.ours("target-planhat", "--config", str(self.target_config()))
        catalog = str(self._catalog(work.stream, work.deselected))
        tap = self.ours("tap-planhat", "--config", str(self.tap_config(more=work.settings)), "--catalog", catalog)
        return [tap] if work.direction == "out" else [tap, target]

    def _ours_batch(self, work: Work) -> Commands:
        files = self.folder / "batches"
        files.mkdir(exist_ok=True)
        storage = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": files.as_uri()}}
        settings = json.loads(self.tap_config().read_text("utf-8"))
        config = self._write("tap-batch.json", {**settings, "batch_config": storage})
        return [self.ours("tap-planhat", "--config", str(config), "--catalog", str(self._catalog(work.stream)))]

    def _catalog(self, stream: str, deselected: Collection[str] = ()) -> Path:
        path = self.folder / "-".join(["catalog", stream, *deselected, "columns.json"])
        if not path.exists():
            found = subprocess.run(
                self.ours("tap-planhat", "--config", str(self.tap_config()), "--discover"),
                check=False,
                capture_output=True,
                text=True,
            )
            if found.returncode:
                message = f"discovery failed: {found.stderr[-2000:]}"
                raise RunFailedError(message)
            catalog = json.loads(found.stdout)
            for entry in catalog["streams"]:
                root = next(part for part in entry["metadata"] if not part["breadcrumb"])
                root["metadata"]["selected"] = entry["tap_stream_id"] == stream
                for part in entry["metadata"]:
                    if part["breadcrumb"][-1:] and part["breadcrumb"][-1] in deselected:
                        part["metadata"]["selected"] = False
            path.write_text(json.dumps(catalog), "utf-8")
        return path

    def _plain_sdk(self, work: Work) -> Commands:
        config = self._write(
            "plain.json",
            {"api_token": "benchmark", "tenant_token": TENANT, "base_url": self.url, "stream": work.stream}
            | dict(zip(("first_day", "last_day"), self._days(), strict=True)),
        )
        tap = self._script("plain_sdk", "plain_tap.py", "--config", str(config))
        target = self._script("plain_sdk", "plain_target.py", "--config", str(config))
        return {"out": [tap], "in": [target], "pipe": [tap, target]}[work.direction]

    def _airbyte(self, work: Work) -> Commands:
        arguments = airbyte.write(self.folder, self.url, work.stream, corpus.FIRST_DAY, self.last_day)
        return [[self.environments.command("airbyte", "source-declarative-manifest"), *arguments]]

    def _meltano(self, work: Work) -> Commands:
        def plugin(name: str, config: Path, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON can say
            settings = json.loads(config.read_text("utf-8"))
            return {
                "name": name,
                "namespace": name.replace("-", "_"),
                "executable": self.environments.command(OURS, name),
                "settings": [{"name": setting} for setting in settings],
                "config": settings,
                **more,
            }

        tap = plugin(
            "tap-planhat",
            self.tap_config(),
            capabilities=["catalog", "discover", "state"],
            select=[f"{work.stream}.*"],
        )
        folder = self.folder / "meltano"
        relay.project(folder, tap, plugin("target-planhat", self.target_config()))
        return [relay.command(self.environments.command("meltano", "meltano"), folder, "tap-planhat", "target-planhat")]

    def _days(self) -> tuple[int, int]:
        return corpus.epoch_day(0), corpus.epoch_day((self.last_day - corpus.FIRST_DAY).days)

    def _more(self, work: Work) -> list[str]:
        if work.stream == "dimension_data":
            return [str(day) for day in self._days()]
        if work.stream == "metrics":
            return [TENANT]
        return [f"{column}={name}" for column, name in work.renamed.items()] if work.direction == "in" else []

    def _script(self, contestant: str, script: str, *arguments: str) -> list[str]:
        return [self.environments.command(contestant, "python"), str(_PEERS / script), *arguments]

    def _write(self, name: str, content: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content), "utf-8")
        return path


def _function(work: Work) -> str:
    """The function of a peer's script that does a piece of work."""
    stream = {"dimension_data": "dimension"}.get(work.stream, work.stream)
    return f"{stream}_{work.direction}"
