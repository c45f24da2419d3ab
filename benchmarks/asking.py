"""Askers: each puts one question after the other to a server of its own and times the round trip.

Each server is a process of its own, and each asker the plainest client there is for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Protocol, Self
from uuid import uuid4

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from broker.ports import free_port
from contract.messages import CORRELATION_ID, REPLY_TO
from contract.topics import PARTITION_COUNT
from events import QUIET, fresh
from programs import OURS, PEERS, ContenderError, Program, running

PATIENCE_SECONDS = 20.0
LIMIT_SECONDS = "3600"  # an abandoned process ends by itself
QUESTION = orjson.dumps({"tv": 50.0})


class Asker(Protocol):
    """A client that asks questions."""

    def ask(self, count: int) -> list[float]:
        """Ask so many questions; returns the seconds that each took.

        Raises:
            ContenderError: An answer is missing, or is an error.
        """
        ...


class KafkaAsker:
    """On librdkafka, in the plain dialect: headers `correlation_id` and `reply_to`.

    Args:
        servers: Where Kafka is.
        requests: Where questions go.
        replies: Where answers come.
        question: What is asked.
    """

    def __init__(
        self, servers: str, requests: str, replies: str, question: bytes = QUESTION
    ) -> None:
        self._requests, self._replies, self._question = requests, replies, question
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 0, **QUIET})
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": fresh("asker"), **QUIET}
        )

    def __enter__(self) -> Self:
        """Read the replies from the end of the log."""
        partitions = [TopicPartition(self._replies, number) for number in range(PARTITION_COUNT)]
        for partition in partitions:
            _, partition.offset = self._consumer.get_watermark_offsets(
                partition, timeout=PATIENCE_SECONDS
            )
        self._consumer.assign(partitions)
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def ask(self, count: int) -> list[float]:
        """See `Asker`."""
        return [self._round_trip() for _ in range(count)]

    def _round_trip(self) -> float:
        correlation_id = uuid4().hex.encode()
        started = perf_counter()
        self._producer.produce(
            self._requests,
            self._question,
            headers={CORRELATION_ID: correlation_id, REPLY_TO: self._replies.encode()},
        )
        while perf_counter() - started < PATIENCE_SECONDS:
            reply = self._consumer.poll(1.0)
            self._producer.poll(0)
            if reply is None or reply.error() is not None:
                continue
            if dict(reply.headers() or ()).get(CORRELATION_ID) == correlation_id:
                seconds = perf_counter() - started
                answer = reply.value() or b""
                if b'"error"' in answer:
                    raise ContenderError(f"an error reply: {answer!r}")
                return seconds
        raise ContenderError(f"no answer within {PATIENCE_SECONDS:.0f} s")


class PipedAsker:
    """In a process of its own, that reads a number from its input and prints a list of seconds.

    Args:
        program: It.
    """

    def __init__(self, program: Program) -> None:
        self._program = program

    def ask(self, count: int) -> list[float]:
        """See `Asker`."""
        try:
            self._program.questions.write(b"%d\n" % count)
            self._program.questions.flush()
        except OSError:
            raise self._program.fault() from None
        line = self._program.answers.readline()
        if not line:
            raise self._program.fault()
        times: list[float] = orjson.loads(line)
        return times


@contextmanager
def echo(servers: str, requests: str, replies: str) -> Iterator[Asker]:
    """A bare echo on librdkafka."""
    arguments = (servers, requests, fresh("echo"), LIMIT_SECONDS)
    with running(OURS, "peers.echo", *arguments), KafkaAsker(servers, requests, replies) as asker:
        yield asker


@contextmanager
def zerorpc() -> Iterator[Asker]:
    """ZeroRPC's server and its client.

    Raises:
        ContenderError: It is not installed.
    """
    arguments = (str(free_port("127.0.0.1")), LIMIT_SECONDS)
    with (
        running(PEERS, "peers.zerorpc_server", *arguments),
        running(PEERS, "peers.zerorpc_client", *arguments) as client,
    ):
        yield PipedAsker(client)
