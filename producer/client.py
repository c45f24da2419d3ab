"""A request/reply client: many questions in flight, matched to their replies by id."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX
from time import monotonic
from typing import Any, Self

from kafka.errors import BrokerResponseError, KafkaError

from contract.environment import Environment
from contract.messages import CORRELATION_ID, Method
from producer.connect import Connector
from producer.course import Course
from producer.errors import (
    ClientClosedError,
    KafkaUnavailableError,
    LearningUnknownError,
    PredictionTimeoutError,
)
from producer.question import Reply, question_headers, read_reply, write_question
from producer.replies import Replies
from producer.sender import Headers, Sender

_NOT_KNOWN = "It is not known whether the event was learned; sending it again may count it twice"


class Arrived:
    """Kafka acknowledged a question."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Kafka did not acknowledge a question."""

    why: BaseException


Word = Reply | Arrived | Failed | Exception
"""What a caller receives: a reply, the outcome of a send, or why there will be no reply."""


class PredictionClient:
    """Asks a running consumer; may be used by many threads at once.

    It runs three threads, four once it has sent an event. It reads the whole reply topic from now
    on and ignores replies that are late or not its own.

    It survives broker failures. Requests avoid partitions without a leader, and replies are read
    from all partitions that have one. Until its timeout a question is sent again, to another
    partition with the same id: at once if a send failed, after 1 s if Kafka did not acknowledge it,
    after 3 s without an answer. ``learn`` is sent once, by an idempotent producer.

    Args:
        settings: Kafka's addresses and the topics; from the environment by default.
        timeout: Time limit in seconds, for opening and for each answer.

    Raises:
        SettingsError: The environment is not usable.
        ValueError: The timeout is not a positive number.
        TopicMissingError: The request or the reply topic does not exist.
        KafkaUnavailableError: Kafka does not answer in time, or does not let us in or read.
    """

    def __init__(self, settings: Environment | None = None, *, timeout: float = 10.0) -> None:
        self._settings = settings or Environment.read()
        self._timeout = _positive(timeout)
        self._waiting: dict[bytes, SimpleQueue[Word]] = {}
        self._closed = False
        deadline = monotonic() + timeout
        requests, replies = self._settings.requests_topic, self._settings.replies_topic
        connector = Connector(self._settings)
        self._asking = Sender(connector, requests, once=False, seconds=timeout)
        self._learning = Sender(connector, requests, once=True, seconds=timeout)
        self._asking.open(deadline, beside=[replies])
        try:
            self._replies = Replies(connector, replies, self._hand_over, self._tell, deadline)
        except BaseException:
            self._asking.close()
            raise

    def predict(
        self,
        *,
        timeout: float | None = None,
        after: Mapping[Any, Any] | None = None,
        **features: float,
    ) -> Reply:
        """The prediction for these features: the reply, with its ``prediction``.

        Args:
            timeout: As for ``ask``.
            after: As for ``ask``.
            features: Numbers by name.

        Raises:
            PredictionError: The consumer refused.
            PredictionTimeoutError: No answer in time.
            KafkaUnavailableError: Kafka does not let us ask or read.
            ClientClosedError: The client is closed.
            TypeError: A feature cannot be written as JSON.
            ValueError: The timeout is not a positive number, or ``after`` has no positions.
        """
        return self.ask(Method.PREDICT, dict(features), timeout=timeout, after=after)

    def ask(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        timeout: float | None = None,
        after: Mapping[Any, Any] | None = None,
    ) -> Reply:
        """The reply to any method. Blocks for at most the timeout.

        Args:
            method: One of ``contract.messages.Method``.
            params: Its parameters; for ``learn`` the event, which counts once or not at all.
            timeout: Seconds; the client's by default.
            after: What the answer must include: the reply to ``learn``, or positions by partition,
                as ``send_events`` gives them. The answer waits until they are learned.

        Raises:
            PredictionError: The consumer refused, or would: the question is too large. Its code is
                ``not-yet`` where what is asked ``after`` was not learned in time.
            LearningUnknownError: No answer to ``learn`` in time; it may have been learned.
            PredictionTimeoutError: No answer in time; nothing was learned.
            KafkaUnavailableError: Kafka does not let us ask or read; nothing was learned.
            TopicMissingError: The request topic does not exist when the first event is sent.
            ClientClosedError: The client is closed; an event that was sent may be learned.
            TypeError: A parameter cannot be written as JSON.
            ValueError: The timeout is not a positive number, or ``after`` has no positions.
        """
        seconds = self._timeout if timeout is None else _positive(timeout)
        value = write_question(method, params or {}, after)
        started = monotonic()
        correlation_id = uuid.uuid4().hex.encode()
        waits = None if after is None else seconds
        headers = question_headers(correlation_id, self._settings.replies_topic, waits)
        course = Course(once=method == Method.LEARN, again_at=started)
        inbox = self._waiting[correlation_id] = SimpleQueue()
        try:
            if self._closed:
                raise ClientClosedError("the client is closed")
            sender = self._learning if course.once else self._asking
            sender.open(started + seconds)
            while (now := monotonic()) < started + seconds:
                if now >= course.again_at:
                    self._send(sender, value, headers, course, inbox)
                try:
                    word = inbox.get(timeout=max(0, min(course.again_at, started + seconds) - now))
                except Empty:
                    continue
                if isinstance(word, dict):
                    return word
                self._heed(word, course)
            raise self._too_late(course, seconds)
        finally:
            del self._waiting[correlation_id]

    def close(self) -> None:
        """Stop reading, and fail all waiting calls at once. Returns within a few seconds."""
        self._closed = True
        self._tell(ClientClosedError("the client was closed before the answer arrived"))
        self._replies.close()
        self._asking.close()
        self._learning.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(
        self,
        sender: Sender,
        value: bytes,
        headers: Headers,
        course: Course,
        inbox: SimpleQueue[Word],
    ) -> None:
        try:
            partition = sender.send(
                value,
                headers,
                course.tried,
                arrived=lambda: inbox.put(Arrived()),
                failed=lambda why: inbox.put(Failed(why)),
            )
        except KafkaError as error:
            course.failed(str(error), monotonic())
            return
        if partition is None:
            reason = f"no partition of {self._settings.requests_topic} has a leader"
            course.failed(reason, monotonic())
        else:
            course.sent(partition, monotonic())

    def _heed(self, word: Arrived | Failed | Exception, course: Course) -> None:
        """Note the outcome of a send, or raise the error that ends the question."""
        if isinstance(word, Arrived):
            course.arrived(monotonic())
        elif isinstance(word, Failed):
            if isinstance(word.why, BrokerResponseError) and not word.why.retriable:
                raise self._refused(word.why, course)
            course.failed(repr(word.why), monotonic())
        elif course.once and course.tried and isinstance(word, KafkaError):
            raise LearningUnknownError(f"{word}. {_NOT_KNOWN}") from word
        else:
            raise word

    def _refused(self, why: BrokerResponseError, course: Course) -> Exception:
        refused = f"Kafka refuses requests on {self._settings.requests_topic} ({why!r})"
        if course.once:
            return LearningUnknownError(f"{refused}. {_NOT_KNOWN}")
        return KafkaUnavailableError(refused)

    def _too_late(self, course: Course, seconds: float) -> PredictionTimeoutError:
        said = f"no answer within {seconds:g} s on {self._settings.replies_topic}: "
        if course.acknowledged and (unread := self._replies.unread):
            said += f"{unread} of its partitions cannot be read, as a broker is away"
        elif course.acknowledged or not course.reason:
            said += "is the consumer running, and is FORMULA's model learning?"
        else:
            said += f"Kafka has not confirmed the question ({course.reason})"
        if not course.once:
            return PredictionTimeoutError(said)
        if not course.tried:
            return PredictionTimeoutError(f"{said}. The event was not learned")
        return LearningUnknownError(f"{said}. {_NOT_KNOWN}")

    def _hand_over(self, record: Any) -> None:  # noqa: ANN401 - a kafka-python record
        correlation_id = dict(record.headers).get(CORRELATION_ID)
        inbox = self._waiting.get(correlation_id) if correlation_id else None
        if inbox is not None:
            inbox.put(read_reply(record.value))

    def _tell(self, error: Exception) -> None:
        """Pass an error to all waiting calls."""
        for inbox in list(self._waiting.values()):
            inbox.put(error)


def _positive(seconds: float) -> float:
    if not 0 < seconds <= TIMEOUT_MAX:
        raise ValueError(f"expected a timeout of more than 0 seconds, got {seconds}")
    return seconds
