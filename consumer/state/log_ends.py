"""Where the logs of the events topic end: for readiness, and for the lag of other instances."""

from time import monotonic

from kafka import TopicPartition

from consumer.client import NO_LEADER, Consumer, leader_of, offsets
from consumer.context import Context


def note_log_ends(context: Context, consumer: Consumer, partition_count: int) -> None:
    """Ask Kafka for the ends, note them in health, and the lag of what others own in metrics.

    Args:
        context: Where they are noted.
        consumer: Asks; may be a consumer of another topic.
        partition_count: The events topic's.
    """
    places = [
        TopicPartition(context.settings.events_topic, number) for number in range(partition_count)
    ]
    found = offsets.ends(consumer, places)
    health, now = context.health, monotonic()
    health.note_ends(
        {at.partition: end for at, end in found.items()},
        {at.partition: leader_of(consumer, at) != NO_LEADER for at in places},
        now=now,
    )
    context.telemetry.follows(
        {
            number: health.lag(number, position, now=now)
            for number, position in context.served.followed().items()
        }
    )
