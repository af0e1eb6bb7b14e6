"""The delivery ledger: after a crash at any moment, each row of a replayed input is sent exactly once, or named."""

from __future__ import annotations

import logging
import os
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from planhat_api import Outcome, OutcomeKind
from planhat_api.analytics import ACCEPTED
from target_planhat.delivery.sent.coverage import covered_streams
from target_planhat.delivery.sent.delivery_ledger import DeliveryLedger
from target_planhat.delivery.sent.entries import Entry, EntryState, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("ledger")
LOST = Outcome(OutcomeKind.LOST)


class Clock:
    def __init__(self) -> None:
        self.time = 1e9

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> bool:
        self.time += seconds
        return True


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "cache" / "ledger.sqlite"


def opened(path: Path, clock: Clock | None = None) -> DeliveryLedger:
    return DeliveryLedger(path, clock or Clock(), 900, LOGGER)


def entry(number: int, after: int = 0, stream: str = "usage") -> Entry:
    return Entry(digest_of(stream, str(number).encode()), stream, after)


def states(ledger: DeliveryLedger, *numbers: int) -> list[EntryState | None]:
    return [left.state if left else None for left in ledger.take([entry(number) for number in numbers])]


def test_what_was_delivered_is_known_to_the_next_run(path: Path) -> None:
    ledger = opened(path)
    call = ledger.begin([entry(1), entry(1), entry(2), entry(3)])
    ledger.end(call, [ACCEPTED, ACCEPTED, Outcome.rejected("no"), LOST])
    ledger.begin([entry(4)])
    ledger.close()
    later = opened(path)
    assert states(later, 1, 1, 1, 2, 3, 4) == [
        EntryState.DELIVERED,
        EntryState.DELIVERED,
        None,
        None,
        EntryState.IN_DOUBT,
        EntryState.IN_DOUBT,
    ]


def test_the_file_is_private_and_small(path: Path) -> None:
    ledger = opened(path)
    for start in range(0, 100_000, 10_000):
        call = ledger.begin([entry(number) for number in range(start, start + 10_000)])
        ledger.end(call, [ACCEPTED] * 10_000)
        ledger.states_read += 1
        assert ledger.begin_state({"at": start})
        ledger.end_state()
    files = [*path.parent.iterdir()]
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"
    assert sum(file.stat().st_size for file in files) < 15_000_000
    ledger.close()


def test_a_state_covers_rows_before_it_in_the_input(path: Path) -> None:
    ledger = opened(path)
    ledger.end(ledger.begin([entry(1, after=0), entry(2, after=1)]), [ACCEPTED] * 2)
    ledger.states_read = 1
    assert ledger.begin_state({"at": 1})
    ledger.end_state()
    ledger.close()
    assert states(opened(path), 1, 2) == [None, EntryState.DELIVERED]


def test_a_crash_while_state_is_written_is_told(path: Path) -> None:
    ledger = opened(path)
    ledger.end(ledger.begin([entry(1)]), [ACCEPTED])
    ledger.states_read = 1
    assert ledger.begin_state({"at": 1})
    ledger.close()
    assert states(opened(path), 1, 2) == [EntryState.CLOSED, None]


def test_replayed_rows_are_known_until_a_state_covers_them(path: Path) -> None:
    ledger = opened(path)
    ledger.end(ledger.begin([entry(1), entry(2)]), [ACCEPTED] * 2)
    ledger.close()
    second = opened(path)
    assert states(second, 1) == [EntryState.DELIVERED]
    second.close()
    third = opened(path)
    assert states(third, 1) == [EntryState.DELIVERED]
    third.states_read = 1
    assert third.begin_state({"at": 1})
    third.end_state()
    third.close()
    # The second row was not replayed yet, so it is still known.
    assert states(opened(path), 1, 2) == [None, EntryState.DELIVERED]


def test_old_entries_are_void(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    ledger = opened(path, clock)
    ledger.end(ledger.begin([entry(1)]), [ACCEPTED])
    ledger.close()
    clock.time += 2 * 86_400 + 1
    assert states(opened(path, clock), 1) == [None]
    assert "had 1 entries older than two days. They are void" in caplog.text


@pytest.mark.parametrize("damage", [b"not a database at all, but text", b""])
def test_a_file_that_cannot_be_used_does_not_end_the_run(
    path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(damage)
    ledger = opened(path)
    ledger.end(ledger.begin([entry(1)]), [ACCEPTED])
    assert ("cannot be used" in caplog.text) == bool(damage)
    assert ledger.is_kept != bool(damage)


def test_a_second_run_of_the_pipeline_goes_on_without_it(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = opened(path), opened(path)
    first.begin([entry(1)])
    assert second.begin([entry(1)]) is None
    assert "another run of this pipeline uses it" in caplog.text
    assert "pipeline" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_does_not_end_the_run(path: Path) -> None:
    path.parent.mkdir(parents=True, mode=0o500)
    assert not opened(path).is_kept


@pytest.mark.parametrize("seed", range(60))
def test_after_crashes_each_row_is_sent_once(path: Path, seed: int) -> None:
    """A source of rows with a bookmark is read by runs that end at any moment."""
    dice = random.Random(seed)
    source = [dice.randrange(6) for _ in range(dice.randrange(1, 40))]
    sent: list[int] = []
    named: list[int] = []
    position = 0
    for _ in range(200):
        position = _run(path, source, position, sent, named, dice)
        if position == len(source):
            break
    else:
        pytest.fail("it came to no end")
    for number in set(source):
        assert sent.count(number) <= source.count(number)
        assert sent.count(number) + named.count(number) >= source.count(number)


def _run(  # noqa: PLR0913, PLR0917
    path: Path, source: list[int], position: int, sent: list[int], named: list[int], dice: random.Random
) -> int:
    """One run. It reads from a position and returns the position of the last STATE that it wrote."""
    ledger = opened(path)
    crash = dice.randrange(1, 12) if dice.random() < 0.7 else 1000

    def ends() -> bool:
        nonlocal crash
        crash -= 1
        return crash <= 0

    place = position
    try:
        while place < len(source):
            batch = source[place : place + dice.randrange(1, 5)]
            entries = [entry(number, ledger.states_read) for number in batch]
            left = ledger.take(entries)
            named += [number for number, one in zip(batch, left, strict=True) if one and one.state == EntryState.CLOSED]
            fresh = [(number, one) for number, one, old in zip(batch, entries, left, strict=True) if old is None]
            if fresh:
                call = ledger.begin([one for _, one in fresh])
                if ends():
                    # Nothing arrived. The next run finds it in doubt, and finds that out.
                    ledger.settle({})
                    return _with_doubt_settled(path, ledger, position)
                sent += [number for number, _ in fresh]
                ledger.end(call, [ACCEPTED] * len(fresh))
                if ends():
                    return position
            place += len(batch)
            ledger.states_read += 1
            if dice.random() < 0.6 or place == len(source):
                must_end = ledger.begin_state({"at": place})
                if ends():
                    # Whether the STATE was read or not.
                    return dice.choice([position, place])
                position = place
                if must_end:
                    if ends():
                        return position
                    ledger.end_state()
        ledger.forget_all()
        return position
    finally:
        ledger.close()


def _with_doubt_settled(path: Path, ledger: DeliveryLedger, position: int) -> int:
    ledger.close()
    later = opened(path)
    later.settle({left.place: EntryState.NOT_STORED for left in later.take_doubts()})
    later.close()
    return position


@pytest.mark.parametrize(
    ("state", "before", "covered"),
    [
        ({"bookmarks": {"a": {"at": 1}}}, None, {"a"}),
        ({"bookmarks": {"a": {"at": 1}}}, {"bookmarks": {"a": {"at": 1}}}, set()),
        ({"bookmarks": {"a": {"at": 2}}}, {"bookmarks": {"a": {"at": 1}}}, {"a"}),
        ({"bookmarks": {"a": {}}}, None, set()),
        ({"bookmarks": {"a": {"at": 1, "progress_markers": {"at": 5}}}}, None, set()),
        ({"bookmarks": {"other": {"at": 1}}}, None, set()),
        ({"bookmarks": {}}, None, set()),
        ({}, None, set()),
        (7, 6, {"a"}),
        (7, 7, set()),
    ],
)
def test_a_state_covers_streams_whose_bookmark_moved(state: Any, before: Any, covered: set[str]) -> None:
    assert covered_streams(state, before, ["a"]) == covered
