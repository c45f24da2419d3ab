"""Sends mended letters again, each once, whatever dies.

The event and a note on the dead-letter topic that its letter was sent again are one transaction, so
that either both are there or neither. The transactional id is the topic's: a second run that begins
meanwhile ends the first one, and whoever begins sees all that was committed before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any

from kafka import KafkaProducer
from kafka.errors import AuthorizationError, KafkaError, ProducerFencedError

from contract.environment import Environment
from contract.messages import DEAD_LETTER_BYTES, REPLAY_OF, REPLAYED
from producer.connect import Connector
from producer.errors import KafkaUnavailableError
from producer.letters.letter import Letter
from producer.letters.mend import Mended, MendError
from producer.letters.read import CONNECT_SECONDS, opened_letters
from producer.present import require_topics

IN_ONE_TRANSACTION = 100
"""Letters; the consumers do not read past a transaction that is open."""

TIMEOUT_MS = 10_000
"""When Kafka aborts the transaction of a run that died."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The outcome.

    Attributes:
        sent: Letters that were sent again now.
        already: Letters that were sent again before, and not now.
    """

    sent: int
    already: int


def replay(settings: Environment, mended: Sequence[Mended]) -> Replayed:
    """Send each of these events to the events topic, unless its letter was sent again before.

    Each has its letter's key and headers, and the header ``riverline.replay-of`` with its place.

    Raises:
        MendError: There is no such letter; nothing is sent.
        TopicMissingError: A topic does not exist.
        KafkaUnavailableError: Kafka does not answer, or does not allow it; what was not sent is
            sent when asked again.
    """
    connector = Connector(settings)
    deadline = monotonic() + CONNECT_SECONDS
    topics = [settings.events_topic, settings.dead_letter_topic]
    options = {
        "transactional_id": f"{settings.dead_letter_topic}-replay",
        "transaction_timeout_ms": TIMEOUT_MS,
        "client_id": "riverline-producer",
    }
    producer, cluster = connector.open(KafkaProducer, deadline, **options)
    try:
        require_topics(cluster, topics, deadline)
        producer.init_transactions()  # before the letters are read: nobody else sends from here on
        wanted = {it.place for it in mended}
        with opened_letters(settings) as letters:
            todo = [it for it in mended if it.place not in letters.replayed]
            waiting = {letter.place: letter for letter in letters if letter.place in wanted}
        if unknown := [it for it in todo if it.place not in waiting]:
            faults = (f"line {it.line}: there is no dead letter {it.place}" for it in unknown)
            raise MendError("\n".join(faults))
        rest = iter([(it, waiting[it.place]) for it in todo])
        while some := list(islice(rest, IN_ONE_TRANSACTION)):
            _send(producer, settings, some)
    except KafkaUnavailableError:  # says why already
        raise
    except ProducerFencedError as error:
        raise connector.unavailable("another run has begun to send letters again") from error
    except AuthorizationError as error:
        named = f"we need WRITE to {topics[0]}, {topics[1]} and transactional id {topics[1]}-replay"
        raise connector.unavailable(named) from error
    except KafkaError as error:
        raise connector.unavailable(error) from error
    finally:
        producer.close(timeout=5)
    return Replayed(len(todo), len(mended) - len(todo))


def _send(producer: Any, settings: Environment, some: Sequence[tuple[Mended, Letter]]) -> None:  # noqa: ANN401
    """One transaction."""
    producer.begin_transaction()
    for mended, letter in some:
        place = mended.place.encode()
        key = letter.key if letter.key and len(letter.key) < DEAD_LETTER_BYTES else None
        headers = [*letter.headers, (REPLAY_OF, place)]
        producer.send(settings.events_topic, mended.value, key=key, headers=headers)
        note = [(REPLAYED, b"1")]
        producer.send(settings.dead_letter_topic, None, key=place, headers=note)
    producer.commit_transaction()
