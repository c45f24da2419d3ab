"""Of two applications on the same topics one answers; the other takes over when it is its turn."""

import threading
from collections.abc import Iterator
from contextlib import closing
from time import monotonic

import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import CoordinatorNotAvailableError

from consumer.client.connections import admin
from consumer.respond.claim import STANDING_BY_SECONDS, Claim
from consumer.settings import Settings
from consumer.telemetry.health import Health
from contract.environment import Environment
from producer import PredictionClient, PredictionError
from support.service import LEARNED, Service
from support.waiting import wait_until

from .conftest import Start
from .records import simulate

STANDS_BY = "standing by: application "


def other(names: dict[str, str], **environment: str) -> dict[str, str]:
    """A second application on the same topics."""
    return {
        "APPLICATION_ID": f"{names['APPLICATION_ID']}-2",
        "FORMULA": "sales ~ tv + radio",
        **environment,
    }


def stands_by(service: Service) -> bool:
    return service.status("/livez") != 0 and STANDS_BY in service.page("/readyz")


@pytest.fixture
def client(settings: Environment, service: Service) -> Iterator[PredictionClient]:
    """An asker beside a first application that has learned something."""
    simulate(500)
    wait_until(lambda: service.metric(LEARNED) == 500)
    with PredictionClient(settings) as asking:
        yield asking


@pytest.mark.slow
def test_a_second_application_learns_and_answers_nothing_until_the_first_has_left(
    start: Start, names: dict[str, str], service: Service, client: PredictionClient
) -> None:
    second = start(wait=False, **other(names))
    wait_until(lambda: second.status("/livez") != 0 and second.metric(LEARNED) == 500)
    wait_until(
        lambda: (
            second.page("/readyz") == f"{STANDS_BY}{names['APPLICATION_ID']} answers the requests\n"
        )
    )
    for _ in range(50):
        assert client.predict(tv=50)["application"] == names["APPLICATION_ID"]
    assert second.metric('riverline_requests_total{method="predict",outcome="answered"}') == 0
    assert "standing by" in second.log.read_text()

    assert service.stop() == 0
    # Asked while nobody answers: not lost, but answered by who takes over.
    reply = client.ask("train", timeout=30)
    assert reply["formula"] == "sales ~ tv + radio"
    assert reply["application"] == f"{names['APPLICATION_ID']}-2"
    with pytest.raises(PredictionError):
        client.predict(nonsense=1)
    wait_until(lambda: second.ready)
    again = start(wait=False)
    wait_until(lambda: stands_by(again))
    assert client.ask("train")["formula"] == "sales ~ tv + radio"


@pytest.mark.slow
def test_an_application_that_is_told_to_takes_over_from_one_that_runs(
    start: Start, names: dict[str, str], service: Service, client: PredictionClient
) -> None:
    answered = client.predict(tv=50)
    assert answered["formula"] == "sales ~ tv"
    second = start(TAKE_OVER="true", **other(names))
    wait_until(lambda: stands_by(service))
    for _ in range(20):
        assert client.ask("train", timeout=30)["formula"] == "sales ~ tv + radio"
    assert service.process.poll() is None
    assert second.stop() == 0
    wait_until(lambda: service.ready, 20)  # sooner than its word would have run out
    assert client.ask("train")["formula"] == "sales ~ tv"


@pytest.mark.slow
def test_an_application_that_died_is_followed_when_its_session_has_run_out(
    start: Start, names: dict[str, str], service: Service, client: PredictionClient
) -> None:
    second = start(wait=False, **other(names))
    wait_until(lambda: stands_by(second))
    service.process.kill()
    service.process.wait()
    assert client.ask("train", timeout=60)["formula"] == "sales ~ tv + radio"
    wait_until(lambda: second.ready)


def test_a_group_that_shares_anew_is_there_all_the_while(names: dict[str, str]) -> None:
    """Kafka tells nobody then what its members read."""
    settings = Settings()
    servers, group = settings.kafka_bootstrap_servers, f"{names['APPLICATION_ID']}-0-responder"
    stop = threading.Event()

    def reader() -> KafkaConsumer:
        topic = settings.requests_topic
        # A join that a poll gives up delays the group by a session: the shortest allowed.
        return KafkaConsumer(
            topic, bootstrap_servers=servers, group_id=group, session_timeout_ms=6000
        )

    with closing(admin(settings)) as looking, closing(reader()) as first, closing(reader()) as late:

        def state() -> object:
            try:
                return looking.describe_groups([group])[group]["group_state"]
            except CoordinatorNotAvailableError:
                return None  # Kafka has only begun

        def join() -> None:
            while not stop.is_set():
                late.poll(100)

        with closing(KafkaAdminClient(bootstrap_servers=servers)) as creating:
            creating.create_topics({settings.requests_topic: {"num_partitions": 2}})
        wait_until(lambda: first.poll(100) == {} and state() == "Stable")
        claim = Claim(settings, Health())
        claim.look(looking)
        assert not claim.answering
        joining = threading.Thread(target=join)
        joining.start()
        try:
            wait_until(lambda: state() == "PreparingRebalance")  # for the first one polls no more
            until = monotonic() + STANDING_BY_SECONDS + 0.5
            while monotonic() < until and state() == "PreparingRebalance":
                claim.look(looking)
                assert not claim.answering
            wait_until(lambda: first.poll(100) == {} and state() == "Stable")
        finally:
            stop.set()
            joining.join()
