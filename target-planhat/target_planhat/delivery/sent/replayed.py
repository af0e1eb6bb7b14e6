"""The outcomes of rows that an earlier run sent before it ended early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planhat_api import Outcome, OutcomeKind
from target_planhat.delivery.sent.entries import Entry, EntryState, digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_planhat.delivery.item_outcomes import ItemOutcomes
    from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger
    from target_planhat.rows.item import Item

__all__ = ["entry_of", "outcome_of_replayed", "without_replayed_items"]

_OUTCOMES = {
    EntryState.DELIVERED: Outcome(OutcomeKind.ACCEPTED, None, "an earlier run sent it"),
    EntryState.IN_DOUBT: Outcome(
        OutcomeKind.UNKNOWN,
        None,
        "may have arrived: an earlier run ended while it sent the row, and nothing tells more",
    ),
    EntryState.CLOSED: Outcome(
        OutcomeKind.UNKNOWN,
        None,
        "may be a row that an earlier run delivered: that run ended while it wrote the STATE after it",
    ),
}


def outcome_of_replayed(state: EntryState) -> Outcome:
    """The outcome of a row that an earlier run sent."""
    return _OUTCOMES[state]


def entry_of(item: Item) -> Entry:
    """What the ledger notes of a row that is not a metric point."""
    return Entry(_digest(item), item.stream.input_stream, item.after_states)


def _digest(item: Item) -> bytes:
    keys = "\0".join(f"{name}={value}" for name, value in sorted(item.keys.items()))
    return digest_of(item.stream.name, item.body + keys.encode(errors="surrogatepass"))


def without_replayed_items(items: Sequence[Item], ledger: DeliveryLedger) -> tuple[list[Item], list[ItemOutcomes]]:
    """The rows that no earlier run has sent, and the others with their outcomes."""
    if not ledger.has_left:
        return [*items], []
    # A row of a rejects file was never delivered, also if it is equal to one that was.
    first_tries = [item for item in items if item.attempt == 1]
    taken = dict(zip(map(id, first_tries), ledger.take(list(map(entry_of, first_tries))), strict=True))
    found = [(item, taken.get(id(item))) for item in items]
    fresh = [item for item, left in found if left is None]
    return fresh, [([item], [outcome_of_replayed(left.state)]) for item, left in found if left is not None]
