"""Snapshots on demand: an instance whose askers wait for positions asks the owner to save them now.

Between instances the model travels by the changelog, a checkpoint interval late. A question that
waits for positions of another instance's partition (``respond/waiting.py``) cannot know when they
are learned. So its instance writes to a topic of its own which position of which partition it
wants; all instances read that, from its end; and the owner saves the partition when it is there.
Nothing rests on it: what is lost is asked again, and the next checkpoint comes anyway.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from time import monotonic

import orjson
import structlog
from kafka import TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from consumer.client import Consumer, Producer, offsets, poll
from consumer.context import Context
from consumer.model import Partition

POLL_MS = 200
RETRY_SECONDS = 1.0
SAVE_SECONDS = 0.1
"""At most so often a partition is saved on demand."""
MAX_POSITIONS = 100
"""Positions remembered for each partition, the lowest."""

log = structlog.get_logger()


class Demand:
    """What is wanted of our partitions, and the way to ask others.

    ``run`` is one thread's, ``met`` and ``done`` the learner's; ``ask`` may be called by any.

    Args:
        context: What all loops share.
        consumer: Reads the topic, in no group.
        producer: Writes to it; ``send`` never blocks.
    """

    def __init__(self, context: Context, consumer: Consumer, producer: Producer) -> None:
        self._context = context
        self._consumer = consumer
        self._producer = producer
        self._at = TopicPartition(context.settings.demand_topic, 0)
        self._begun = False
        self._lock = threading.Lock()
        self._wanted: defaultdict[int, set[int]] = defaultdict(set)
        self._saved_at: dict[int, float] = {}

    def ask(self, partition: int, position: int) -> None:
        """Ask the owner of a partition for a snapshot of this position; never blocks."""
        value = write(partition, position)
        try:
            self._producer.send(self._at.topic, value=value, partition=self._at.partition)
        except (KafkaError, ValueError) as error:  # the topic is not there, or not ours to write
            log.debug("no snapshot asked for", partition=partition, error=repr(error))

    def run(self, stop: threading.Event) -> None:
        """Read what others ask for until told to stop."""
        while not stop.is_set():
            self._context.health.beat("demand", now=monotonic())
            try:
                self._turn(stop)
            except AuthorizationError:  # the watch tells of it
                stop.wait(RETRY_SECONDS)
            except KafkaError as error:
                log.debug("demand not read, tried again", error=repr(error))
                stop.wait(RETRY_SECONDS)

    def met(self, owned: Iterable[tuple[int, Partition]]) -> Iterator[tuple[int, Partition]]:
        """Those of our partitions that have a position which is wanted, and are due to be saved."""
        if not self._wanted:
            return
        now = monotonic()
        for number, partition in owned:
            with self._lock:
                lowest = min(self._wanted.get(number, ()), default=None)
            due = now - self._saved_at.get(number, 0.0) >= SAVE_SECONDS
            if lowest is not None and lowest <= partition.position and due:
                yield number, partition

    def done(self, number: int, position: int) -> None:
        """A snapshot of this position is on its way: who wanted it will read it."""
        self._saved_at[number] = monotonic()
        with self._lock:
            left = {wanted for wanted in self._wanted.pop(number, ()) if wanted > position}
            if left:
                self._wanted[number] = left

    def _turn(self, stop: threading.Event) -> None:
        if not self._begun:
            self._begin()
        if not self._begun:
            stop.wait(RETRY_SECONDS)
            return
        ours = self._context.served.ours()
        for records in poll(self._consumer, POLL_MS).values():
            for record in records:
                self._take(read(record.value), ours)

    def _begin(self) -> None:
        """Read from the end: what was wanted before is asked again where it still is."""
        self._consumer.assign([self._at])
        ends = offsets.ends(self._consumer, [self._at])
        if self._at in ends:
            self._consumer.seek(self._at, ends[self._at])
            self._begun = True

    def _take(self, wanted: tuple[int, int] | None, ours: set[int]) -> None:
        if wanted is None or wanted[0] not in ours:
            return
        number, position = wanted
        with self._lock:
            positions = self._wanted[number]
            positions.add(position)
            if len(positions) > MAX_POSITIONS:
                positions.remove(max(positions))


def write(partition: int, position: int) -> bytes:
    """The record that asks for a snapshot (contract/schemas/demand.schema.json)."""
    return orjson.dumps({"partition": partition, "position": position})


def read(value: bytes | None) -> tuple[int, int] | None:
    """Partition and position of such a record; None if it is none. Total."""
    try:
        document = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    if type(document) is not dict:
        return None
    partition, position = document.get("partition"), document.get("position")
    if type(partition) is not int or type(position) is not int or min(partition, position) < 0:
        return None
    return partition, position
