"""python tests/chaos/questions.py GATEWAY_PORT: ask, and print what became of each question.

Until SIGTERM, 50 times a second, by three clients in turn: librdkafka, PredictionClient and the
gateway. Where Kafka is, and the topics, are in the environment. A line for each question, JSON:
``[client, asked at, seconds, why it failed or null]``. A process of its own: kafka-python leaves
the sockets of failed connections unclosed. ``questions`` starts it for a test.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from itertools import cycle
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic, time
from typing import Any, NamedTuple

import orjson
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Producer, TopicPartition

from contract.environment import Environment
from contract.messages import CORRELATION_ID, REPLY_TO
from producer.client import PredictionClient
from producer.errors import PredictionError
from support.gateway import Connection
from support.waiting import wait_until

RATE = 50
SECONDS = 10.0
TV = 50.0

Ask = Callable[[], Any]


class Outcome(NamedTuple):
    """What became of a question.

    Attributes:
        client: Who asked.
        at: When, seconds of the clock.
        seconds: How long the answer, or the failure, took.
        why: Why it failed; None where it was answered.
    """

    client: str
    at: float
    seconds: float
    why: str | None


class FailedError(Exception):
    """A question was not answered."""


class Librdkafka:
    """Asks once, and leaves the rest to librdkafka's own retries."""

    def __init__(self, settings: Environment) -> None:
        servers = {"bootstrap.servers": ",".join(settings.kafka_bootstrap_servers)}
        self._requests, self._replies = settings.requests_topic, settings.replies_topic
        self._producer = Producer(
            servers | {"acks": "all", "linger.ms": 0, "message.timeout.ms": int(SECONDS * 1000)}
        )
        self._consumer = Consumer(servers | {"group.id": uuid.uuid4().hex})
        topic = self._consumer.list_topics(self._replies, timeout=SECONDS).topics[self._replies]
        self._consumer.assign(
            [TopicPartition(self._replies, number, OFFSET_END) for number in topic.partitions]
        )
        self._waiting: dict[bytes, SimpleQueue[Any]] = {}
        threading.Thread(target=self._take_replies, daemon=True).start()
        threading.Thread(target=self._send, daemon=True).start()

    def ask(self) -> Any:  # noqa: ANN401 - JSON
        asked = uuid.uuid4().hex.encode()
        answer = self._waiting[asked] = SimpleQueue()
        try:
            self._producer.produce(
                self._requests,
                value=orjson.dumps({"method": "predict", "params": {"tv": TV}}),
                headers=[(CORRELATION_ID, asked), (REPLY_TO, self._replies.encode())],
            )
            return answer.get(timeout=SECONDS)
        except Empty as error:
            raise FailedError(f"no reply within {SECONDS:g} s") from error
        except KafkaException as error:
            raise FailedError(str(error)) from error
        finally:
            del self._waiting[asked]

    def _send(self) -> None:
        while True:
            self._producer.poll(0.1)

    def _take_replies(self) -> None:
        while True:
            record = self._consumer.poll(0.1)
            if record is None or record.error():
                continue
            headers: dict[str, Any] = dict(record.headers() or [])
            waiting = self._waiting.get(headers.get(CORRELATION_ID, b""))
            if waiting is not None:
                waiting.put(orjson.loads(record.value() or b"null"))


def by_gateway(port: int) -> Ask:
    """Asks by HTTP, on a connection for each question."""

    def ask() -> Any:  # noqa: ANN401 - JSON
        connection = Connection(port)
        try:
            answer = connection.send("GET", f"/v1/ia/predict?tv={TV}")
            if answer.status != HTTPStatus.OK:
                raise FailedError(f"{answer.status}: {answer.text[:200]}")
        except (OSError, HTTPException) as error:
            raise FailedError(repr(error)) from error
        else:
            return answer.document
        finally:
            connection.close()

    return ask


@contextmanager
def questions(
    folder: Path, environment: Mapping[str, str], gateway_port: int
) -> Iterator[list[Outcome]]:
    """Ask until the end; then the list is filled."""
    outcomes: list[Outcome] = []
    file, log = folder / "questions.jsonl", folder / "questions.log"
    with file.open("wb") as out, log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, __file__, str(gateway_port)],
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=out,
            stderr=said,
        )
        try:
            wait_until(lambda: file.stat().st_size > 0 or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield outcomes
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        finally:
            process.kill()
            process.wait()
    outcomes += (Outcome(*json.loads(line)) for line in file.read_text().splitlines())


def main() -> None:
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    settings = Environment.read()
    lock = threading.Lock()

    def one(client: str, ask: Ask) -> None:
        at, began, why = time(), monotonic(), None
        try:
            reply = ask()
            if "prediction" not in json.dumps(reply):
                why = f"not a prediction: {reply}"
        except (FailedError, PredictionError) as error:
            why = f"{type(error).__name__}: {error}"
        with lock:
            print(json.dumps(Outcome(client, at, monotonic() - began, why)), flush=True)  # noqa: T201

    with PredictionClient(settings, timeout=SECONDS) as predictions:
        clients: dict[str, Ask] = {
            "librdkafka": Librdkafka(settings).ask,
            "PredictionClient": lambda: predictions.predict(tv=TV),
            "gateway": by_gateway(int(sys.argv[1])),
        }
        with ThreadPoolExecutor(3 * RATE * int(SECONDS)) as executor:
            started = monotonic()
            for number, (client, ask) in enumerate(cycle(clients.items())):
                if end.wait(max(0.0, started + number / RATE - monotonic())):
                    break
                executor.submit(one, client, ask)


if __name__ == "__main__":
    main()
