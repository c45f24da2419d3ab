"""Predictions asked all the time by three kinds of clients, and what became of each."""

import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from time import monotonic
from typing import Any, Self

import orjson
from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from chaos.world import World
from contract.messages import CORRELATION_ID, REPLY_TO
from gateway.running import JSON, Connection, Gateway
from producer import PredictionClient, PredictionError, PredictionTimeoutError

PATIENCE_SECONDS = 10.0
AGAIN_SECONDS = 2.0
"""How long librdkafka's asker waits for an answer before it asks again, with the same id."""

QUESTION = orjson.dumps({"method": "predict", "params": {"tv": 50.0}})
AT_ONCE = 200
"""Questions of one kind that may be open: 17 a second for ten seconds, and some more."""


@dataclass(slots=True)
class Question:
    """One question.

    Attributes:
        kind: Who asked.
        asked: When, by the monotonic clock.
        answered: When, or None.
        fault: Why not.
    """

    kind: str
    asked: float
    answered: float | None = None
    fault: str = ""


class Questions:
    """Asks so many a second of each kind until it is left; all answers have come by then or never.

    Args:
        world: Whose service is asked.
        gateway: The gateway that is asked too.
        rate: Questions a second of each kind.
    """

    def __init__(self, world: World, gateway: Gateway, rate: float) -> None:
        self.all: list[Question] = []
        self._stop = threading.Event()
        self._rate = rate
        self._world = world
        self._gateway = gateway
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            client = stack.enter_context(
                PredictionClient(self._world.settings, timeout=PATIENCE_SECONDS)
            )
            pool = stack.enter_context(ThreadPoolExecutor(3 + 2 * AT_ONCE))
            stack.callback(self._stop.set)
            pool.submit(self._often, pool, "PredictionClient", lambda: self._by_client(client))
            pool.submit(self._often, pool, "gateway", self._by_gateway)
            self._librdkafka = pool.submit(self._by_librdkafka)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._librdkafka.result()

    def _often(self, pool: ThreadPoolExecutor, kind: str, ask: Callable[[], str]) -> None:
        while not self._stop.wait(1 / self._rate):
            question = Question(kind, monotonic())
            self.all.append(question)
            pool.submit(self._one, question, ask)

    @staticmethod
    def _one(question: Question, ask: Callable[[], str]) -> None:
        try:
            question.fault = ask()
        except BaseException as error:  # none of these is documented
            question.fault = f"undocumented: {error!r}"
            raise
        if not question.fault:
            question.answered = monotonic()

    @staticmethod
    def _by_client(client: PredictionClient) -> str:
        try:
            client.predict(tv=50.0)
        except (PredictionError, PredictionTimeoutError) as error:
            return str(error)
        return ""

    def _by_gateway(self) -> str:
        connection = Connection(self._gateway.port)
        try:
            answer = connection.send("POST", "/predict", json.dumps({"tv": 50.0}), JSON)
        except (OSError, HTTPException) as error:
            return repr(error)
        finally:
            connection.close()
        return "" if answer.status == HTTPStatus.OK else f"{answer.status} {answer.text}"

    def _by_librdkafka(self) -> None:
        names = self._world.names
        servers = {"bootstrap.servers": self._world.servers}
        quick = {"topic.metadata.refresh.interval.ms": 1000, "reconnect.backoff.max.ms": 500}
        consumer = Consumer(servers | quick | {"group.id": uuid.uuid4().hex, "log_level": 0})
        producer = Producer(
            servers | quick | {"acks": "all", "message.timeout.ms": 10_000, "log_level": 0}
        )
        topic = consumer.list_topics(names["REPLIES_TOPIC"], timeout=10)
        places = [
            TopicPartition(names["REPLIES_TOPIC"], number, OFFSET_END)
            for number in sorted(topic.topics[names["REPLIES_TOPIC"]].partitions)
        ]
        consumer.assign(places)
        open_ones: dict[bytes, tuple[Question, float]] = {}

        def send(own: bytes) -> None:
            headers = {CORRELATION_ID: own, REPLY_TO: names["REPLIES_TOPIC"].encode()}
            producer.produce(names["REQUESTS_TOPIC"], QUESTION, headers=dict(headers))

        due = monotonic()
        while not self._stop.is_set() or open_ones:
            now = monotonic()
            if now >= due and not self._stop.is_set():
                due += 1 / self._rate
                own = uuid.uuid4().hex.encode()
                question = Question("librdkafka", now)
                self.all.append(question)
                open_ones[own] = question, now + AGAIN_SECONDS
                send(own)
            for own, (question, again) in list(open_ones.items()):
                if now - question.asked > PATIENCE_SECONDS:
                    question.fault = "no answer"
                    del open_ones[own]
                elif now > again:
                    open_ones[own] = question, now + AGAIN_SECONDS
                    send(own)
            producer.poll(0)
            reply = consumer.poll(0.01)
            if reply is None or reply.error() is not None:
                continue
            answered: Any = dict(reply.headers() or ()).get(CORRELATION_ID)
            if found := open_ones.pop(answered, None):
                found[0].answered = monotonic()
        consumer.close()
