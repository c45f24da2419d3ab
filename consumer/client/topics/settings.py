"""Checks the settings of existing topics, and warns of those with consequences for the service."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import structlog
from kafka.admin import ConfigResource, ConfigResourceType

from consumer.client.protocols import Admin
from consumer.client.topics.replication import of_replicas
from consumer.settings import Settings
from contract.topics import MAX_SNAPSHOT_BYTES

READ = (
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "max.message.bytes",
    "min.insync.replicas",
)
POSITIONS_TOPIC = "__consumer_offsets"
"""Kafka's topic of committed offsets: if a partition has no leader, its groups come to a halt."""

Config = Mapping[str, str]
"""The settings named in READ, of one topic."""

_TIMES = ((86_400_000, "days"), (3_600_000, "hours"), (60_000, "minutes"), (1000, "seconds"))
_SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))

log = structlog.get_logger()


class Finding(NamedTuple):
    """A topic's setting with a consequence.

    Attributes:
        topic: The topic.
        setting: NAME=VALUE.
        means: The consequence.
    """

    topic: str
    setting: str
    means: str


def read_configs(admin: Admin, names: Sequence[str]) -> dict[str, Config]:
    """The settings of the topics, except those whose settings we may not see.

    Raises:
        KafkaError: Kafka is not reachable.
    """
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, list(READ)) for name in names]
    # Without "all", settings that have the broker's default are left out. A topic whose settings
    # are denied to us comes with none, and without an error.
    found = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return {
        name: {setting: str(entry["value"]) for setting, entry in settings.items()}
        for name, settings in found.items()
        if settings
    }


def look(admin: Admin, settings: Settings, brokers: int) -> list[Finding]:
    """Check the settings of our topics.

    Args:
        admin: The admin client.
        settings: The names of our topics.
        brokers: The number of brokers.

    Raises:
        KafkaError: Kafka is not reachable.
    """
    checks = {
        settings.events_topic: of_events,
        settings.requests_topic: of_requests,
        settings.replies_topic: of_replies,
        settings.changelog_topic: of_changelog,
    }
    named = [*checks, settings.dead_letter_topic, POSITIONS_TOPIC]
    there = {topic["name"]: topic for topic in admin.describe_topics(named)}
    configs = read_configs(admin, [name for name in named if not there[name]["error_code"]])
    if hidden := checks.keys() - configs.keys():
        log.info("settings not shown to us, not checked", topics=sorted(hidden))
    findings = [
        Finding(name, *found)
        for name in checks.keys() & configs.keys()
        for found in checks[name](configs[name])
    ]
    for name in named:
        own = name != POSITIONS_TOPIC
        least = int(configs[name]["min.insync.replicas"]) if own and name in configs else None
        copies = of_replicas(there[name]["partitions"], least, brokers)
        findings += [Finding(name, *found) for found in copies]
    return findings


def warn(findings: Sequence[Finding]) -> None:
    """Log a warning for each finding."""
    for topic, setting, means in findings:
        log.warning("a setting has a price", topic=topic, setting=setting, means=means)


def of_events(config: Config) -> Iterator[tuple[str, str]]:
    """Deleted events cannot be learned again by another APPLICATION_ID."""
    policy = config["cleanup.policy"]
    if "compact" in policy:
        means = (
            "Kafka refuses events without a key, and keeps only the last of those with the same "
            "key: a relearning, or a consumer that is behind, never sees the others"
        )
        yield f"cleanup.policy={policy}", means
    if "delete" in policy:
        for setting, units, of in (
            ("retention.ms", _TIMES, ""),
            ("retention.bytes", _SIZES, " of each partition"),
        ):
            if (limit := int(config[setting])) >= 0:
                reach = f"a relearning can reach back {_words(limit, units)}{of}"
                yield f"{setting}={limit}", f"{reach}: older events are deleted"


def of_requests(config: Config) -> Iterator[tuple[str, str]]:
    """Requests may come without a key, which a compacted topic refuses."""
    if "compact" in config["cleanup.policy"]:
        means = "Kafka refuses requests without a key"
        yield f"cleanup.policy={config['cleanup.policy']}", means


def of_replies(config: Config) -> Iterator[tuple[str, str]]:
    """A reply has its request's key, and that may be null, which a compacted topic refuses."""
    if "compact" in config["cleanup.policy"]:
        means = "Kafka refuses the replies to requests without a key: those get no answer"
        yield f"cleanup.policy={config['cleanup.policy']}", means


def of_changelog(config: Config) -> Iterator[tuple[str, str]]:
    """A snapshot is one record, and must fit."""
    if (limit := int(config["max.message.bytes"])) < MAX_SNAPSHOT_BYTES:
        size = _words(limit, _SIZES)
        means = f"Kafka refuses a snapshot of more than {size}: the state would be saved no more"
        yield f"max.message.bytes={limit}", f"{means}; {MAX_SNAPSHOT_BYTES} is enough for any"


def _words(amount: int, units: Sequence[tuple[int, str]]) -> str:
    """An amount in the largest unit that it reaches: "7 days"."""
    size, unit = next((unit for unit in units if amount >= unit[0]), units[-1])
    number = f"{amount / size:.3g}"
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}"
