"""State that cannot be saved is an alarm, and none any more when it can."""

from contextlib import closing

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from contract.environment import Environment
from contract.topics import changelog
from support.service import LEARNED
from support.waiting import wait_until

from .conftest import Start
from .records import EVENT, produce

FAILED = "riverline_snapshots_failed_total"


@pytest.mark.slow
def test_a_snapshot_that_kafka_refuses_is_an_alarm_until_one_is_taken(
    start: Start, names: dict[str, str], settings: Environment, kafka: str
) -> None:
    topic = changelog(f"{names['APPLICATION_ID']}-changelog", 1)
    config = {**topic.config, "max.message.bytes": "1000"}
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({settings.events_topic: {"num_partitions": 1}})
        admin.create_topics({topic.name: {"num_partitions": 1, "configs": config}})
        service = start(CHECKPOINT_INTERVAL_MS="200")
        produce(settings, settings.events_topic, *[{"value": EVENT}] * 10)
        wait_until(lambda: service.metric(LEARNED) == 10)
        wait_until(lambda: not service.ready)
        reason = service.page("/readyz")
        assert "partition 0 has not been saved for" in reason
        assert "MessageSizeTooLargeError" in reason
        failed = service.metric(FAILED)
        wait_until(lambda: service.metric(FAILED) > failed)  # it is tried again
        errors = [line for line in service.log.read_text().splitlines() if "level=error" in line]
        assert len(errors) == 1
        assert "snapshot not saved" in errors[0]

        larger = {"max.message.bytes": topic.config["max.message.bytes"]}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=larger)])
        wait_until(lambda: service.ready)
        assert "snapshots are saved again" in service.log.read_text()
        assert service.stop() == 0
    again = start()
    assert again.metric("riverline_model_events") == 10
    assert again.metric("riverline_restore_replayed_events_total") == 0
