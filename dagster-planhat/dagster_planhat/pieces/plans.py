"""Plans in a folder that all workers share: a file for each, and a note beside it when it was written."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


__all__ = ["Plans", "UnusablePlanError"]

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
_DIGITS = 12


class UnusablePlanError(Exception):
    """A plan cannot be carried out; the message says why."""


@dataclass(frozen=True)
class Plans:
    """The plans of one flow of one tenant.

    Attributes:
        root: The folder of all plans.
        tenant: Name of the tenant.
        flow: Name of the flow.
    """

    root: Path
    tenant: str
    flow: str

    @property
    def _folder(self) -> Path:
        return self.root / self.tenant / self.flow

    def new_file(self) -> Path:
        """A path for a plan that is being made. It becomes a plan by :meth:`keep`.

        Raises:
            OSError: The folder cannot be made.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder / f".{os.getpid()}-{os.urandom(6).hex()}.making"

    def keep(self, made: Path) -> tuple[str, Path]:
        """The id and the file of a plan that is whole now."""
        digest = hashlib.sha256(made.read_bytes()).hexdigest()[:_DIGITS]
        plan_id = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{digest}"
        path = self._path(plan_id)
        made.replace(path)
        return plan_id, path

    def usable(self, plan_id: str) -> Path:
        """The file of a plan that may be carried out.

        Raises:
            UnusablePlanError: There is no such plan, it belongs to another tenant or flow, or it was written already.
        """
        if not _ID.fullmatch(plan_id):
            message = "plan_id is not the id of a plan: take it from the metadata of the asset that made the plan"
            raise UnusablePlanError(message)
        path = self._path(plan_id)
        if not path.exists():
            elsewhere = [found.parent for found in self.root.glob(f"*/*/{plan_id}.singer")]
            message = (
                f"the plan {plan_id} is one of {elsewhere[0].parent.name}, {elsewhere[0].name}, "
                f"and not of {self.tenant}, {self.flow}"
                if elsewhere
                else f"there is no plan {plan_id} in {self._folder}. All workers must share the folder of the plans"
            )
            raise UnusablePlanError(message)
        note = self._note(plan_id)
        if note.exists():
            message = f"the plan {plan_id} was written already, by the run {note.read_text('utf-8').strip()}"
            raise UnusablePlanError(message)
        return path

    def note_written(self, plan_id: str, run: str) -> None:
        """Note that a run has carried out a plan."""
        self._note(plan_id).write_text(f"{run}\n", "utf-8")

    def _path(self, plan_id: str) -> Path:
        return self._folder / f"{plan_id}.singer"

    def _note(self, plan_id: str) -> Path:
        return self._folder / f"{plan_id}.written"
