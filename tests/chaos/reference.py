"""What must be true in the end, whatever died: one offline pass over the log says it.

I1  every partition's saved regression has the SHA-256 of the offline pass at the log's end, bit for
    bit, and its counts add up to the records of the log; its saved history has that of the offline
    pass at the history's position, and what is taken up from the two that of the log's end;
    with ids, each saved segment is that of the offline pass, bit for bit
I3  the set of dead letters, by key, is exactly the set of refused events; repeats are allowed
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import orjson
from kafka import KafkaAdminClient, TopicPartition

from chaos.saved import States, all_saved, read, reader
from chaos.world import World
from consumer.model.partition import Partition
from consumer.model.replay import SavedHistory
from consumer.settings import Settings
from consumer.state import snapshot
from consumer.state.ids import records
from consumer.state.restore import Followed, Found, Log, Valid, start
from consumer.state.snapshot import Part


@dataclass(frozen=True, slots=True)
class Pass:
    """One uninterrupted pass over the log.

    Attributes:
        states: The snapshots of each partition at the log's end, by part.
        at: The hash of each partition's history at those positions that were asked for.
        records: How many records each partition's log has.
        refused: The dead letters' keys that are due.
        segments: What is saved of ids, by partition and the offset each begins at.
    """

    states: dict[int, States]
    at: dict[int, str]
    records: dict[int, int]
    refused: set[str]
    segments: dict[int, dict[int, bytes]] = field(default_factory=dict)


def offline(settings: Settings, histories: dict[int, int]) -> Pass:
    """Read the events topic from its beginning with a plain consumer, and fold it.

    Args:
        settings: Of the service that is judged.
        histories: By partition, where the hash of the history is wanted beside that of the end.
    """
    with closing(reader(settings)) as consumer:
        topic = settings.events_topic
        topic_id = _topic_id(settings)
        made = Pass({}, {}, {}, set())
        for number in sorted(consumer.partitions_for_topic(topic)):
            at = TopicPartition(topic, number)
            partition = Partition(settings.spec, consumer.beginning_offsets([at])[at])
            count = 0
            for batch in read(consumer, [at]):
                count += len(batch)
                place = histories.get(number, 0)
                for part in (
                    [record for record in batch if record.offset < place],
                    [record for record in batch if record.offset >= place],
                ):
                    refused = partition.fold(part).refused
                    made.refused.update(f"{topic}-{number}-{it.record.offset}" for it in refused)
                    made.segments.setdefault(number, {}).update(
                        _sealed(partition, number, topic_id)
                    )
                    if partition.position == place:
                        taken = snapshot.take_history(partition, number, topic_id)
                        made.at[number] = taken.sha256
            made.states[number] = _both(partition, number, topic_id)
            made.records[number] = count
        return made


def _sealed(partition: Partition, number: int, topic_id: str) -> Iterator[tuple[int, bytes]]:
    for one in partition.by_id.take_sealed() if partition.by_id is not None else ():
        yield one.begin, records.write(one, partition.spec, number, topic_id)


def _both(partition: Partition, number: int, topic_id: str) -> States:
    return {
        Part.REGRESSION: snapshot.take(partition, number, topic_id),
        Part.HISTORY: snapshot.take_history(partition, number, topic_id),
    }


def document(world: World, number: int, position: int, part: Part = Part.REGRESSION) -> bytes:
    """What the service would have saved of a part of a partition at this position."""
    settings = world.settings
    with closing(reader(settings)) as consumer:
        at = TopicPartition(settings.events_topic, number)
        partition = Partition(settings.spec, consumer.beginning_offsets([at])[at])
        for batch in read(consumer, [at]):
            partition.fold(record for record in batch if record.offset < position)
    assert partition.position == position
    return snapshot.write(_both(partition, number, _topic_id(settings))[part])


def flip(value: bytes) -> bytes:
    """The same snapshot but for one character of its numbers."""
    place = value.index(b'"pending":"') + len(b'"pending":"') + 2
    return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]


@dataclass(slots=True)
class Verdict:
    """Whether the invariants hold.

    Attributes:
        records: In the log.
        refused: Of them, by the offline pass.
        letters: Dead letters, repeats among them.
        faults: What does not hold, a sentence each.
    """

    records: int = 0
    refused: int = 0
    letters: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        held = "; ".join(self.faults) or "I1 and I3 hold"
        return (
            f"{self.records} records, {self.refused} refused, {self.letters} dead letters "
            f"({self.letters - self.refused} more than refused): {held}"
        )


def judge(world: World, *, old: bool = False) -> Verdict:
    """Compare what was saved with the offline pass, and the dead letters with what was refused.

    Args:
        world: Whose states.
        old: Whether they began in format 2, which kept less.
    """
    settings = world.settings
    everything = all_saved(settings)
    found, segments = everything.highest, everything.segments
    histories = {
        number: states[Part.HISTORY].position
        for number, states in found.items()
        if Part.HISTORY in states
    }
    due = offline(settings, histories)
    letters = Counter(dead_letters(settings))
    verdict = Verdict(sum(due.records.values()), len(due.refused), letters.total())
    verdict.faults += _states(due, found, old=old)
    verdict.faults += _histories(settings, due, found, segments)
    verdict.faults += [
        f"I1: partition {number}: other bits in the segment from {begin}"
        for number, of_partition in segments.items()
        for begin, value in of_partition.items()
        if due.segments[number].get(begin) != value
    ]
    if missing := due.refused - letters.keys():
        verdict.faults.append(f"I3: {len(missing)} dead letters are missing")
    if wrong := letters.keys() - due.refused:
        verdict.faults.append(f"I3: {len(wrong)} dead letters are of events not refused")
    return verdict


def dead_letters(settings: Settings) -> Iterator[str]:
    """The keys on the dead-letter topic."""
    with closing(reader(settings)) as consumer:
        topic = settings.dead_letter_topic
        ats = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        for batch in read(consumer, ats):
            yield from (record.key.decode() for record in batch)


def _states(due: Pass, found: dict[int, States], *, old: bool) -> Iterator[str]:
    for number, states in due.states.items():
        state = states[Part.REGRESSION]
        if Part.REGRESSION not in found[number]:
            if due.records[number]:
                yield f"I1: partition {number} has no snapshot"
            continue
        theirs = found[number][Part.REGRESSION]
        if theirs.position != state.position:
            yield f"I1: partition {number} is at {theirs.position}, due is {state.position}"
        same = _without_later(theirs.state) == _without_later(state.state)
        if not (same if old else theirs.sha256 == state.sha256):
            yield f"I1: partition {number}: other bits ({_difference(theirs.state, state.state)})"
        counted = sum(theirs.state["counts"].values())
        if counted != due.records[number]:
            yield f"I1: partition {number} counts {counted} of {due.records[number]} records"


def _histories(
    settings: Settings,
    due: Pass,
    found: dict[int, States],
    segments: dict[int, dict[int, bytes]],
) -> Iterator[str]:
    """Each saved history is that of its position, and read on it is that of the log's end."""
    for number, state in due.states.items():
        theirs = found[number].get(Part.HISTORY)
        if theirs is not None and theirs.sha256 != due.at.get(number):
            yield f"I1: partition {number}: other bits in the history at {theirs.position}"
        if Part.REGRESSION in found[number]:
            partition = _read_on(settings, number, found[number], segments.get(number, {}))
            again = snapshot.take_history(partition, number, theirs.topic_id if theirs else "")
            if theirs is not None and again.sha256 != state[Part.HISTORY].sha256:
                yield f"I1: partition {number}: other bits in the history that is read on"


def _read_on(
    settings: Settings, number: int, states: States, segments: dict[int, bytes]
) -> Partition:
    """What a service would take up from these, at the log's end."""
    spec = settings.spec
    with closing(reader(settings)) as consumer:
        at = TopicPartition(settings.events_topic, number)
        begin, end = consumer.beginning_offsets([at])[at], consumer.end_offsets([at])[at]
        regression = states[Part.REGRESSION]
        history: Found[SavedHistory] = Found()
        if (known := states.get(Part.HISTORY)) is not None:
            history = Found(Valid(known.position, known.topic_id, known.history(spec)))
        followed = Followed(
            Found(Valid(regression.position, regression.topic_id, regression)), history, segments
        )
        log = Log(settings.events_topic, regression.topic_id, number, begin, end)
        partition = start(spec, log, followed)
        for batch in read(consumer, [at]):
            partition.fold(batch)
    return partition


def _without_later(state: dict[str, Any]) -> dict[str, Any]:
    """What format 2 had too: neither what robust errors rest on, nor counts of intervals."""
    state = orjson.loads(orjson.dumps(state))
    state["statistics"].pop("pairs", None)
    del state["errors"]["covered"]
    return state


def _difference(theirs: dict[str, Any], due: dict[str, Any]) -> str:
    due = orjson.loads(orjson.dumps(due))
    names = [name for name in due if theirs.get(name) != due[name]]
    return f"{', '.join(names)}; counts {theirs['counts']}, due {due['counts']}"


def _topic_id(settings: Settings) -> str:
    servers = list(settings.kafka_bootstrap_servers)
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        (topic,) = admin.describe_topics([settings.events_topic])
        return str(topic["topic_id"])
