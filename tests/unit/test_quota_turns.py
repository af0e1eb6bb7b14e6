"""Who gets a turn when: never too many, everyone in the end, in order, and no turn is lost."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from planhat_api.quota import turns
from planhat_api.quota.book import Book, Ticket, read_book, write_book
from planhat_api.quota.limits import BACKFILL_SHARE, WINDOW, Limits
from planhat_api.quota.pause import Pause
from planhat_api.quota.turns import GRACE, Caller, Reason
from tests.quota_simulation import BEGIN, Habits, Simulation

LONGEST_LATE = 200
LIMITS = st.sampled_from([1, 2, 3, 5, 20, 60]).map(lambda calls: Limits.of(calls, window=6.1, minute=6))
SOUND = st.builds(
    Habits,
    backfill=st.booleans(),
    begins=st.integers(0, 3_000),
    late=st.integers(0, LONGEST_LATE),
    works=st.integers(0, 2_000),
)
ANY = st.builds(
    Habits,
    backfill=st.booleans(),
    begins=st.integers(0, 10_000),
    late=st.integers(0, 8_000),
    works=st.integers(0, 3_000),
    calls=st.integers(1, 50),
    dies_after=st.integers(1, 30),
    gives_up_after=st.integers(1, 10),
)
SEEDS = st.integers(0, 1_000)
MANY = settings(max_examples=150, deadline=None)


@MANY
@given(LIMITS, st.lists(ANY, min_size=1, max_size=12), SEEDS)
def test_whatever_the_workers_do_no_window_has_too_many_turns(limits: Limits, workers: list[Habits], seed: int) -> None:
    simulation = Simulation(limits, workers, seed)
    simulation.run(40_000)
    for most, time in limits.rates:
        assert simulation.most_in(time) <= most


@settings(max_examples=20, deadline=None)
@given(st.integers(151, 2_000), SEEDS)
def test_no_second_has_more_than_150_turns(calls: int, seed: int) -> None:
    simulation = Simulation(Limits.of(calls, window=6.1), [Habits(works=20)] * 8, seed)
    simulation.run(8_000)
    assert simulation.most_in(1_000) <= 150
    assert simulation.most_in(6_100) <= calls


@MANY
@given(LIMITS, st.lists(SOUND, min_size=1, max_size=10), st.lists(ANY, max_size=4), SEEDS)
def test_everyone_who_comes_back_gets_turns(
    limits: Limits, sound: list[Habits], others: list[Habits], seed: int
) -> None:
    """Backfills may be held back for ever by others, but not by each other."""
    sound = [replace(habits, backfill=sound[0].backfill) for habits in sound]
    others = [replace(habits, backfill=sound[0].backfill) for habits in others]
    (most, window), *_ = limits.rates
    simulation = Simulation(limits, [*sound, *others], seed)
    workers = len(sound) + len(others)
    longest = 3_000 + (workers // most + 2) * (max(window, round(most * limits.pace)) + LONGEST_LATE + GRACE + 2_000)
    simulation.run(4 * longest)
    for index in range(len(sound)):
        assert [grant for grant in simulation.grants if grant.worker == index]
    for grant in simulation.grants:
        if grant.worker < len(sound):
            assert grant.at - grant.asked <= longest


@MANY
@given(st.sampled_from([1, 2, 3, 5]), st.integers(1, 10), SEEDS)
def test_workers_who_always_wait_get_the_same(calls: int, more: int, seed: int) -> None:
    number = calls + more
    simulation = Simulation(Limits.of(calls, window=6.1), [Habits(works=10)] * number, seed)
    simulation.run(20 * 6_100)
    shares = [sum(grant.worker == index for grant in simulation.grants) for index in range(number)]
    # Who is late lets others go first now and then.
    assert max(shares) - min(shares) <= 2 + max(shares) // 5
    assert sum(shares) >= 19 * calls


@MANY
@given(LIMITS, st.lists(SOUND, min_size=1, max_size=6), SEEDS)
def test_no_turn_is_lost_while_somebody_waits(limits: Limits, workers: list[Habits], seed: int) -> None:
    (most, window), *_ = limits.rates
    busy = [replace(habits, backfill=False, works=0, begins=0) for habits in workers]
    # More workers than turns, so that there is always one who waits.
    busy += [Habits(works=0, late=LONGEST_LATE)] * (most + 1)
    simulation = Simulation(limits, busy, seed)
    rounds = 6
    simulation.run(rounds * (window + LONGEST_LATE))
    assert len(simulation.grants) >= rounds * most


@pytest.mark.parametrize("calls", [1, 2, 5, 20, 200])
def test_a_backfill_alone_uses_its_share(calls: int) -> None:
    minutes = max(20, 200 // calls)
    simulation = Simulation(Limits.of(calls), [Habits(backfill=True)] * 4)
    simulation.run(minutes * 60_000)
    late = [grant for grant in simulation.grants if grant.at >= 60_000]
    # The first turn comes at once.
    assert 0.9 * calls * (minutes - 1) - 1 <= len(late) <= BACKFILL_SHARE * calls * (minutes - 1) + 2
    assert simulation.questions < 10 * 60 * minutes


@pytest.mark.parametrize("begins", [20_000, 70_000, 100_000, 317_000])
def test_beside_a_backfill_calls_wait_at_most_five_seconds(begins: int) -> None:
    workers = [Habits(backfill=True)] * 8 + [Habits(begins=begins, calls=1)] * 30
    simulation = Simulation(Limits.of(200), workers, seed=begins)
    simulation.run(begins + 30_000)
    waited = [grant.at - grant.asked for grant in simulation.grants if grant.worker >= 8]
    assert len(waited) == 30
    assert max(waited) <= 5_000
    # The turns that the backfill leaves are there at once.
    assert sum(wait == 0 for wait in waited) >= 12
    assert [grant for grant in simulation.grants if grant.worker < 8 and grant.at > begins + 6_000]


def test_a_backfill_makes_up_for_a_short_moment_and_not_for_a_long_one() -> None:
    limits = Limits.of(200)
    book = Book()
    now = BEGIN
    granted = 0
    for _ in range(100):
        book, answer = turns.ask(book, now, Caller(f"{now}", backfill=True), limits)
        book = turns.leave(book, frozenset([f"{now}"]))
        granted += not answer.back_in
        now += 100

    def at_once(now: int) -> int:
        return turns.spare(book, now, limits, backfill=True)

    assert granted == int(99 * 100 / limits.pace) + 1
    assert at_once(now) <= 1
    assert int(2_000 / limits.pace) <= at_once(now + 2_000) <= int(2_000 / limits.pace) + 1
    assert at_once(now + 30_000) <= 1 + limits.tolerance / limits.pace
    assert at_once(now + 200_000) == 1


def test_one_who_did_not_come_back_loses_its_place_and_gets_it_back() -> None:
    limits = Limits.of(1, window=10)
    book, _ = turns.ask(Book(), BEGIN, Caller("first"), limits)
    late, second = Caller("late"), Caller("second")
    book, answer = turns.ask(book, BEGIN + 1, late, limits)
    late = late.told(answer)
    assert (answer.reason, answer.turn_in, answer.number) == (Reason.QUOTA, 9_999, 0)
    promised = BEGIN + 1 + answer.back_in
    # Its turn comes, and it is a little late.
    now = BEGIN + 10_000
    book, answer = turns.ask(
        structs.replace(book, tickets=(Ticket("late", backfill=False, number=0, back_at=now),)),
        now + GRACE,
        second,
        limits,
    )
    assert answer.reason is Reason.OTHERS
    second = second.told(answer)
    # Now it is too late, and the other one may go.
    after, answer = turns.ask(book, now + GRACE + 1, second, limits)
    assert not answer.back_in
    # If it comes before the other one does, it is still the first.
    book, answer = turns.ask(book, now + GRACE + 1, late, limits)
    assert not answer.back_in
    assert promised < now
    after, answer = turns.ask(after, now + GRACE + 2, late, limits)
    assert answer.number == 0


def test_a_number_of_another_book_means_nothing() -> None:
    limits = Limits.of(1, window=10)
    first, _ = turns.ask(Book(), BEGIN, Caller("x"), limits)
    for name in "abc":
        first, answer = turns.ask(first, BEGIN, Caller(name), limits)
    stranger = Caller("c").told(answer)
    other, _ = turns.ask(Book(), BEGIN, Caller("x"), limits)
    for name in "abcdef":
        other, _ = turns.ask(other, BEGIN, Caller(f"{name}2"), limits)
    _, answer = turns.ask(other, BEGIN, stranger, limits)
    assert answer.number == 6


def test_who_gives_up_holds_nobody_back() -> None:
    limits = Limits.of(1, window=10)
    book, _ = turns.ask(Book(), BEGIN, Caller("x"), limits)
    book, _ = turns.ask(book, BEGIN, Caller("a"), limits)
    book, answer = turns.ask(book, BEGIN, Caller("b"), limits)
    assert answer.turn_in == 20_000
    book = turns.leave(book, frozenset(["a"]))
    assert turns.leave(book, frozenset(["nobody"])) is book
    book, answer = turns.ask(book, BEGIN + 10_000, Caller("b").told(answer), limits)
    assert not answer.back_in


@given(st.integers(-(10**7), 10**7), st.integers(1, 5))
def test_a_clock_that_was_set_neither_allows_more_nor_stops_calls(moved: int, calls: int) -> None:
    """The clock goes on from any moment: what was counted counts for a window at most."""
    limits = Limits.of(calls, window=10)
    book = Book()
    for number in range(calls):
        book, answer = turns.ask(book, BEGIN, Caller(f"{number}"), limits)
        assert not answer.back_in
    now = BEGIN + moved
    _, answer = turns.ask(book, now, Caller("late"), limits)
    assert bool(answer.back_in) == (-10_000 <= moved < 10_000)
    assert answer.turn_in <= 10_000


def test_calls_that_were_made_elsewhere_count() -> None:
    limits = Limits.of(3, window=10)
    book, _ = turns.ask(Book(), BEGIN, Caller("x"), limits)
    book = turns.enter(book, BEGIN + 4_000, [9_000, 1_000], limits)
    assert turns.spare(book, BEGIN + 4_000, limits, backfill=False) == 0
    _, answer = turns.ask(book, BEGIN + 4_000, Caller("y"), limits)
    assert answer.turn_in == 1_000


def test_during_a_pause_everyone_waits_and_afterwards_one_after_the_other() -> None:
    limits = Limits.of(60)
    book = turns.paused(Book(), BEGIN, 40_000)
    waiting = []
    for name in "abcd":
        caller = Caller(name)
        book, answer = turns.ask(book, BEGIN, caller, limits)
        assert answer.reason is Reason.PAUSE
        assert answer.back_in == 30_000
        waiting.append(caller.told(answer))
    now, granted = BEGIN + 40_000, []
    for caller in waiting:
        book, answer = turns.ask(book, now, caller, limits)
        if answer.back_in:
            assert answer.reason is Reason.STEP
            now += answer.back_in
            book, answer = turns.ask(book, now, caller.told(answer), limits)
        assert not answer.back_in
        granted.append(now)
    assert [later - earlier for earlier, later in pairwise(granted)] == [250, 250, 250]


@pytest.mark.parametrize("backfill", [False, True])
def test_what_is_spare_leaves_those_who_wait_their_turns(backfill: bool) -> None:  # noqa: FBT001 - a case of the table
    limits = Limits.of(20)
    assert turns.spare(Book(), BEGIN, limits, backfill=backfill) == (1 if backfill else 20)
    waiting = structs.replace(
        Book(), tickets=tuple(Ticket(name, backfill=False, number=0, back_at=BEGIN) for name in "abc")
    )
    assert turns.spare(waiting, BEGIN, limits, backfill=backfill) == (0 if backfill else 17)


STAMPS = st.lists(st.integers(0, 2**41), max_size=300).map(lambda stamps: tuple(sorted(stamps)))
BOOKS = st.builds(
    Book,
    name=st.text(max_size=8),
    stamps=STAMPS,
    pause=st.builds(Pause, st.integers(0, 2**41), st.integers(0, 250), st.integers(0, 8)),
    backfill_at=st.floats(0, 2**41),
    tickets=st.lists(
        st.builds(Ticket, st.text(max_size=8), st.booleans(), st.integers(0, 10**6), st.integers(0, 2**41)), max_size=5
    ).map(tuple),
    next_number=st.integers(0, 10**6),
)


@given(BOOKS)
def test_a_book_is_read_as_it_was_written(book: Book) -> None:
    assert read_book(write_book(book)) == book


@given(BOOKS, st.integers(0, 2**41), st.booleans())
def test_whatever_a_book_says_nobody_waits_much_longer_than_there_is_reason_to(
    book: Book,
    now: int,
    backfill: bool,  # noqa: FBT001 - hypothesis makes it
) -> None:
    limits = Limits.of(200)
    _, answer = turns.ask(book, now, Caller("x", backfill), limits)
    assert 0 <= answer.back_in <= 30_000
    assert turns.spare(book, now, limits, backfill=backfill) >= 0


@pytest.mark.parametrize("text", [b"", b"{}", b"no json", b"\xff", b"[1]", b'{"name": 7}'])
def test_a_text_that_is_no_book_begins_a_new_one(text: bytes) -> None:
    assert read_book(text).stamps == ()
    assert read_book(None).name != read_book(None).name


def test_a_book_is_small() -> None:
    spread = tuple(BEGIN + round(number * WINDOW * 1000 / 200) for number in range(200))
    assert len(write_book(Book(stamps=spread))) < 1_100


@pytest.mark.parametrize(
    ("calls", "processes", "rates"),
    [
        (200, 8, [(25, 61_000), (18, 1000)]),
        (20, 8, [(2, 61_000)]),
        (1, 8, [(1, 488_000)]),
        (3, 3, [(1, 61_000)]),
        (9000, 300, [(30, 61_000), (1, 2000)]),
    ],
)
def test_the_share_of_a_process_is_never_more_than_its_part(
    calls: int, processes: int, rates: list[tuple[int, int]]
) -> None:
    share = Limits.of(calls).share(processes)
    assert list(share.rates) == rates
    assert share.pace == pytest.approx(Limits.of(calls).pace * processes)


def test_polling_is_cheap() -> None:
    """Eight processes with four calls each that wait all the time ask the store about a dozen times a second."""
    simulation = Simulation(Limits.of(200), [Habits(works=500)] * 32)
    simulation.run(300_000)
    assert simulation.questions / 300 < 40
