"""A task is missing only if no worker has had it in hand for some time, in several looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dagster_planhat.workers.presence import Presence

MISSING_SECONDS = 45


class World:
    """Tasks in the hands of workers, and a clock that the test moves."""

    def __init__(self) -> None:
        self.tasks: set[str] = set()
        self.now = 0.0
        self.looks = 0
        self.presence = Presence(self.look, MISSING_SECONDS, clock=lambda: self.now)

    def look(self) -> frozenset[str]:
        self.looks += 1
        return frozenset(self.tasks)


def polls(world: World, task: str, seconds: float, every: float) -> list[bool]:
    """What the monitor is told, asking every so many seconds."""
    told = []
    until = world.now + seconds
    while world.now < until:
        told.append(world.presence.is_missing(task))
        world.now += every
    return told


def test_a_task_whose_worker_is_gone_is_missing_after_some_time() -> None:
    world = World()
    world.tasks = {"a", "b"}
    assert not any(polls(world, "a", 60, every=15))
    world.tasks = {"b"}
    told = polls(world, "a", 90, every=15)
    assert told == [False, False, False, True, True, True]
    assert not world.presence.is_missing("b")


def test_a_worker_that_answers_late_once_or_twice_is_not_lost() -> None:
    world = World()
    for _ in range(5):
        world.tasks = set()
        assert not any(polls(world, "a", 200, every=100))
        world.tasks = {"a"}
        assert not any(polls(world, "a", 100, every=100))


def test_all_runs_of_a_pass_of_the_monitor_are_judged_by_one_look() -> None:
    world = World()
    for number in range(100):
        world.presence.is_missing(f"task {number}")
    assert world.looks == 1


def test_tasks_that_nobody_asks_for_any_more_are_forgotten() -> None:
    world = World()
    for number in range(1000):
        world.presence.is_missing(f"task {number}")
        world.now += 10
    assert len(world.presence._missing) < 5


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 60)), max_size=60))
def test_missing_is_only_what_was_away_for_long(steps: list[tuple[bool, float]]) -> None:
    world = World()
    away_since: float | None = None
    for is_there, passes in steps:
        world.tasks = {"a"} if is_there else set()
        # A look is used again for a few seconds; this test wants to know of each step.
        world.now += 5
        away_since = None if is_there else world.now if away_since is None else away_since
        missing = world.presence.is_missing("a")
        if missing:
            assert away_since is not None
            assert world.now - away_since >= MISSING_SECONDS
        world.now += passes
        if is_there:
            assert not missing
