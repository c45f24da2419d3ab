"""Is Kafka there, and are our topics? Asked once a second, and at once when a reply waits.

And, every few seconds: has each partition an owner?
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import structlog
from kafka.errors import KafkaError

from consumer.client import NO_LEADER, Admin, Door, Permissions
from consumer.errors import NEW_ID, StateError
from consumer.telemetry import FaultKind, Health, listed

INTERVAL_SECONDS = 1.0
URGENT_SECONDS = 0.1
GROUPS_SECONDS = 3.0
MAX_NAMED = 500
"""Topics that are asked for by name; where more are wanted, it is quicker to ask for all."""

Topics = Mapping[str, int]
"""How many partitions each topic has."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group that we are a member of.

    Attributes:
        name: The group's.
        topic: What it reads.
        rejoin: Makes us join it again; may be called by any thread.
        saw: Told at each look which topic of that name there is.
    """

    name: str
    topic: str
    rejoin: Callable[[], None]
    saw: Callable[[str], None] | None = None


class Watch:
    """A loop of its own over an admin client.

    Args:
        door: Makes the admin client; told whether it comes in.
        permissions: Told what Kafka lets us do.
        health: Where the answer is noted.
        topics: Those to look at, whoever else wants more; what their partitions cost that have no
            leader.
        events: The events topic.
        topic_id: Which topic of that name it was at the start.
        groups: Those that must leave no partition to nobody.
    """

    def __init__(  # noqa: PLR0913
        self,
        door: Door,
        permissions: Permissions,
        health: Health,
        topics: Mapping[str, str],
        events: str,
        topic_id: str,
        *,
        groups: Sequence[Group],
    ) -> None:
        self._door = door
        self._permissions = permissions
        self._health = health
        self._topics = topics
        self._events = events
        self._topic_id = topic_id
        self._groups = groups
        self._look: Callable[[Admin], None] = lambda _admin: None
        self._unowned: dict[str, set[int]] = {}
        self._tended_at = monotonic()
        self._urgent = threading.Event()
        self._admin: Admin | None = None

    def look_soon(self) -> None:
        """Do not wait for the next second."""
        self._urgent.set()

    def run(
        self,
        stop: threading.Event,
        wanted: Callable[[], set[str]],
        saw: Callable[[Topics | None, float], bool],
        look: Callable[[Admin], None],
    ) -> None:
        """Ask until told to stop.

        Args:
            stop: Tells it to stop.
            wanted: Names further topics to look at.
            saw: Gets the topics and the monotonic time; answers whether it is urgent.
            look: Looks at something else with the same client.
        """
        self._look = look
        try:
            while not stop.is_set():
                self._health.beat("watch", now=monotonic())
                topics = self._ask(wanted().union(self._topics))
                urgent = saw(topics, monotonic())
                self._urgent.wait(URGENT_SECONDS if urgent else INTERVAL_SECONDS)
                if urgent:
                    stop.wait(URGENT_SECONDS)
                self._urgent.clear()
        finally:
            self._disconnect()

    def _ask(self, names: set[str]) -> Topics | None:
        try:
            topics = self._described(names)
            wide = {topic["name"]: len(topic["partitions"]) for topic in topics}
        except (KafkaError, OSError) as error:
            heard = self._health.heard(now=monotonic())
            if self._health.kafka and not heard:
                log.warning("Kafka does not answer", error=repr(error))
                self._health.kafka = False
            self._door.shut(error, heard=heard)
            return None
        self._door.opened()
        self._note_leaderless(topics)
        self._look_further(wide)
        if not self._health.kafka:
            log.info("Kafka answers")
        self._health.kafka = True
        ids = {topic["name"]: str(topic["topic_id"]) for topic in topics}
        if ids.get(self._events, self._topic_id) != self._topic_id:
            raise StateError(f"topic {self._events} was recreated while it was read. {NEW_ID}")
        for group in self._groups:
            if group.saw is not None and group.topic in ids:
                group.saw(ids[group.topic])
        return wide

    def _described(self, names: set[str]) -> list[dict[str, Any]]:
        """The topics of these names; asked of another broker where the first does not answer.

        Raises:
            KafkaError: None does.
            OSError: None does.
        """
        asked = list(names) if len(names) <= MAX_NAMED else None
        for last in (False, True):
            try:
                if self._admin is None:
                    self._admin = self._door.admin()
                found = self._admin.describe_topics(asked)
            except (KafkaError, OSError):
                self._disconnect()
                if last:
                    raise
            else:
                break
        self._permissions.saw_topics(found)
        return [topic for topic in found if topic["error_code"] == 0]

    def _look_further(self, wide: Topics) -> None:
        """At the groups, and at what else there is to see; a broker may go meanwhile."""
        try:
            if self._admin is not None:
                self._tend(self._admin, wide)
                self._look(self._admin)
        except (KafkaError, OSError) as error:
            log.debug("not looked at", error=repr(error))
            self._disconnect()

    def _note_leaderless(self, topics: Sequence[Mapping[str, Any]]) -> None:
        """Name the partitions of our topics that nobody can read or write now."""
        for topic in topics:
            name = topic["name"]
            if name not in self._topics:
                continue
            left = sorted(
                partition["partition_index"]
                for partition in topic["partitions"]
                if partition["leader_id"] == NO_LEADER
            )
            self._health.leaderless[name] = len(left)
            about = f"leaders of {name}"
            if left:
                sentence = f"no leader for {listed(left)} of {name}: {self._topics[name]}"
                self._health.faults.saw(about, FaultKind.LEADERLESS, sentence)
            else:
                self._health.faults.over(about)

    def _tend(self, admin: Admin, topics: Topics) -> None:
        """Have a group share anew that leaves a partition to nobody.

        A member that gives a partition up, dies before it joins again, and comes back under its
        name, is given what it kept; and nobody asks for the rest.
        """
        if monotonic() - self._tended_at < GROUPS_SECONDS:
            return
        self._tended_at = monotonic()
        try:
            names = [group.name for group in self._groups]
            found = self._permissions.describe_groups(admin, names)
        except KafkaError as error:  # the coordinator moves
            log.debug("groups not looked at", error=repr(error))
            return
        for group in self._groups:
            if group.name not in found:
                continue
            before = self._unowned.get(group.name, set())
            self._unowned[group.name] = unowned(found[group.name], topics.get(group.topic, 0))
            if lasting := before & self._unowned[group.name]:
                log.warning(
                    "nobody has them: sharing anew", topic=group.topic, partitions=sorted(lasting)
                )
                group.rejoin()

    def _disconnect(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None


def unowned(group: Mapping[str, Any], partitions: int) -> set[int]:
    """The partitions that no member of a settled group has; none while it is still sharing."""
    if group["group_state"] != "Stable":
        return set()
    owned = {
        number
        for member in group["members"]
        for topic in member["member_assignment"]["assigned_partitions"]
        for number in topic["partitions"]
    }
    return set(range(partitions)) - owned
