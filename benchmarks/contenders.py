"""The contenders, which learn the same events with the same model, and a run of each."""

from dataclasses import dataclass
from pathlib import Path

from events import fresh
from learning import ServiceError, prediction, started, time_learning
from programs import OURS, PEERS, ContenderError, first_answer
from results import Run
from sizes import warm_up

SERVICE = "riverline"
MEMORY = "in memory, no Kafka"


@dataclass(frozen=True, slots=True)
class Contender:
    """A contender.

    Attributes:
        part: a, b or c.
        name: As the tables show it.
        module: In the folder ``peers``; empty for the service itself.
        package: Whose version is shown.
        python: The environment that it runs in.
    """

    part: str
    name: str
    module: str
    package: str
    python: Path = PEERS


CONTENDERS = (
    Contender("a", SERVICE, "", "kafka-python"),
    Contender("b", MEMORY, "memory", "river", OURS),
    Contender("c", "confluent-kafka, bare loop", "confluent", "confluent-kafka", OURS),
    Contender("c", "aiokafka, bare loop", "aiokafka", "aiokafka"),
    Contender("c", "kafka-python, bare loop", "kafka_python", "kafka-python", OURS),
    Contender("c", "Quix Streams, at-least-once", "quix", "quixstreams"),
    Contender("c", "Quix Streams, exactly-once", "quix_exactly_once", "quixstreams"),
    Contender("c", "bytewax", "bytewax", "bytewax"),
    Contender("c", "FastStream, batches of 500", "faststream", "faststream"),
    Contender("c", "Faust, batches of 500", "faust", "faust-streaming"),
)


def run(contender: Contender, servers: str, topic: str, events: int, limit: float) -> Run:
    """Let one learn all events of a topic: a warm-up, then those that are timed.

    Raises:
        ContenderError: It did not.
    """
    if contender.module:
        counts = (str(warm_up(events)), str(warm_up(events) + events))
        arguments = (servers, topic, *counts, fresh("peer"), str(int(limit)))
        module = f"peers.{contender.module}"
        answer = first_answer(contender.python, module, *arguments, limit=limit)
        return Run.model_validate_json(answer)
    try:
        with started(servers, topic) as service:
            seconds, processor_seconds = time_learning([service], events, limit)
            return Run(
                seconds=seconds,
                processor_seconds=processor_seconds,
                prediction=prediction(service),
            )
    except ServiceError as error:
        raise ContenderError(str(error)) from error
