"""Works out what one bulk answer says about each row sent (B66 to B72, Q1, Q2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from planhat_api.bulk.error_items import message_of, messages_of, names_rows
from planhat_api.bulk.named_rows import NamedRows
from planhat_api.outcome import Fate, Outcome
from planhat_api.values.texts import key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planhat_api.bulk.answer import BulkAnswer
    from planhat_api.row import Row

__all__ = ["IGNORED", "Interpretation", "OpenRows", "UnnamedRows", "interpret"]

IGNORED = "Planhat neither stored the row nor named an error"

_FORBIDDEN = 403
_FIRST_REFUSAL = 400
_PARTLY = 206


@dataclass(slots=True)
class UnnamedRows:
    """Rows that the answer counts as stored without telling which they are."""

    created: int
    updated: int
    nonupdates: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.created + self.updated + self.nonupdates

    def fate(self, rows: int) -> Fate:
        """What is known of rows that are surely among them.

        Args:
            rows: How many rows share these counts.
        """
        fates = {Fate.CREATED: self.created, Fate.UPDATED: self.updated, Fate.UNCHANGED: self.nonupdates}
        possible = [fate for fate, count in fates.items() if count] or [Fate.UNCHANGED]
        certain = len(possible) == 1 and (self.total == rows or possible[0] is Fate.UNCHANGED)
        return possible[0] if certain else Fate.ACCEPTED


@dataclass(slots=True)
class OpenRows:
    """Rows that one answer does not tell apart: some of them may be stored.

    Attributes:
        rows: Indices of the rows.
        left: What of them is stored.
        counted: Rows that the counts leave out were refused for what they are, and not because others were.
        errors: How many errors may mean them.
        suspects: Those of them that an error may mean.
        may_add_up: Sent again without the rest of the call, they may get an answer that adds up.
        refusal: The outcome of a row if it turns out that it is not stored, given its index.
    """

    rows: list[int] = field(default_factory=list)
    left: UnnamedRows = field(default_factory=lambda: UnnamedRows(0, 0, 0))
    counted: bool = False
    errors: int = 0
    suspects: list[int] = field(default_factory=list)
    may_add_up: bool = False
    refusal: Callable[[int], Outcome] = lambda _index: Outcome.rejected(IGNORED, may_pass_later=True)

    @property
    def absent(self) -> int | None:
        """How many of the rows were refused for what they are; None when the answer does not tell."""
        return len(self.rows) - self.left.total if self.counted else None

    def at(self, indices: Sequence[int]) -> OpenRows:
        """The same rows under other indices, given the new one of each row of the call."""
        places = {indices[place]: place for place in self.rows}
        return replace(
            self,
            rows=list(places),
            suspects=[indices[place] for place in self.suspects],
            refusal=lambda index: self.refusal(places[index]),
        )


@dataclass(slots=True)
class Interpretation:
    """What one answer says.

    Attributes:
        settled: Outcome by index of the row.
        open: The rows that must be told apart by other means.
        notes: What does not add up.
    """

    settled: dict[int, Outcome] = field(default_factory=dict)
    open: OpenRows = field(default_factory=OpenRows)
    notes: list[str] = field(default_factory=list)


def interpret(
    rows: Sequence[Row], answer: BulkAnswer, why_ignored: Callable[[Row], str] = lambda _row: IGNORED
) -> Interpretation:
    """Tell the fate of each row from one answer, as far as it shows.

    First come the key lists, which name rows created and changed; then the counts; then the errors, as far as they name
    a row for sure. Rows left over are settled when the counts leave only one possibility. Others stay open, to be told
    apart by other means, when they carry keys. What cannot be told is ``UNKNOWN``, never delivered.

    Args:
        rows: The rows of the call: all with keys, or all without.
        answer: What Planhat said.
        why_ignored: Says why Planhat may have ignored a row without a word.
    """
    result = Interpretation()
    if not answer.told:
        _untold(rows, answer, result)
        return result
    left = _claim(rows, answer, result)
    waiting = [index for index in range(len(rows)) if index not in result.settled]
    _note_sums(rows, answer, result)
    if not answer.errors and left.total == len(waiting):
        _deliver(rows, waiting, left, result)
        return result
    rest = _Rest(rows, why_ignored, left, *_named(rows, answer, waiting, result))
    _settle_rest(rows, answer, result, rest)
    return result


@dataclass
class _Rest:
    """Rows that neither key lists nor errors name for sure, with what is left to explain them."""

    rows: Sequence[Row]
    why_ignored: Callable[[Row], str]
    left: UnnamedRows
    waiting: list[int]
    errors: list[tuple[Any, frozenset[int]]]

    @cached_property
    def _hints(self) -> Mapping[int, Sequence[Any]]:
        """The errors that may mean a row, by its index."""
        hints: dict[int, list[Any]] = {}
        for item, perhaps in self.errors:
            for index in perhaps:
                hints.setdefault(index, []).append(item)
        return hints

    @cached_property
    def _said_of_any(self) -> str:
        """What all errors say, for rows that none of them hints at: one text, for there may be thousands of both."""
        return messages_of([item for item, _ in self.errors])

    def said(self, index: int) -> str:
        """What the errors say that may mean a row: those that hint at it, else all that name no other."""
        hints = self._hints.get(index)
        return messages_of(hints, self.rows[index].keys.values()) if hints else self._said_of_any

    def refusal(self, index: int) -> Outcome:
        """The outcome of a row that is not stored. What one lacks that was ignored may still come."""
        said, planhat_id = self.said(index), self.rows[index].keys.get("_id")
        reason = said or self.why_ignored(self.rows[index])
        return Outcome(Fate.REJECTED, planhat_id, reason, may_pass_later=not said)


def _named(
    rows: Sequence[Row], answer: BulkAnswer, waiting: list[int], result: Interpretation
) -> tuple[list[int], list[tuple[Any, frozenset[int]]]]:
    """Reject the rows that errors name for sure; return the rows and the errors that remain."""
    unexplained = []
    for item, named in zip(answer.errors, names_rows(answer.errors, rows, waiting), strict=True):
        if named.surely is None:
            unexplained.append((item, named.perhaps))
        else:
            keys = rows[named.surely].keys
            result.settled.setdefault(
                named.surely, Outcome(Fate.REJECTED, keys.get("_id"), message_of(item, keys.values()))
            )
    return [index for index in waiting if index not in result.settled], unexplained


def _settle_rest(rows: Sequence[Row], answer: BulkAnswer, result: Interpretation, rest: _Rest) -> None:
    if not rest.waiting:
        return
    stored_nothing = rest.left.total == 0 and not any(row.fate.delivered for row in result.settled.values())
    # One bad row can have the whole call refused; the good ones deserve another try. A token that may not do any of it
    # is different: without a row named there is no telling good ones from others.
    some_named = len(rest.waiting) < len(rows)
    refused_whole = stored_nothing and answer.status >= _FIRST_REFUSAL and (answer.status != _FORBIDDEN or some_named)
    if rest.left.total == 0 and not (refused_whole and len(rows) > max(1, len(answer.errors))):
        _reject(result, rest)
    elif rest.left.total == len(rest.waiting) and not rest.errors:
        _deliver(rows, rest.waiting, rest.left, result)
    elif len(rows) > 1 and (rows[0].keys or (refused_whole and answer.created == 0)):
        _leave_open(rows, result, rest, counted=not refused_whole)
    else:
        _leave_unknown(rows, result, rest)


def _deliver(rows: Sequence[Row], waiting: Sequence[int], left: UnnamedRows, result: Interpretation) -> None:
    fate = left.fate(len(waiting))
    nameless = Outcome(fate)
    for index in waiting:
        planhat_id = rows[index].keys.get("_id")
        result.settled[index] = nameless if planhat_id is None else Outcome(fate, planhat_id)


def _reject(result: Interpretation, rest: _Rest) -> None:
    for index in rest.waiting:
        result.settled[index] = rest.refusal(index)


def _leave_unknown(rows: Sequence[Row], result: Interpretation, rest: _Rest) -> None:
    for index in rest.waiting:
        said = rest.said(index)
        reason = f"some rows of the call failed and Planhat does not tell which{': ' + said if said else ''}"
        result.settled[index] = Outcome(Fate.UNKNOWN, rows[index].keys.get("_id"), reason)


def _leave_open(rows: Sequence[Row], result: Interpretation, rest: _Rest, *, counted: bool) -> None:
    result.open = OpenRows(
        rest.waiting,
        rest.left,
        counted,
        len(rest.errors),
        sorted(frozenset[int]().union(*(perhaps for _, perhaps in rest.errors)).intersection(rest.waiting)),
        may_add_up=not rest.errors and len(rest.waiting) < len(rows),
        refusal=rest.refusal,
    )


def _untold(rows: Sequence[Row], answer: BulkAnswer, result: Interpretation) -> None:
    everyone = list(range(len(rows)))
    said = answer.text or f"refused ({answer.status})"
    if len(rows) == 1:
        result.settled[0] = Outcome(Fate.REJECTED, rows[0].keys.get("_id"), said)
    elif rows[0].keys:
        result.open = OpenRows(
            everyone, errors=1, refusal=lambda index: Outcome(Fate.REJECTED, rows[index].keys.get("_id"), said)
        )
    else:
        reason = f"the call was refused ({answer.status}: {answer.text}); which rows are stored is not told"
        result.settled = {index: Outcome(Fate.UNKNOWN, None, reason) for index in everyone}


def _claim(rows: Sequence[Row], answer: BulkAnswer, result: Interpretation) -> UnnamedRows:
    """Settle the rows that the key lists name."""
    named = NamedRows(rows)
    created = _claim_all(named.meant_by(answer.inserts, new=True), answer.inserts, Fate.CREATED, result)
    updated = _claim_all(named.meant_by(answer.updates, new=False), answer.updates, Fate.UPDATED, result)
    return UnnamedRows(
        max(0, (answer.created or 0) - created),
        max(0, (answer.updated or 0) - updated),
        max(0, answer.nonupdates or 0),
    )


def _claim_all(
    positions: Sequence[int | None], entries: Sequence[Mapping[str, Any]], fate: Fate, result: Interpretation
) -> int:
    """Settle the rows at these positions, which the entries of a key list name; the number of them."""
    claimed = 0
    for position, entry in zip(positions, entries, strict=True):
        if position is not None and position not in result.settled:
            planhat_id = entry.get("_id")
            result.settled[position] = Outcome(fate, planhat_id if type(planhat_id) is str else key_text(planhat_id))
            claimed += 1
    return claimed


def _note_sums(rows: Sequence[Row], answer: BulkAnswer, result: Interpretation) -> None:
    counts = [answer.created or 0, answer.updated or 0, answer.nonupdates or 0, len(answer.errors)]
    if sum(counts) != len(rows):
        result.notes.append(
            f"{len(rows)} rows sent, but Planhat counts {counts[0]} created, {counts[1]} updated, "
            f"{counts[2]} unchanged and {counts[3]} errors"
        )
    elif answer.status == _PARTLY and not answer.errors:
        result.notes.append("Planhat says that some rows failed (206), yet its counts account for all of them")
