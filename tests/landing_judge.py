"""Judges what landed, from the books of the sandbox and from what the target told in its files."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.landing_source import STREAM, content_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.landing_source import Cell, Content, Point

__all__ = ["Books", "Named", "RunFiles", "Terms", "Verdict", "judge"]

_NAMED = {"rejected", "unknown", "missing"}
"""Outcomes of points that are in the rejects file."""


_NOT_SENT = "it is not known what the day holds"


@dataclass(frozen=True)
class Named:
    """A point in a rejects file.

    Attributes:
        content: Its content.
        uncertain: Whether the target says that it may be in Planhat.
        reason: Why.
    """

    content: Content
    uncertain: bool
    reason: str

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Named:
        """Read a RECORD message of a rejects file."""
        rejection = message["planhat_rejection"]
        return cls(content_of(message["record"]), bool(rejection["uncertain"]), str(rejection["reason"]))


@dataclass
class RunFiles:
    """What one run left behind.

    Attributes:
        rejects: RECORD messages of its rejects file.
        receipts: Its receipts.
        killed: Whether it was ended by SIGKILL, so that the end of its files may be missing.
    """

    rejects: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    killed: bool = False


@dataclass
class Books:
    """What the sandbox knows at the end.

    Attributes:
        landed: The points that landed in the schedule, in the order of arrival.
        held: Cells that held a value before the schedule, with this value.
        shown: What a list shows when everything can be read, by cell.
    """

    landed: list[Content]
    held: Mapping[Cell, float] = field(default_factory=dict)
    shown: Mapping[Cell, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """What can be asked of the target.

    Attributes:
        mode: ``existing_points``.
        must_tell: Whether the target must name each point whose record does not exist.
        is_repeatable: Whether the target knows that a point which is sent twice has the effect of one.
        forgets: Whether the target lost its ledger between the runs, so that points may count twice.
    """

    mode: str = "add"
    must_tell: bool = True
    forgets: bool = False
    is_repeatable: bool = False


@dataclass
class Verdict:
    """How a schedule went.

    Attributes:
        faults: What is wrong.
        counts: Points by what became of them.
    """

    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def fault(self, kind: str, text: str, number: int = 1) -> None:
        """Note that something is wrong."""
        self.counts[kind] += number
        self.faults.append(f"{kind}: {text}")


def judge(points: Sequence[Point], books: Books, runs: Sequence[RunFiles], terms: Terms) -> Verdict:
    """Judge one schedule that has come to its end."""
    verdict = Verdict()
    named = [Named.read(message) for run in runs for message in run.rejects]
    if terms.mode == "replace":
        kept = Counter(
            receipt["key_value"] for run in runs for receipt in run.receipts if receipt["outcome"] == "held back"
        )
        _judge_values(points, books, named, kept, terms, verdict)
    else:
        _judge_points(points, books, named, terms, verdict)
    _judge_names(points, named, terms, verdict)
    for number, run in enumerate(runs):
        _judge_files(number, run, verdict)
    return verdict


def _judge_points(
    points: Sequence[Point], books: Books, named: Iterable[Named], terms: Terms, verdict: Verdict
) -> None:
    """Each point whose record exists has landed once, or is named."""
    sources = Counter(point.content for point in points if point.exists)
    cells = {point.content: point.cell for point in points}
    landed = Counter(books.landed)
    unknown = Counter(one.content for one in named if one.uncertain)
    filled = {cells[content] for content in landed if content in cells}
    for content in landed.keys() - sources.keys():
        verdict.fault("invented", f"{content} landed and is not in the source", landed[content])
    for content, wanted in sources.items():
        got = landed[content]
        if terms.mode == "keep" and cells[content] in books.held:
            verdict.counts["kept"] += wanted
            if got:
                verdict.fault("not kept", f"{content} landed {got} times, though its day held a value", got)
            continue
        verdict.counts["landed once"] += min(got, wanted)
        if got > wanted:
            if terms.forgets:
                verdict.counts["doubled without a ledger"] += got - wanted
            elif terms.is_repeatable:
                verdict.counts["sent again, without effect"] += got - wanted
            else:
                verdict.fault("doubled", f"{content} landed {got} times in place of {wanted}", got - wanted)
        verdict.counts["unknown that landed"] += min(unknown[content], got)
        short = max(0, wanted - got)
        told = min(short, unknown[content])
        verdict.counts["unknown that did not land"] += told
        if short > told and terms.mode == "keep" and cells[content] in filled:
            verdict.counts["kept for another point of the day"] += short - told
        elif short > told:
            verdict.fault("lost", f"{content} landed {got} times in place of {wanted}, and is not named", short - told)


def _judge_values(  # noqa: PLR0913, PLR0917
    points: Sequence[Point],
    books: Books,
    named: Sequence[Named],
    kept: Counter[str],
    terms: Terms,
    verdict: Verdict,
) -> None:
    """Each day has the value of the source, or its point is named, or a receipt says that no point can change the day.

    Args:
        points: The points of the source.
        books: What the sandbox knows.
        named: The points in rejects files.
        kept: How many receipts say so, by external id.
        terms: What can be asked of the target.
        verdict: Gets what is wrong.
    """
    told = {one.content for one in named}
    for point in points:
        if not point.exists:
            continue
        wanted, shown = point.content[-1], books.shown.get(point.cell)
        if shown is not None and math.isclose(shown, wanted, rel_tol=1e-9, abs_tol=1e-6):
            verdict.counts["replaced" if point.cell in books.held else "landed once"] += 1
        elif point.content in told:
            verdict.counts["not replaced, and named"] += 1
        elif kept[point.cell[2]]:
            verdict.counts["not replaced, and held back"] += 1
            kept[point.cell[2]] -= 1
        elif terms.forgets:
            # Points on their way when a run ended cannot be read yet by the next one.
            verdict.counts["wrong value without a ledger"] += 1
        else:
            verdict.fault("wrong value", f"{point.cell} shows {shown} in place of {wanted}, and is not named")


def _judge_names(points: Sequence[Point], named: Sequence[Named], terms: Terms, verdict: Verdict) -> None:
    """Points whose record does not exist are named, and no other point is said not to be in Planhat."""
    exists = {point.content: point.exists for point in points}
    told = {one.content for one in named}
    for content, there in exists.items():
        if there:
            continue
        if content in told:
            verdict.counts["without a record, and named"] += 1
        elif terms.must_tell:
            verdict.fault("not told", f"{content} has no record, and is not named")
        else:
            verdict.counts["without a record, not asked"] += 1
    for one in named:
        if one.content not in exists:
            verdict.fault("invented", f"{one.content} is in a rejects file, and is not in the source")
        elif exists[one.content] and not one.uncertain:
            if terms.mode == "replace":
                verdict.counts["said not to be replaceable"] += 1
            elif one.reason.startswith(_NOT_SENT):
                verdict.counts["not sent, because its day is not known"] += 1
            else:
                verdict.fault("false missing", f"{one.content} has a record, and is named: {one.reason}")


def _judge_files(number: int, run: RunFiles, verdict: Verdict) -> None:
    """Rejects and receipts of a run say the same."""
    if run.killed:
        return
    rejects = Counter(bool(message["planhat_rejection"]["uncertain"]) for message in run.rejects)
    outcomes = Counter(row["outcome"] for row in run.receipts if row["stream"] == STREAM)
    receipts = {False: sum(outcomes[name] for name in _NAMED - {"unknown"}), True: outcomes["unknown"]}
    if any(rejects[uncertain] != receipts[uncertain] for uncertain in (False, True)):
        verdict.fault(
            "files differ",
            f"run {number}: the rejects file has {rejects[False]} certain and {rejects[True]} uncertain points, the "
            f"receipts {receipts[False]} and {receipts[True]} ({dict(outcomes)})",
        )
