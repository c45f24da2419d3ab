"""The requests topic is deleted and recreated under a running service."""

from contextlib import closing, suppress

from kafka import KafkaAdminClient
from kafka.errors import TopicAlreadyExistsError

from contract.environment import Environment
from producer import PredictionClient
from support.service import LEARNED, Service
from support.waiting import wait_until

VALUES = {"tv": 1.0, "radio": 2.0, "newspaper": 3.0, "sales": 4.0}
PARTITIONS = 4


def recreate(settings: Environment, topic: str) -> None:
    """Delete the topic and create it as soon as Kafka lets us."""

    def created() -> bool:
        with suppress(TopicAlreadyExistsError):
            admin.create_topics({topic: {"num_partitions": PARTITIONS}})
            return True
        return False

    with closing(
        KafkaAdminClient(bootstrap_servers=list(settings.kafka_bootstrap_servers))
    ) as admin:
        admin.delete_topics([topic])
        wait_until(created)


def test_requests_of_a_recreated_topic_are_answered_and_learned(
    service: Service, settings: Environment
) -> None:
    asked = 10 * PARTITIONS  # so that every partition's first offsets come again
    with PredictionClient(settings) as client:
        for life in (1, 2, 3):
            for _ in range(asked):
                client.ask("learn", VALUES)
            assert service.metric(LEARNED) == life * asked
            if life < 3:
                recreate(settings, settings.requests_topic)
    assert service.log.read_text().count("the requests topic was recreated") == 2
