"""Questions asked over request/reply: many in flight, each answer to its own question."""

import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from time import monotonic
from typing import Any, Self

import orjson
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from contract.environment import Environment
from contract.messages import CORRELATION_ID, REPLY_TO
from producer.present import require_topics

Reply = dict[str, Any]


class PredictionError(Exception):
    """An error reply.

    Attributes:
        code: One of ``contract.messages.ErrorCode``.
        message: A sentence.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class PredictionTimeoutError(Exception):
    """No answer in time."""


class PredictionClient:
    """Asks a running consumer; may be used by many threads at once.

    It reads all of the reply topic from now on and takes what is its own: a reply that comes too
    late, or is somebody else's, is passed over.

    Args:
        settings: Where Kafka is, and the topics; the environment's by default.
        timeout: Seconds that an answer may take.

    Raises:
        SettingsError: The environment is not usable.
        KafkaError: Kafka is not there.
        TopicMissingError: The request or the reply topic is not there.
        PredictionTimeoutError: Kafka does not show the topics in time.
    """

    def __init__(self, settings: Environment | None = None, *, timeout: float = 10.0) -> None:
        self._settings = settings or Environment.read()
        self._timeout = timeout
        self._waiting: dict[bytes, Future[Reply]] = {}
        self._stop = threading.Event()
        topics = self._settings.requests_topic, self._settings.replies_topic
        require_topics(self._settings, topics, timeout)
        options = self._settings.client_options() | {
            "metrics_enabled": False,
            "bootstrap_timeout_ms": int(timeout * 1000),
        }
        self._producer = KafkaProducer(
            **options,
            acks="all",
            enable_idempotence=False,
            linger_ms=0,
            max_block_ms=int(timeout * 1000),
        )
        self._consumer = KafkaConsumer(**options, group_id=None, auto_offset_reset="latest")
        try:
            self._listen(topics)
        except BaseException:
            self._close_clients()
            raise
        self._thread = threading.Thread(target=self._read, name="replies", daemon=True)
        self._thread.start()

    def predict(self, *, timeout: float | None = None, **features: float) -> Reply:
        """The prediction for these features: the reply, with its ``prediction``.

        Raises:
            PredictionError: The consumer refused.
            PredictionTimeoutError: No answer in time.
        """
        return self.ask("predict", dict(features), timeout=timeout)

    def ask(
        self, method: str, params: dict[str, Any] | None = None, *, timeout: float | None = None
    ) -> Reply:
        """The reply to any method.

        Raises:
            PredictionError: The consumer refused.
            PredictionTimeoutError: No answer in time.
        """
        patience = self._timeout if timeout is None else timeout
        correlation_id, future = self._send(method, params)
        try:
            reply = future.result(patience)
        except FutureTimeoutError:
            raise PredictionTimeoutError(
                f"no answer within {patience:g} s on {self._settings.replies_topic}: "
                "is the consumer running, and is FORMULA's model learning?"
            ) from None
        finally:
            self._waiting.pop(correlation_id, None)
        if "error" in reply:
            raise PredictionError(reply["error"]["code"], reply["error"]["message"])
        return reply

    def close(self) -> None:
        """Stop reading; whoever still waits gets no answer."""
        self._stop.set()
        self._thread.join()
        self._close_clients()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, method: str, params: dict[str, Any] | None) -> tuple[bytes, Future[Reply]]:
        correlation_id = uuid.uuid4().hex.encode()
        future: Future[Reply] = Future()
        self._waiting[correlation_id] = future
        sent = self._producer.send(
            self._settings.requests_topic,
            orjson.dumps({"method": method, "params": params or {}}),
            headers=[
                (CORRELATION_ID, correlation_id),
                (REPLY_TO, self._settings.replies_topic.encode()),
            ],
        )
        sent.add_errback(self._not_sent, future)
        return correlation_id, future

    @staticmethod
    def _not_sent(future: Future[Reply], error: BaseException) -> None:
        if not future.done():
            future.set_exception(error)

    def _listen(self, topics: Iterable[str]) -> None:
        """Read the reply topic from its end, before anything is asked."""
        deadline = monotonic() + self._timeout
        try:
            for topic in topics:
                self._producer.partitions_for(topic)
        except KafkaTimeoutError as error:
            raise PredictionTimeoutError(
                f"Kafka does not show the topics {' and '.join(topics)} within {self._timeout:g} s"
            ) from error
        replies = self._settings.replies_topic
        partitions = [
            TopicPartition(replies, number) for number in self._producer.partitions_for(replies)
        ]
        self._consumer.assign(partitions)
        left_ms = max(1, int((deadline - monotonic()) * 1000))
        for at, end in self._consumer.end_offsets(partitions, timeout_ms=left_ms).items():
            self._consumer.seek(at, end)

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                polled = self._consumer.poll(timeout_ms=100)
            except KafkaError as error:
                self._fail(error)
                continue
            for records in polled.values():
                for record in records:
                    self._hand_over(record)

    def _hand_over(self, record: Any) -> None:  # noqa: ANN401 - a kafka-python record
        correlation_id = dict(record.headers).get(CORRELATION_ID)
        future = self._waiting.pop(correlation_id, None) if correlation_id else None
        if future is not None and not future.done():
            future.set_result(orjson.loads(record.value))

    def _fail(self, error: KafkaError) -> None:
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_exception(error)

    def _close_clients(self) -> None:
        self._producer.close(timeout=1)
        self._consumer.close(autocommit=False, timeout_ms=1000)
