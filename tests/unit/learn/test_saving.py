"""A round of saving goes in slices, and ends whatever happens to the partitions meanwhile."""

from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from consumer.learn import saving
from consumer.learn.saving import SLICE_SECONDS, Saving

INTERVAL_SECONDS = 1.0
SAVE_SECONDS = SLICE_SECONDS / 4


class World:
    """Stands in for what saving uses: a clock that each save moves on, and what was saved."""

    def __init__(self, partitions: int) -> None:
        self.now = 0.0
        self.owned = {number: SimpleNamespace(position=9) for number in range(partitions)}
        self.saved: list[int] = []
        self.histories: list[int] = []
        self.waiting: list[int] = []
        self.delivered = True
        self.demanded: list[int] = []
        self.told: list[tuple[int, int]] = []

    def __iter__(self) -> Any:  # noqa: ANN401 - of the owned partitions
        return iter(self.owned.items())

    def __contains__(self, number: int) -> bool:
        return number in self.owned

    def __getitem__(self, number: int) -> object:
        return self.owned[number]

    def settle(self, _timeout_seconds: float) -> bool:
        return self.delivered

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def send(self, number: int, _partition: object) -> bool:
        self.now += SAVE_SECONDS
        self.saved.append(number)
        return True

    def send_history(self, number: int, _partition: object) -> None:
        self.now += SAVE_SECONDS
        self.histories.append(number)

    def send_ids(self, _owned: object) -> None:
        pass

    def histories_worth_saving(self, _owned: object, most_events: int) -> list[int]:
        return list(self.owned) if most_events == 0 else [0]

    def due(self, number: int, _partition: object, _reason: str) -> bool:
        self.waiting.append(number)
        return True

    def done(self, number: int, position: int) -> None:
        self.told.append((number, position))

    def met(self, _owned: object) -> list[tuple[int, object]]:
        return [(number, self.owned[number]) for number in self.demanded]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(20)
    monkeypatch.setattr(saving, "monotonic", lambda: made.now)
    return made


def saver(world: World) -> Saving:
    settings = SimpleNamespace(checkpoint_interval_ms=INTERVAL_SECONDS * 1000, max_reread_events=9)
    stands_in: Any = world
    context: Any = SimpleNamespace(settings=settings)
    return Saving(context, stands_in, stands_in, stands_in, stands_in)


def test_no_turn_saves_for_much_longer_than_its_slice_and_all_is_saved_once(world: World) -> None:
    one = saver(world)
    assert not one.turn()
    world.now = INTERVAL_SECONDS
    began = [one.turn()]
    while one.is_under_way:
        before = world.now
        began.append(one.turn())
        assert world.now - before <= SLICE_SECONDS + SAVE_SECONDS
    assert began[0]
    assert not any(began[1:])
    assert len(began) > 3
    assert world.saved == list(range(20))
    assert world.histories == [0]


def test_the_next_round_waits_for_its_time(world: World) -> None:
    one = saver(world)
    world.now = INTERVAL_SECONDS
    while one.turn() or one.is_under_way:
        pass
    world.now = 2 * INTERVAL_SECONDS - 0.001
    assert not one.turn()
    world.now = 2 * INTERVAL_SECONDS
    assert one.turn()


def test_a_partition_taken_away_during_the_round_is_passed_over(world: World) -> None:
    one = saver(world)
    world.now = INTERVAL_SECONDS
    one.turn()
    del world.owned[19]
    while one.is_under_way:
        one.turn()
    assert world.saved == list(range(19))


def test_nothing_is_saved_while_dead_letters_are_not_delivered(world: World) -> None:
    one = saver(world)
    world.now, world.delivered = INTERVAL_SECONDS, False
    assert one.turn()
    assert not one.is_under_way
    assert (world.saved, world.waiting) == ([], list(range(20)))


def test_at_the_end_everything_is_saved_at_once(world: World) -> None:
    one = saver(world)
    one.all()
    assert (world.saved, world.histories) == (list(range(20)), list(range(20)))


def test_what_others_wait_for_is_saved_at_once_and_they_are_told(world: World) -> None:
    one = saver(world)
    world.demanded = [3]
    assert not one.turn()
    assert (world.saved, world.told) == ([3], [(3, 9)])


def test_but_not_while_dead_letters_are_not_delivered(world: World) -> None:
    one = saver(world)
    world.demanded, world.delivered = [3], False
    one.turn()
    assert (world.saved, world.told) == ([], [])
