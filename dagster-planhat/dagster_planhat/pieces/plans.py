"""Plans in a folder that all workers share: a file for each, and beside it who began and who wrote it."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


__all__ = ["Plans", "UnusablePlanError", "check_holds_all"]

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
_DIGITS = 12
_LEFT_OUT = "left out of the file"
"""What target-planhat notes of rows that would count twice if a plan was carried out twice."""
_PLAN, _BEGUN, _WRITTEN = "singer", "begun", "written"


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
        path = self._beside(plan_id, _PLAN)
        made.replace(path)
        return plan_id, path

    def begin(self, plan_id: str, run: str, *, again: bool = False) -> Path:
        """The file of a plan that a run now begins to carry out.

        Args:
            plan_id: The plan.
            run: Id of the run.
            again: Whether the plan may have been begun by another run, which ended early.

        Raises:
            UnusablePlanError: There is no such plan, it belongs to another tenant or flow, it was written already, or
                another run has begun it.
        """
        path = self._usable(plan_id)
        begun = self._beside(plan_id, _BEGUN)
        try:
            with begun.open("x", encoding="utf-8") as note:
                note.write(f"{run}\n")
        except FileExistsError:
            other = _run_in(begun)
            if other != run and not again:
                message = (
                    f"the run {other} has begun to write the plan {plan_id}. If it goes on, wait for it. If it ended "
                    "early and you have seen in its log what it sent, set again: true beside plan_id to carry out the "
                    "plan from its beginning"
                )
                raise UnusablePlanError(message) from None
            begun.write_text(f"{run}\n", "utf-8")
        return path

    def note_written(self, plan_id: str, run: str) -> None:
        """Note that a run has carried out a plan."""
        self._beside(plan_id, _WRITTEN).write_text(f"{run}\n", "utf-8")

    def _usable(self, plan_id: str) -> Path:
        if not _ID.fullmatch(plan_id):
            message = "plan_id is not the id of a plan: take it from the metadata of the asset that made the plan"
            raise UnusablePlanError(message)
        path = self._beside(plan_id, _PLAN)
        if not path.exists():
            elsewhere = [found.parent for found in self.root.glob(f"*/*/{path.name}")]
            message = (
                f"the plan {plan_id} is one of {elsewhere[0].parent.name}, {elsewhere[0].name}, "
                f"and not of {self.tenant}, {self.flow}"
                if elsewhere
                else f"there is no plan {plan_id} in {self._folder}. All workers must share the folder of the plans"
            )
            raise UnusablePlanError(message)
        written = self._beside(plan_id, _WRITTEN)
        if written.exists():
            message = f"the plan {plan_id} was written already, by the run {_run_in(written)}"
            raise UnusablePlanError(message)
        return path

    def _beside(self, plan_id: str, ending: str) -> Path:
        return self._folder / f"{plan_id}.{ending}"


def _run_in(note: Path) -> str:
    return note.read_text("utf-8").strip()


def check_holds_all(numbers: Mapping[str, Any]) -> None:
    """Check that the file of a plan has all rows that its numbers count.

    Args:
        numbers: What target-planhat says of the plan.

    Raises:
        UnusablePlanError: It leaves rows out, so that they would never be sent.
    """
    left_out = {
        stream: number
        for stream, counts in numbers.get("streams", {}).items()
        for note, number in counts.get("notes", {}).items()
        if _LEFT_OUT in note
    }
    if left_out:
        rows = ", ".join(f"{number} of {stream}" for stream, number in left_out.items())
        message = (
            f"a plan cannot hold these rows: {rows}. Metric points, user activities and rows without a key would count "
            "twice if it was carried out twice. Send them by a run of target-planhat that is no plan"
        )
        raise UnusablePlanError(message)
