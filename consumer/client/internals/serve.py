"""Records handed over in the I/O thread that fetched them: part of the fast path.

``poll`` wakes the I/O thread to fetch, and is woken by it when records come: two changes of thread
before a request is read. Here a coroutine in that thread fetches, and calls ``take`` itself.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any

from kafka import TopicPartition
from kafka.future import Future as KafkaFuture

from consumer.client.protocols import Consumer
from consumer.decode import Record

Batches = dict[TopicPartition, list[Record]]
"""Records by partition."""


def take_where_they_arrive(
    consumer: Consumer,
    take: Callable[[Batches], None],
    until: float,
    look: Callable[[], float],
) -> bool:
    """Fetch, and call ``take`` in the I/O thread; blocks the caller meanwhile.

    Args:
        consumer: A member of a group.
        take: Called with at most ``max_poll_records`` records; may not use the consumer.
        until: When to end, in monotonic seconds.
        look: Called between two waits for records; returns in how many seconds again at the latest.

    Returns:
        False where it ended earlier because a poll is needed: the group rebalances, or there is
        nothing to fetch.

    Raises:
        Exception: What ``take``, ``look`` or the client raised.
    """
    inside: Any = consumer
    return bool(inside._net.run(_turns, inside, take, until, look))


async def _turns(
    consumer: Any,  # noqa: ANN401
    take: Callable[[Batches], None],
    until: float,
    look: Callable[[], float],
) -> bool:
    """Runs in the I/O thread: fetch, wait for the first response, take its records, repeat."""
    fetcher, net = consumer._fetcher, consumer._net
    while (left := until - monotonic()) > 0:
        if consumer._coordinator.need_rejoin():
            return False
        took = _took(fetcher, take)
        soon = look()
        if took:
            await net.sleep(0)  # lets the thread's other tasks run, the heartbeat among them
            continue
        await fetcher._send_fetches_async()
        if not (fetches := list(fetcher._fetch_futures)):
            return False
        turn = _Turn(fetcher, take)
        for fetch in fetches:
            fetch.add_both(turn.came)
        timer = net.call_later(min(left, soon), turn.end)
        try:
            await turn.ended
        finally:
            net.cancel(timer)
    return True


def _took(fetcher: Any, take: Callable[[Batches], None]) -> bool:  # noqa: ANN401
    """Take at most ``max_poll_records`` fetched records; whether there were any."""
    records, _ = fetcher.fetched_records()
    if records:
        take(records)
    return bool(records)


class _Turn:
    """One wait for the response of any fetch.

    Attributes:
        ended: Done when records were taken, ``take`` failed, or the time is up.
    """

    def __init__(self, fetcher: Any, take: Callable[[Batches], None]) -> None:  # noqa: ANN401
        self._fetcher = fetcher
        self._take = take
        self.ended = KafkaFuture()

    def came(self, _response: object) -> None:
        """Called with the response of a fetch: takes the records now, not in a later task."""
        if self.ended.is_done:
            return
        try:
            _took(self._fetcher, self._take)
        except BaseException as error:  # noqa: BLE001 - raised by `await turn.ended`
            self.ended.failure(error)
        else:
            self.ended.success(None)

    def end(self) -> None:
        """Called when the time is up."""
        if not self.ended.is_done:
            self.ended.success(None)
