"""Writes the file of a plan: a Singer file that the target carries out."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import msgspec

from planhat_api.models.registry import all_models
from planhat_api.plugin.output import OutputError, reason_of
from target_planhat.errors import SettingsError
from target_planhat.plan_header import PLAN_STREAM, PlanHeader
from target_planhat.record_line import PLANNED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from target_planhat.plan.rows import PlannedRows

__all__ = ["PlanFile"]

_encode = msgspec.json.Encoder().encode
_HEADER_SCHEMA = {"properties": {"made_at": {"type": "string", "format": "date-time"}}}


class PlanFile:
    """The file of a plan. It appears when it is whole, and replaces an earlier plan of this name."""

    def __init__(self, path: str, tenant: str, settings: dict[str, str]) -> None:
        """Check that the file can be written.

        Args:
            path: The file.
            tenant: The fingerprint of the tenant.
            settings: The digests of the settings.

        Raises:
            SettingsError: It cannot be written.
        """
        self.path = Path(path)
        # A link stays, and what it leads to is replaced.
        self._target = self.path.resolve()
        self._tenant = tenant
        self._settings = settings
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            NamedTemporaryFile(dir=self._target.parent).close()
        except OSError as error:
            msg = f"plan_file: cannot write to folder {self._target.parent}: {reason_of(error)}"
            raise SettingsError(msg) from error
        if self._target.exists() and not self._target.is_file():
            msg = f"plan_file: {self.path} is not a file, so the plan cannot replace it"
            raise SettingsError(msg)

    def write(self, rows: PlannedRows, counts: dict[str, dict[str, int]]) -> None:
        """Write the plan.

        Args:
            rows: Its rows, in order.
            counts: Rows of each stream by what is done with them, for the header.

        Raises:
            OutputError: The disk is full.
        """
        try:
            self._write(rows, counts)
        except OSError as error:
            message = f"plan_file: cannot write {self.path}: {reason_of(error)}"
            raise OutputError(message) from error

    def _write(self, rows: PlannedRows, counts: dict[str, dict[str, int]]) -> None:
        # Such files are private to their user: the rows are personal data.
        with NamedTemporaryFile(dir=self._target.parent, prefix=f".{self._target.name}.", delete=False) as messages:
            try:
                digest = hashlib.sha256()
                for line in _messages(rows):
                    digest.update(line)
                    messages.write(line)
                messages.flush()
                header = PlanHeader.now(self._tenant, self._settings, counts, digest.hexdigest())
                self._join(header, Path(messages.name))
            finally:
                Path(messages.name).unlink()

    def _join(self, header: PlanHeader, messages: Path) -> None:
        """Write the header and the messages after it. The number of rows is known before the header only now."""
        with NamedTemporaryFile(dir=self._target.parent, prefix=f".{self._target.name}.", delete=False) as whole:
            try:
                whole.write(
                    _line({"type": "SCHEMA", "stream": PLAN_STREAM, "schema": _HEADER_SCHEMA, "key_properties": []})
                )
                whole.write(_line({"type": "RECORD", "stream": PLAN_STREAM, "record": header}))
                with messages.open("rb") as source:
                    while part := source.read(1 << 20):
                        whole.write(part)
                whole.flush()
                os.fsync(whole.fileno())
                Path(whole.name).replace(self._target)
            except BaseException:
                Path(whole.name).unlink()
                raise


def _messages(rows: PlannedRows) -> Iterator[bytes]:
    """The SCHEMA of each stream, and its RECORD messages."""
    announced: set[str] = set()
    for planned in rows:
        if planned.stream not in announced:
            announced.add(planned.stream)
            schema = _schema(planned.path, rows.fields[planned.stream])
            yield _line({"type": "SCHEMA", "stream": planned.stream, "schema": schema, "key_properties": []})
        record = msgspec.Raw(planned.row)
        yield _line({"type": "RECORD", "stream": planned.stream, "record": record, PLANNED: planned.expected})


def _schema(path: str, fields: Collection[str]) -> dict[str, Any]:
    """The schema of rows with these fields of a model. Each field may be null or missing."""
    known = {
        name: schema
        for model in all_models().values()
        if model.path == path
        for name, schema in model.properties.items()
    }
    properties: dict[str, Any] = {}
    for name in sorted(fields):
        kind = known.get(name, {}).get("type")
        properties[name] = {"type": [kind, "null"]} if isinstance(kind, str) else {}
    return {"properties": properties}


def _line(message: Mapping[str, Any]) -> bytes:
    return _encode(message) + b"\n"
