"""Finds the outcome of each row in one bulk answer (B66 to B72, Q1, Q2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from planhat_api.bulk.error_items import message_of, messages_of, names_rows
from planhat_api.bulk.named_rows import NamedRows
from planhat_api.outcome import Outcome, OutcomeKind
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
    """Numbers of rows that are stored but not named in the answer."""

    created: int
    updated: int
    nonupdates: int

    @property
    def total(self) -> int:
        """Number of all these rows."""
        return self.created + self.updated + self.nonupdates

    def kind(self, rows: int) -> OutcomeKind:
        """The outcome of rows that are certainly among them.

        Args:
            rows: Number of these rows.
        """
        kinds = {
            OutcomeKind.CREATED: self.created,
            OutcomeKind.UPDATED: self.updated,
            OutcomeKind.UNCHANGED: self.nonupdates,
        }
        possible = [kind for kind, count in kinds.items() if count] or [OutcomeKind.UNCHANGED]
        certain = len(possible) == 1 and (self.total == rows or possible[0] is OutcomeKind.UNCHANGED)
        return possible[0] if certain else OutcomeKind.ACCEPTED


@dataclass(slots=True)
class OpenRows:
    """Rows without an outcome after one answer. Some of them may be stored.

    Attributes:
        rows: Indices of the rows.
        left: Numbers of rows among them that are stored.
        counted: Whether rows that are not counted as stored were rejected for their own sake, not because of others.
        errors: Number of errors that may be for these rows.
        suspects: The rows for which an error may be.
        may_add_up: Whether they may get a complete answer if they are sent again without the other rows.
        refusal: Gives the outcome of a row by its index, if it is not stored.
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
        """Number of rows that were rejected for their own sake; None if it is not known."""
        return len(self.rows) - self.left.total if self.counted else None

    def at(self, indices: Sequence[int]) -> OpenRows:
        """The same rows with other indices.

        Args:
            indices: The new index of each row of the call.
        """
        places = {indices[place]: place for place in self.rows}
        return replace(
            self,
            rows=list(places),
            suspects=[indices[place] for place in self.suspects],
            refusal=lambda index: self.refusal(places[index]),
        )


@dataclass(slots=True)
class Interpretation:
    """The outcomes in one answer.

    Attributes:
        outcomes: Outcome by index of the row.
        open: The rows without an outcome.
        notes: Contradictions in the answer.
    """

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    open: OpenRows = field(default_factory=OpenRows)
    notes: list[str] = field(default_factory=list)


def interpret(
    rows: Sequence[Row], answer: BulkAnswer, why_ignored: Callable[[Row], str] = lambda _row: IGNORED
) -> Interpretation:
    """Find the outcomes of rows in one answer, as far as possible.

    First the key lists are read, which name created and updated rows, then the counts, then errors that certainly name
    a row. Other rows get an outcome if the counts leave only one possibility. The rest stays open if the rows have
    keys, so that they can be sent again. Otherwise they are ``UNKNOWN``, and never count as delivered.

    Args:
        rows: The rows of the call: all with keys, or all without.
        answer: The answer.
        why_ignored: Gives the reason why Planhat may have ignored a row without an error.
    """
    result = Interpretation()
    if not answer.has_results:
        _without_results(rows, answer, result)
        return result
    left = _read_key_lists(rows, answer, result)
    waiting = [index for index in range(len(rows)) if index not in result.outcomes]
    _note_sums(rows, answer, result)
    if not answer.errors and left.total == len(waiting):
        _set_stored(rows, waiting, left, result)
        return result
    rest = _Rest(rows, why_ignored, left, *_named(rows, answer, waiting, result))
    _read_rest(rows, answer, result, rest)
    return result


@dataclass
class _Rest:
    """Rows that neither key lists nor errors certainly name, with the remaining counts and errors."""

    rows: Sequence[Row]
    why_ignored: Callable[[Row], str]
    left: UnnamedRows
    waiting: list[int]
    errors: list[tuple[Any, frozenset[int]]]

    @cached_property
    def _hints(self) -> Mapping[int, Sequence[Any]]:
        """The errors that may be for a row, by its index."""
        hints: dict[int, list[Any]] = {}
        for item, possible in self.errors:
            for index in possible:
                hints.setdefault(index, []).append(item)
        return hints

    @cached_property
    def _said_of_any(self) -> str:
        """The messages of all errors, for rows without a possible error. It is one text for all of them, for speed."""
        return messages_of([item for item, _ in self.errors])

    def said(self, index: int) -> str:
        """The messages of the errors that may be for a row, or else of all remaining errors."""
        hints = self._hints.get(index)
        return messages_of(hints, self.rows[index].keys.values()) if hints else self._said_of_any

    def refusal(self, index: int) -> Outcome:
        """The outcome of a row that is not stored. If it was ignored, what it needs may still come."""
        said, planhat_id = self.said(index), self.rows[index].keys.get("_id")
        reason = said or self.why_ignored(self.rows[index])
        return Outcome(OutcomeKind.REJECTED, planhat_id, reason, may_pass_later=not said)


def _named(
    rows: Sequence[Row], answer: BulkAnswer, waiting: list[int], result: Interpretation
) -> tuple[list[int], list[tuple[Any, frozenset[int]]]]:
    """Reject the rows that errors certainly name. Return the remaining rows and errors."""
    unexplained = []
    for item, named in zip(answer.errors, names_rows(answer.errors, rows, waiting), strict=True):
        if named.certain is None:
            unexplained.append((item, named.possible))
        else:
            keys = rows[named.certain].keys
            result.outcomes.setdefault(
                named.certain, Outcome(OutcomeKind.REJECTED, keys.get("_id"), message_of(item, keys.values()))
            )
    return [index for index in waiting if index not in result.outcomes], unexplained


def _read_rest(rows: Sequence[Row], answer: BulkAnswer, result: Interpretation, rest: _Rest) -> None:
    if not rest.waiting:
        return
    stored_nothing = rest.left.total == 0 and not any(row.kind.delivered for row in result.outcomes.values())
    # If one bad row caused the rejection of the whole call, the others are sent again. This is not done if the token
    # has no permission (403) and no row is named, because then probably all rows fail.
    some_named = len(rest.waiting) < len(rows)
    refused_whole = stored_nothing and answer.status >= _FIRST_REFUSAL and (answer.status != _FORBIDDEN or some_named)
    if rest.left.total == 0 and not (refused_whole and len(rows) > max(1, len(answer.errors))):
        _reject(result, rest)
    elif rest.left.total == len(rest.waiting) and not rest.errors:
        _set_stored(rows, rest.waiting, rest.left, result)
    elif len(rows) > 1 and (rows[0].keys or (refused_whole and answer.created == 0)):
        _leave_open(rows, result, rest, counted=not refused_whole)
    else:
        _leave_unknown(rows, result, rest)


def _set_stored(rows: Sequence[Row], waiting: Sequence[int], left: UnnamedRows, result: Interpretation) -> None:
    kind = left.kind(len(waiting))
    nameless = Outcome(kind)
    for index in waiting:
        planhat_id = rows[index].keys.get("_id")
        result.outcomes[index] = nameless if planhat_id is None else Outcome(kind, planhat_id)


def _reject(result: Interpretation, rest: _Rest) -> None:
    for index in rest.waiting:
        result.outcomes[index] = rest.refusal(index)


def _leave_unknown(rows: Sequence[Row], result: Interpretation, rest: _Rest) -> None:
    for index in rest.waiting:
        said = rest.said(index)
        reason = f"some rows of the call failed, and Planhat does not say which{': ' + said if said else ''}"
        result.outcomes[index] = Outcome(OutcomeKind.UNKNOWN, rows[index].keys.get("_id"), reason)


def _leave_open(rows: Sequence[Row], result: Interpretation, rest: _Rest, *, counted: bool) -> None:
    result.open = OpenRows(
        rest.waiting,
        rest.left,
        counted,
        len(rest.errors),
        sorted(frozenset[int]().union(*(possible for _, possible in rest.errors)).intersection(rest.waiting)),
        may_add_up=not rest.errors and len(rest.waiting) < len(rows),
        refusal=rest.refusal,
    )


def _without_results(rows: Sequence[Row], answer: BulkAnswer, result: Interpretation) -> None:
    everyone = list(range(len(rows)))
    said = answer.text or f"refused ({answer.status})"
    if len(rows) == 1:
        result.outcomes[0] = Outcome(OutcomeKind.REJECTED, rows[0].keys.get("_id"), said)
    elif rows[0].keys:
        result.open = OpenRows(
            everyone, errors=1, refusal=lambda index: Outcome(OutcomeKind.REJECTED, rows[index].keys.get("_id"), said)
        )
    else:
        reason = f"the call was refused ({answer.status}: {answer.text}); it is not known which rows are stored"
        result.outcomes = {index: Outcome(OutcomeKind.UNKNOWN, None, reason) for index in everyone}


def _read_key_lists(rows: Sequence[Row], answer: BulkAnswer, result: Interpretation) -> UnnamedRows:
    """Set the outcomes of the rows that the key lists name. Return the remaining counts."""
    named = NamedRows(rows)
    created = _read_key_list(named.meant_by(answer.inserts, new=True), answer.inserts, OutcomeKind.CREATED, result)
    updated = _read_key_list(named.meant_by(answer.updates, new=False), answer.updates, OutcomeKind.UPDATED, result)
    return UnnamedRows(
        max(0, (answer.created or 0) - created),
        max(0, (answer.updated or 0) - updated),
        max(0, answer.nonupdates or 0),
    )


def _read_key_list(
    positions: Sequence[int | None], entries: Sequence[Mapping[str, Any]], kind: OutcomeKind, result: Interpretation
) -> int:
    """Set the outcomes of the rows that the entries of a key list name. Return their number."""
    claimed = 0
    for position, entry in zip(positions, entries, strict=True):
        if position is not None and position not in result.outcomes:
            planhat_id = entry.get("_id")
            result.outcomes[position] = Outcome(kind, planhat_id if type(planhat_id) is str else key_text(planhat_id))
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
        result.notes.append("Planhat says that some rows failed (206), but its counts include all rows")
