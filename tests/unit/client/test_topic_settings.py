"""What the settings of topics that were there before us mean."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from kafka.errors import UnknownTopicOrPartitionError

from consumer.client.protocols import Admin
from consumer.client.topics.creation import TopicError, ensure_changelog, topic_id
from consumer.client.topics.replication import Replication
from consumer.client.topics.settings import (
    Config,
    of_changelog,
    of_events,
    of_replies,
    of_requests,
    read_configs,
)
from contract.topics import MAX_SNAPSHOT_BYTES

Check = Callable[[Config], Iterator[tuple[str, str]]]

ALONE = Replication(1, 1)
FOR_EVER = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": "1048588",
}


def told(check: Check, **settings: str) -> list[str]:
    own = {name.replace("_", "."): value for name, value in settings.items()}
    return [f"{setting}: {means}" for setting, means in check(FOR_EVER | own)]


def test_topics_as_we_make_them_are_nothing_to_speak_of() -> None:
    assert told(of_events) == told(of_requests) == told(of_replies) == []
    ours = {"cleanup_policy": "compact", "max_message_bytes": str(MAX_SNAPSHOT_BYTES)}
    assert told(of_changelog, **ours) == []


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (604_800_000, "7 days"),
        (86_400_000, "1 day"),
        (5_400_000, "1.5 hours"),
        (1000, "1 second"),
        (0, "0 seconds"),
    ],
)
def test_finite_retention_of_events_says_how_far_back_a_relearning_reaches(
    ms: int, words: str
) -> None:
    (said,) = told(of_events, retention_ms=str(ms))
    assert said.startswith(f"retention.ms={ms}: a relearning can reach back {words}: older")


def test_a_limit_in_bytes_is_one_too() -> None:
    (said,) = told(of_events, retention_bytes=str(3 * 2**29))
    assert "a relearning can reach back 1.5 GiB of each partition" in said


def test_compacted_events_are_lost_to_a_relearning() -> None:
    (said,) = told(of_events, cleanup_policy="compact", retention_ms="604800000")
    assert said.startswith("cleanup.policy=compact: ")
    assert "a relearning" in said
    both = told(of_events, cleanup_policy="compact,delete", retention_ms="604800000")
    assert [line.partition("=")[0] for line in both] == ["cleanup.policy", "retention.ms"]


@pytest.mark.parametrize("check", [of_requests, of_replies])
@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_requests_and_replies_need_no_key(check: Check, policy: str) -> None:
    (said,) = told(check, cleanup_policy=policy)
    assert "without a key" in said


def test_a_changelog_that_refuses_large_snapshots_is_told() -> None:
    (said,) = told(of_changelog, cleanup_policy="compact")
    assert "max.message.bytes=1048588: Kafka refuses a snapshot of more than 1 MiB" in said


class MemoryAdmin:
    """Topics of one partition, with this cleanup.policy; None where it is not shown.

    Topics without one are not there yet.
    """

    def __init__(self, **configs: str | None) -> None:
        self.configs = configs

    def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]:
        return [
            {"name": name, "topic_id": "1", "error_code": 0, "partitions": [0]}
            if name in self.configs
            else {"name": name, "topic_id": "0", "error_code": 3, "partitions": []}
            for name in topics
        ]

    def describe_configs(self, resources: list[Any], *, config_filter: str) -> dict[str, Any]:
        assert config_filter == "all"
        shown = {resource.name: self.configs[resource.name] for resource in resources}
        return {
            "topic": {
                name: {} if policy is None else {"cleanup.policy": {"value": policy}}
                for name, policy in shown.items()
            }
        }


def admin(**configs: str | None) -> Admin:
    return cast("Admin", MemoryAdmin(**configs))


def test_settings_that_are_not_shown_are_not_made_up() -> None:
    assert read_configs(admin(a="compact", b=None), ["a", "b"]) == {
        "a": {"cleanup.policy": "compact"}
    }
    ensure_changelog(admin(events=None, changelog=None), "changelog", "events", ALONE)


@pytest.mark.parametrize("policy", ["delete", "compact,delete", "delete,compact", ""])
def test_a_changelog_that_loses_states_is_refused(
    policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.client.topics.creation.VISIBLE_SECONDS", 0.0)
    with pytest.raises(TopicError, match=rf"changelog must have .* and has {policy}:"):
        ensure_changelog(admin(events="delete", changelog=policy), "changelog", "events", ALONE)


def test_a_topic_that_is_not_shown_yet_is_waited_for_and_not_taken_for_one_without_partitions() -> (
    None
):
    with pytest.raises(UnknownTopicOrPartitionError):
        topic_id(admin(), "requests")
    with pytest.raises(UnknownTopicOrPartitionError):
        ensure_changelog(admin(changelog="compact"), "changelog", "events", ALONE)
