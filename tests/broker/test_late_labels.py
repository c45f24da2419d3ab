"""Labels that come in records of their own, through a real Kafka and a restart."""

from contextlib import closing

import numpy as np
import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from contract.environment import Environment
from producer import PredictionClient, PredictionError
from support.service import LEARNED
from support.waiting import wait_until
from unit.model_files import EXAMPLES

from .conftest import Start
from .test_model_file import PARTITIONS

SHOWN, BOUGHT = 240, 160
START_MS = 1_780_000_000_000
HOUR_MS = 3_600_000


def impression(number: int) -> dict[str, object]:
    hour = f"2026-06-01T{number % 24:02}:00:00Z"
    properties = {"impression_id": f"i{number}", "price": 1.0 + number % 7}
    return {"event": "Ad Shown", "sent_at": hour, "properties": properties}


def order(number: int, revenue: float) -> dict[str, object]:
    properties = {"impression_id": f"i{number}", "revenue": revenue}
    return {"event": "Order Completed", "properties": properties}


def revenue(number: int) -> float:
    return 3.0 * (1.0 + number % 7) + 0.5 * (number % 24) + 0.1 * (number % 5)


def send(settings: Environment, events: list[tuple[int, int, dict[str, object]]]) -> None:
    """Send records, each with the number of its impression and its time in ms."""
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)) as producer:
        for number, at_ms, value in events:
            producer.send(
                settings.events_topic,
                orjson.dumps(value),
                key=f"i{number}".encode(),
                partition=number % PARTITIONS,
                timestamp_ms=START_MS + at_ms,
            )
        producer.flush()


def reasons(settings: Environment) -> list[str]:
    servers = list(settings.kafka_bootstrap_servers)
    with closing(KafkaConsumer(bootstrap_servers=servers, group_id=None)) as consumer:
        at = [
            TopicPartition(settings.dead_letter_topic, number)
            for number in consumer.partitions_for_topic(settings.dead_letter_topic)
        ]
        consumer.assign(at)
        consumer.seek_to_beginning(*at)
        ends, found = consumer.end_offsets(at), []
        while any(consumer.position(it) < end for it, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                found += [dict(it.headers)["riverline.reason"].decode() for it in records]
        return sorted(found)


def test_an_order_labels_its_impression_across_a_restart(
    start: Start, partitioned: Environment
) -> None:
    model = str(EXAMPLES / "late.toml")
    service = start(MODEL=model)
    send(partitioned, [(n, n, impression(n)) for n in range(SHOWN)])
    wait_until(lambda: service.metric("riverline_events_waiting") == SHOWN)
    with (
        PredictionClient(partitioned) as client,
        pytest.raises(PredictionError, match=f"{SHOWN} events wait for their labels"),
    ):
        client.ask("describe")
    assert service.stop() == 0
    service = start(MODEL=model)

    labels = [(n, HOUR_MS + n, order(n, revenue(n))) for n in range(BOUGHT)]
    again = [(n, HOUR_MS + SHOWN + n, impression(n)) for n in range(10)]
    faults = [
        (1, HOUR_MS, order(1, -999.0)),  # out of the range
        (2, 2 * HOUR_MS, order(2, revenue(2) + 1)),  # another label than before
        (3, 2 * HOUR_MS, order(SHOWN + 3, 1.0)),  # of no impression
        (4, 2 * HOUR_MS, impression(4) | {"sent_at": "2026-06-01T23:00:00Z"}),  # another event
    ]
    send(partitioned, labels + again + faults)
    wait_until(lambda: service.metric(LEARNED) == BOUGHT)
    with PredictionClient(partitioned) as client:
        wait_until(lambda: client.ask("describe")["outcomes"]["refused"] == len(faults))
        described, table = client.ask("describe"), client.ask("train")
        late = described["late_labels"]
        assert (late["waiting"], late["matched"], late["repeated"], late["expired"]) == (
            SHOWN - BOUGHT,
            BOUGHT,
            len(again),
            0,
        )
        records = SHOWN + BOUGHT + len(again) + len(faults)
        assert sum(described["outcomes"].values()) == records
        assert reasons(partitioned) == [
            "conflicting-event",
            "conflicting-label",
            "orphan-label",
            "out-of-range",
        ]
        x = np.array([[1.0, 1.0 + n % 7, n % 24] for n in range(BOUGHT)])
        known, *_ = np.linalg.lstsq(x, np.array([revenue(n) for n in range(BOUGHT)]), rcond=None)
        found = [row["coef"] for row in table["coefficients"].values()]
        assert found == pytest.approx(known.tolist(), rel=1e-8, abs=1e-8)
        assert table["prequential"]["scored"] == "as-served"

        # A day later the others have brought nothing: that is their label.
        send(partitioned, [(n, 26 * HOUR_MS, impression(n)) for n in range(SHOWN, SHOWN + 3)])
        wait_until(lambda: client.ask("describe")["late_labels"]["by_absence"] == SHOWN - BOUGHT)
        assert client.ask("train")["n"] == SHOWN
        share = client.ask("train")["labelled_by_absence"]
        assert share == pytest.approx((SHOWN - BOUGHT) / SHOWN)
