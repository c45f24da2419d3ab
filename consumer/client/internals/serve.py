"""Records taken in the client's I/O thread, where they arrive, without a change of thread."""

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
    consumer: Consumer, take: Callable[[Batches], None], until: float
) -> bool:
    """Do so until then, or until the group wants a poll; whether all is at rest.

    Raises:
        Exception: What ``take`` or the client raised.
    """
    inside: Any = consumer
    return bool(inside._net.run(_turns, inside, take, until))


async def _turns(consumer: Any, take: Callable[[Batches], None], until: float) -> bool:  # noqa: ANN401
    """In the I/O thread: ask for records, take them when they come, ask again."""
    fetcher, net = consumer._fetcher, consumer._net
    while (left := until - monotonic()) > 0:
        if consumer._coordinator.need_rejoin():
            return False
        if _took(fetcher, take):
            await net.sleep(0)  # the thread has other tasks too, the group's heartbeat is one
            continue
        await fetcher._send_fetches_async()
        if not (fetches := list(fetcher._fetch_futures)):
            return False
        turn = _Turn(fetcher, take)
        for fetch in fetches:
            fetch.add_both(turn.came)
        timer = net.call_later(left, turn.end)
        try:
            await turn.ended
        finally:
            net.cancel(timer)
    return True


def _took(fetcher: Any, take: Callable[[Batches], None]) -> bool:  # noqa: ANN401
    """Take at most `max_poll_records` of what has come; whether there was anything."""
    records, _ = fetcher.fetched_records()
    if records:
        take(records)
    return bool(records)


class _Turn:
    """One wait for records. It ends once, and takes nothing after that."""

    def __init__(self, fetcher: Any, take: Callable[[Batches], None]) -> None:  # noqa: ANN401
        self._fetcher = fetcher
        self._take = take
        self.ended = KafkaFuture()

    def came(self, _response: object) -> None:
        """Take the first at once: another task of the I/O thread's loop would be later."""
        if self.ended.is_done:
            return
        try:
            _took(self._fetcher, self._take)
        except BaseException as error:  # noqa: BLE001 - raised where the turn is waited for
            self.ended.failure(error)
        else:
            self.ended.success(None)

    def end(self) -> None:
        """It has taken long enough."""
        if not self.ended.is_done:
            self.ended.success(None)
