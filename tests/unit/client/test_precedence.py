"""The learner stands aside while an answer is made, and never for long."""

import socket
from concurrent.futures import ThreadPoolExecutor
from selectors import EVENT_READ
from time import monotonic, sleep, thread_time

from consumer.client.precedence import (
    LASTING_SECONDS,
    PATIENCE_SECONDS,
    SLICE,
    Precedence,
    PrecedingSelector,
)
from support.waiting import wait_until
from unit.records import records

RECORDS = records([b"%d" % number for number in range(5 * SLICE + 3)])


def test_all_records_come_in_turn() -> None:
    assert list(Precedence().after_answers(RECORDS)) == RECORDS
    assert list(Precedence().after_answers([])) == []


def test_an_answer_that_takes_long_only_slows_the_learner_down() -> None:
    precedence = Precedence()
    precedence.begin()
    started = monotonic()
    assert list(precedence.after_answers(RECORDS)) == RECORDS
    assert monotonic() - started >= 6 * PATIENCE_SECONDS * 0.9


def test_how_long_the_learner_stood_aside_is_known_and_nothing_else_counts() -> None:
    precedence = Precedence()
    list(precedence.after_answers(RECORDS))
    assert precedence.waited == 0
    precedence.begin()
    started = monotonic()
    for _ in precedence.after_answers(RECORDS):
        sleep(0.001)
    folding = len(RECORDS) * 0.001
    assert 6 * PATIENCE_SECONDS * 0.9 <= precedence.waited <= monotonic() - started - folding


def waits(precedence: Precedence) -> bool:
    """Whether the learner would have to wait now."""
    before = precedence.waited
    list(precedence.after_answers(RECORDS[:SLICE]))
    return precedence.waited > before


def test_who_begins_twice_ends_once_and_to_end_is_no_fault() -> None:
    precedence = Precedence()
    precedence.end()
    assert not waits(precedence)
    precedence.begin()
    precedence.begin()
    assert waits(precedence)
    precedence.end()
    assert not waits(precedence)
    precedence.end()
    precedence.begin()
    assert waits(precedence)


def test_the_io_thread_has_precedence_from_the_arrival_of_bytes_until_it_waits_again() -> None:
    precedence = Precedence()
    here, there = socket.socketpair()
    selector = PrecedingSelector(precedence)
    selector.register(here, EVENT_READ)
    assert selector.select(0.001) == []
    assert not waits(precedence)
    there.send(b"x")
    assert len(selector.select(1)) == 1
    assert waits(precedence)
    assert len(selector.select(0)) == 1  # it has more to do, and only looks
    assert waits(precedence)
    here.recv(1)
    assert selector.select(0.001) == []
    assert not waits(precedence)
    there.send(b"x")
    selector.select(1)
    selector.close()
    assert not waits(precedence)
    here.close()
    there.close()


class Answering:
    """The I/O thread of a client that answers all the time, and its processor seconds."""

    def __init__(self, precedence: Precedence) -> None:
        self._precedence = precedence
        self._thread = ThreadPoolExecutor(1)

    def work(self, seconds: float) -> bool:
        """Answer for so long, then turn to the next round; whether it stood aside for that."""
        return self._thread.submit(self._work, seconds).result()

    def _work(self, seconds: float) -> bool:
        self._precedence.begin()
        until = thread_time() + seconds
        while thread_time() < until:
            pass
        self._precedence.stand_aside()
        return not self._precedence._answering.locked()


def test_a_learner_that_has_had_less_than_its_share_is_let_by() -> None:
    precedence = Precedence()
    answering = Answering(precedence)

    def stands_aside() -> bool:
        list(precedence.after_answers(RECORDS[:SLICE]))
        return answering.work(2 * PATIENCE_SECONDS)

    assert not answering.work(2 * PATIENCE_SECONDS)  # nobody learns
    assert any(stands_aside() for _ in range(1000))  # not at once: nothing was owed at first


def test_few_answers_never_stand_aside() -> None:
    precedence = Precedence()
    answering = Answering(precedence)
    for _ in range(50):
        for _ in precedence.after_answers(RECORDS):
            until = thread_time() + 0.0002
            while thread_time() < until:
                pass
        assert not answering.work(0.0001)
        precedence.end()


def test_a_learner_at_rest_holds_up_no_answer() -> None:
    precedence = Precedence()
    answering = Answering(precedence)

    def is_owed() -> bool:
        list(precedence.after_answers(RECORDS[:SLICE]))
        return answering.work(2 * PATIENCE_SECONDS)

    assert any(is_owed() for _ in range(1000))
    rested = monotonic() + 2 * LASTING_SECONDS
    wait_until(lambda: monotonic() > rested)
    assert not answering.work(2 * PATIENCE_SECONDS)
