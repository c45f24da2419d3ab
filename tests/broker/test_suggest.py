"""`python -m consumer suggest` on a topic of each shape of event prints a model that works."""

from contextlib import closing
from pathlib import Path

import orjson
import pytest
from kafka import KafkaProducer

from consumer.decode.mapping import Mapping, read_model
from contract.environment import Environment
from producer import PredictionClient
from support.service import LEARNED
from support.waiting import wait_until
from unit.model_files import NAMES
from unit.records import Record
from unit.test_suggest import sample

from .conftest import Start
from .test_model_change import command
from .test_model_file import PARTITIONS

QUICK = "segment"
SAMPLED = [
    pytest.param(name, marks=() if name == QUICK else pytest.mark.slow)
    for name in NAMES
    if name != "late"
]
"""Which events get their labels from other records, nobody can tell from a sample."""


def send(settings: Environment, records: list[Record]) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        for number, it in enumerate(records):
            producer.send(
                settings.events_topic,
                it.value,
                partition=number % PARTITIONS,
                headers=list(it.headers),
                timestamp_ms=it.timestamp,
            )
        producer.flush()


@pytest.mark.parametrize("name", SAMPLED)
def test_the_model_that_is_suggested_learns_and_predicts(
    start: Start, partitioned: Environment, tmp_path: Path, name: str
) -> None:
    records, file = sample(name), tmp_path / "model.toml"
    send(partitioned, records)
    said = command("suggest")
    assert said.returncode == 0, said.stderr
    file.write_text(said.stdout)
    mapping = Mapping(read_model(said.stdout))
    learned = [it for it in records if isinstance(mapping(it), tuple)]
    service = start(MODEL=str(file))
    wait_until(lambda: service.metric(LEARNED) == len(learned))
    with PredictionClient(partitioned) as client:
        answer = client.ask("predict", {"event": orjson.loads(learned[0].value or b"")})
        assert answer["interval"]["low"] <= answer["prediction"] <= answer["interval"]["high"]
        assert client.ask("describe")["outcomes"]["refused"] == 0
