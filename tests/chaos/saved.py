"""What stands in the changelog, read as anybody can read it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from time import monotonic
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from chaos.world import World
from consumer.settings import Settings
from consumer.state import snapshot
from consumer.state.belonging import ForeignError
from consumer.state.ids import records
from consumer.state.snapshot import DamagedError, Part, Snapshot
from support.waiting import wait_until

SECONDS = 120.0
States = dict[Part, Snapshot]


class Saved:
    """The changelog, as anybody can read it.

    Attributes:
        highest: The valid snapshots with the highest position, by partition and part.
        records: How many records there are, valid or not, by partition.
        segments: What is saved of ids, by partition and the offset each begins at.
        late: How many valid ones came after one with a higher position.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer = reader(settings)
        self._assigned: set[int] = set()
        self.highest: dict[int, States] = defaultdict(dict)
        self.segments: dict[int, dict[int, bytes]] = defaultdict(dict)
        self.records: Counter[int] = Counter()
        self.late = 0

    def look(self) -> dict[int, int]:
        """Read on; the highest position of a regression by partition."""
        topic = self._settings.changelog_topic
        there = self._consumer.partitions_for_topic(topic)
        if there - self._assigned:
            self._assigned = there
            self._consumer.assign([TopicPartition(topic, number) for number in there])
        for at, came in self._consumer.poll(timeout_ms=100).items():
            for record in came:
                self._take(at.partition, record)
        return {
            number: states[Part.REGRESSION].position
            for number, states in self.highest.items()
            if Part.REGRESSION in states
        }

    def _take(self, number: int, record: Any) -> None:  # noqa: ANN401 - a kafka-python record
        self.records[number] += 1
        if (begin := records.begin_of(record.key)) is not None:
            if record.value is None:
                self.segments[number].pop(begin, None)
            else:
                self.segments[number][begin] = record.value
            return
        spec = self._settings.spec
        try:
            for state in snapshot.read(record.value, number, spec):
                if state.part is Part.REGRESSION:
                    state.restore(spec)
                else:
                    state.history(spec)
                known = self.highest[number].get(state.part)
                if known is None or state.position >= known.position:
                    self.highest[number][state.part] = state
                else:
                    self.late += 1
        except (DamagedError, ForeignError):
            return

    def close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=1000)


def saved(settings: Settings) -> dict[int, States]:
    """The valid snapshots with the highest position of each partition of the changelog, now."""
    return all_saved(settings).highest


def all_saved(settings: Settings) -> Saved:
    """All that the changelog holds now."""
    with closing(reader(settings)) as consumer, closing(Saved(settings)) as found:
        topic = settings.changelog_topic
        ats = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        for batch in read(consumer, ats):
            for record in batch:
                found._take(record.partition, record)
        return found


def wait_saved(world: World, seconds: float = SECONDS) -> float:
    """Wait until the changelog holds a state at the log's end, every partition; how long it took.

    Raises:
        TimeoutError: It did not come to that in time.
    """
    started = monotonic()
    ends = {number: end for number, (_first, end) in world.log_range().items() if end}
    with closing(Saved(world.settings)) as found:
        wait_until(lambda: ends.items() <= found.look().items(), seconds)
    return monotonic() - started


def read(consumer: KafkaConsumer, ats: Iterable[TopicPartition]) -> Iterator[list[Any]]:
    """Every record of these partitions from the beginning to the end that they have now."""
    ats = list(ats)
    consumer.assign(ats)
    consumer.seek_to_beginning(*ats)
    ends = consumer.end_offsets(ats)
    deadline = monotonic() + SECONDS
    while any(consumer.position(at) < ends[at] for at in ats):
        assert monotonic() < deadline, f"{ats} not read to the end"
        yield from consumer.poll(timeout_ms=500, max_records=5000).values()


def reader(settings: Settings) -> KafkaConsumer:
    return KafkaConsumer(
        bootstrap_servers=list(settings.kafka_bootstrap_servers),
        group_id=None,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 * 1024 * 1024,
        metadata_max_age_ms=2000,
    )
