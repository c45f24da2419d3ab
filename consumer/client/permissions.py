"""The permissions that the service needs, which of them Kafka grants, and what a missing one costs.

Each description of a topic, a group or the cluster lists the operations that Kafka allows us
(KIP-430), so that a missing permission is known before anything fails. The exception is a group
that does not exist yet: there the consumer is refused, and reports it with ``refused``.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from kafka.errors import (
    AuthorizationError,
    ClusterAuthorizationFailedError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    NotCoordinatorError,
    TopicAuthorizationFailedError,
)

from consumer.client.connections import group_id
from consumer.client.protocols import Admin
from consumer.settings import Settings
from consumer.telemetry import FaultKind, Faults

ABOUT_START = "what Kafka allows us at the start"
CLUSTER = "kafka-cluster"
QUOTED = re.compile(r"'([^']+)'")
"""The resource's name in the messages of some errors of kafka-python's admin client."""

RETRY_SECONDS = 0.5
"""How long to wait before trying a refused operation again: an ACL may be added at any time."""

_RESOURCES = (
    (TopicAuthorizationFailedError, "topic"),
    (GroupAuthorizationFailedError, "group"),
    (ClusterAuthorizationFailedError, "cluster"),
)


class NotAllowedError(AuthorizationError):  # type: ignore[misc]  # kafka-python has no types
    """An operation that the service needs now is not allowed; to be tried again later.

    Attributes:
        sentence: What is not allowed, and what it costs.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Need(NamedTuple):
    """A permission that the service needs.

    Attributes:
        kind: The kind of resource: topic, group or cluster.
        name: The resource's name.
        operation: Kafka's name of the operation.
        costs: What does not happen without it.
        vital: Whether without it something is not learned, not answered or not saved.
    """

    kind: str
    name: str
    operation: str
    costs: str
    vital: bool = True

    @property
    def about(self) -> str:
        """The permission in words."""
        return f"{self.operation} on {self.kind} {self.name}"

    @property
    def sentence(self) -> str:
        """What is wrong where it is missing."""
        return f"Kafka does not allow us {self.about}: {self.costs} until an ACL does"


def needs(settings: Settings) -> list[Need]:
    """All permissions that the service needs; READ and WRITE include DESCRIBE."""
    events, requests = settings.events_topic, settings.requests_topic
    replies, changelog = settings.replies_topic, settings.changelog_topic
    asked_to_learn = "events sent as requests are refused"
    others = "questions that wait for another instance's positions wait for its checkpoint"
    found = [
        Need("topic", events, "READ", "nothing is learned"),
        Need("topic", events, "WRITE", asked_to_learn, vital=False),
        Need("topic", requests, "READ", "nothing is answered"),
        Need("topic", replies, "WRITE", "replies to it wait"),
        Need("topic", changelog, "READ", "no saved state is read"),
        Need("topic", changelog, "WRITE", "what is learned is not saved"),
        *(
            Need("topic", settings.demand_topic, operation, others, vital=False)
            for operation in ("READ", "WRITE")
        ),
        Need("topic", settings.dead_letter_topic, "WRITE", "dead letters wait, nothing is saved"),
        Need("group", group_id(settings, "learner"), "READ", "nothing is learned"),
        Need("group", group_id(settings, "responder"), "READ", "nothing is answered"),
        Need(
            "cluster",
            CLUSTER,
            "DESCRIBE",
            "whether another application answers is not known",
            vital=False,
        ),
    ]
    if settings.predictions_topic is not None:
        costs = "predictions of events wait, nothing is saved"
        found.append(Need("topic", settings.predictions_topic, "WRITE", costs))
    unseen = "what its settings cost is not known"
    return found + [
        Need("topic", name, "DESCRIBE_CONFIGS", unseen, vital=False)
        for name in (events, requests, replies, changelog)
    ]


class Permissions:
    """Which permissions we have now; reports those that are missing as faults.

    ``writable`` and ``may_write`` are callable from any thread.

    Args:
        settings: The names of our topics and groups.
        faults: Where missing permissions are reported.
    """

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self._needs = needs(settings)
        self._faults = faults
        self._allowed: dict[tuple[str, str], Collection[str] | None] = {}

    def require(self, admin: Admin) -> None:
        """Check all permissions at the start.

        Raises:
            NotAllowedError: A vital one is missing.
            KafkaError: Kafka is not reachable.
        """
        self._note_topics(admin.describe_topics(self._names("topic")))
        self.describe_groups(admin, self._names("group"))
        missing = [need for need in self._needs if not self._has(need)]
        if any(need.vital for need in missing):
            raise NotAllowedError("; ".join(need.sentence for need in missing))

    def saw_topics(self, described: Sequence[Mapping[str, Any]]) -> None:
        """Update from descriptions of topics, ours or others, and report what is missing."""
        self._note_topics(described)
        self._tell("topic")

    def describe_groups(self, admin: Admin, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Describe these groups and the cluster, and report what is missing.

        Returns:
            The descriptions, without those of groups that we may not see, or whose coordinator is
            not available.

        Raises:
            KafkaError: Kafka is not reachable.
        """
        self._allowed["cluster", CLUSTER] = admin.describe_cluster()["authorized_operations"]
        found = dict[str, Mapping[str, Any]]()
        for name in names:
            try:
                found[name] = admin.describe_groups([name])[name]
            except GroupAuthorizationFailedError:
                self._note("group", name, ())
            except (CoordinatorNotAvailableError, NotCoordinatorError):
                continue
            else:
                self._note("group", name, found[name]["authorized_operations"])
        self._tell("cluster")
        self._tell("group")
        return found

    def note_denial(self, error: AuthorizationError) -> None:
        """Note that a consumer was refused, which is how Kafka refuses a group that is new."""
        if isinstance(error, GroupAuthorizationFailedError):
            for name in _names(error.args):
                self._allowed["group", name] = ()
            self._tell("group")

    def writable(self, topics: Mapping[str, int] | None) -> Mapping[str, int] | None:
        """The topics without those that we may not write to, as far as is known."""
        return topics and {name: wide for name, wide in topics.items() if self.may_write(name)}

    def may_write(self, topic: str) -> bool:
        """Whether Kafka lets us write to this topic, as far as is known."""
        allowed = self._allowed.get(("topic", topic))
        return allowed is None or "WRITE" in allowed

    def _names(self, kind: str) -> list[str]:
        return sorted({need.name for need in self._needs if need.kind == kind})

    def _note_topics(self, described: Sequence[Mapping[str, Any]]) -> None:
        for topic in described:
            denied = topic["error_code"] == TopicAuthorizationFailedError.errno
            self._note("topic", topic["name"], () if denied else topic["authorized_operations"])

    def _note(self, kind: str, name: str, allowed: Collection[str] | None) -> None:
        """Note the operations allowed on a resource; None (not told) changes nothing."""
        if allowed is not None or self._allowed.get((kind, name)) is None:
            self._allowed[kind, name] = allowed

    def _has(self, need: Need) -> bool:
        """Whether we have the permission, as far as is known."""
        allowed = self._allowed.get((need.kind, need.name))
        return allowed is None or need.operation in allowed

    def _tell(self, kind: str) -> None:
        for need in self._needs:
            if need.kind != kind:
                continue
            if self._has(need):
                self._faults.over(need.about)
            else:
                self._faults.saw(
                    need.about, FaultKind.PERMISSION, need.sentence, unready=need.vital
                )


def forbidden(error: AuthorizationError, costs: str) -> str:
    """A sentence for a refused operation that is not among ``needs``.

    Args:
        error: What the client raised; it names the resource if Kafka did.
        costs: What does not happen until it is allowed.
    """
    kind = next((name for of, name in _RESOURCES if isinstance(error, of)), "resource")
    names = ", ".join(_names(error.args))
    if isinstance(error, ClusterAuthorizationFailedError):
        resource = "the cluster"
    elif names:
        resource = f"{kind} {names}"
    else:
        resource = f"a {kind}"
    return f"Kafka does not allow us what we need on {resource}: {costs} until an ACL does"


def _names(arguments: tuple[object, ...]) -> list[str]:
    """The resource names in an error's arguments, which may be strings or collections."""
    names = set[str]()
    for argument in arguments:
        several = argument if isinstance(argument, set | frozenset | list | tuple) else [argument]
        for name in several:
            if isinstance(name, str):
                names |= set(QUOTED.findall(name) or [name])
    return sorted(names)
