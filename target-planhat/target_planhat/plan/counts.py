"""Counts what a run does to the records of each stream, and to which of their fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_planhat.plan.decision import Verdict

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from target_planhat.plan.decision import Decision

__all__ = ["ChangeCounts", "StreamCounts"]

_MOST_NAMES = 10


@dataclass
class StreamCounts:
    """The counts of one stream.

    Attributes:
        verdicts: Rows by what happens to them.
        fields: How often each field changes.
        held_back: How often each field is held back, because it belongs to people in Planhat.
        doubts: Rows with a field that cannot be compared, by the field and the reason.
        reasons: Rows that are ambiguous, drifted or would be rejected, by verdict and reason.
        notes: Further counts, such as points without a record.
    """

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    held_back: Counter[str] = field(default_factory=Counter)
    doubts: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[Verdict, str]] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """Count one row."""
        self.verdicts[decision.verdict] += len(decision.item.parts) or 1
        if decision.verdict is Verdict.UNCHANGED:
            return
        if decision.verdict is not Verdict.DELETE:
            self.fields.update(decision.before.keys())
        self.held_back.update(decision.held_back)
        self.doubts.update(decision.doubts.items())
        if decision.reason:
            self.reasons[decision.verdict, decision.reason] += 1


class ChangeCounts:
    """The counts of all streams of a run.

    Attributes:
        streams: The counts of each stream.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self.streams: dict[str, StreamCounts] = {}

    def of(self, stream: str) -> StreamCounts:
        """The counts of one stream."""
        if stream not in self.streams:
            self.streams[stream] = StreamCounts()
        return self.streams[stream]

    def add(self, decisions: Iterable[Decision]) -> None:
        """Count rows."""
        for decision in decisions:
            self.of(decision.item.stream.name).add(decision)

    def log(self, logger: logging.Logger) -> None:
        """Log which fields changed and which were held back, a line for each stream."""
        for stream, counts in self.streams.items():
            if counts.fields:
                logger.info("%s: fields changed: %s", stream, most_common(counts.fields))
            if counts.held_back:
                logger.info("%s: held back, because they belong to people: %s", stream, most_common(counts.held_back))
            for (name, reason), number in counts.doubts.most_common(_MOST_NAMES):
                logger.info("%s: %s cannot be compared and was sent, %s rows: %s", stream, name, number, reason)
            for (verdict, reason), number in counts.reasons.most_common(_MOST_NAMES):
                logger.warning("%s: %s rows %s: %s", stream, number, verdict.value, reason)

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return {stream: _as_json(counts) for stream, counts in self.streams.items()}


def most_common(counts: Mapping[str, int]) -> str:
    """The most frequent names with their numbers."""
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    text = ", ".join(f"{name} {number}" for name, number in ordered[:_MOST_NAMES])
    return f"{text} and {len(ordered) - _MOST_NAMES} more" if len(ordered) > _MOST_NAMES else text


def _as_json(counts: StreamCounts) -> dict[str, Any]:
    reasons: dict[str, dict[str, int]] = {}
    for (verdict, reason), number in sorted(counts.reasons.items(), key=lambda entry: (entry[0][0].value, entry[0][1])):
        reasons.setdefault(verdict.value, {})[reason] = number
    doubts = {f"{name}: {reason}": number for (name, reason), number in sorted(counts.doubts.items())}
    given = {
        "rows": {verdict.value: counts.verdicts[verdict] for verdict in Verdict if counts.verdicts[verdict]},
        "fields": dict(sorted(counts.fields.items())),
        "held_back": dict(sorted(counts.held_back.items())),
        "cannot_be_compared": doubts,
        "reasons": reasons,
        "notes": dict(counts.notes),
    }
    return {name: value for name, value in given.items() if value}
