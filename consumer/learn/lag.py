"""How far the learner is behind the ends of its partitions' logs."""

from collections.abc import Sequence
from time import monotonic, time

from kafka import TopicPartition
from kafka.errors import KafkaError

from consumer.client import MAX_POLL_RECORDS, Consumer, offsets
from consumer.context import Context
from consumer.decode import Record
from consumer.learn.age import Age
from consumer.learn.owned import OwnedPartitions


class Lag:
    """Told by what the client knows: it never waits for Kafka.

    Args:
        context: Where the lag is noted.
        consumer: Reads the events topic.
        owned: The partitions that are ours.
    """

    def __init__(self, context: Context, consumer: Consumer, owned: OwnedPartitions) -> None:
        self._context = context
        self._topic = context.settings.events_topic
        self._consumer = consumer
        self._owned = owned
        self._ages: dict[int, Age] = {}

    def learned(self, number: int, records: Sequence[Record]) -> None:
        """Note how far in time a partition of ours is learned."""
        now = time()
        self._age(number, now).learned(records[-1].timestamp, now=now)

    def fits_one_poll(self) -> bool:
        """Whether one more poll would bring all records that Kafka has told of."""
        behind = sum(self._end(number) - partition.reads_from for number, partition in self._owned)
        return behind < MAX_POLL_RECORDS

    def note(self) -> None:
        """Note the lag of each partition in health and metrics; None where it is not known.

        It is counted from the client's position, which lies behind the markers of transactions.
        """
        health = self._context.health
        lags: dict[int, int | None] = dict.fromkeys(self._owned.held)
        for number, _ in self._owned:
            try:
                position = offsets.position(self._consumer, TopicPartition(self._topic, number))
            except KafkaError:
                return  # just taken away: the next turn knows
            lags[number] = self._lag(number, position)
        health.behind = sum(lag for lag in lags.values() if lag is not None)
        health.unknown = frozenset(number for number, _ in self._owned if lags[number] is None)
        now = time()
        self._ages = {number: self._age(number, now) for number in lags}
        ages = {number: age.seconds(lags[number], now=now) for number, age in self._ages.items()}
        self._context.telemetry.lags(lags, ages)

    def _age(self, number: int, now: float) -> Age:
        return self._ages.setdefault(number, Age(now))

    def _lag(self, number: int, position: int | None) -> int | None:
        """None: not known, as where the partition has no leader."""
        if position is None:
            return None
        lag = self._context.health.lag(number, position, now=monotonic())
        return None if lag is None else max(lag, self._end(number) - position)

    def _end(self, number: int) -> int:
        """The end of the partition's log, as far as Kafka has told.

        Fetch responses tell it, but not all of them: in a fetch session (KIP-227) a partition is
        named only when something about it has changed. Where the first response was for the group's
        offset, and was dropped because we had gone to the state's position, the end of a quiet log
        is known from the restore alone.
        """
        try:
            end = self._consumer.highwater(TopicPartition(self._topic, number))
        except KafkaError:  # just taken away
            end = None
        return self._owned.end_at_restore(number) if end is None else end
