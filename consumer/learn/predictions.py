"""A prediction for each event without a target, to a topic of its own: scoring as a stream.

At least once: a position is saved after the predictions up to it are acknowledged, so a crash may
repeat some, with the same id and source. The model is the one that the service answers from.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import structlog

from consumer.client import Precedence, Producer
from consumer.decode import Record, Rejected, RequestError, parse_object
from consumer.learn.outbox import Letter, Outbox
from consumer.model import Model, ModelSpec, answer
from consumer.telemetry import Telemetry
from contract.messages import ErrorCode

ID_HEADERS = ("ce_id", "messageId")
ID_MEMBERS = ("messageId", "id")
"""Where an event may name itself: CloudEvents' and Segment's names."""
MAX_ID = 256
"""Characters of an id; a longer one is left out."""

log = structlog.get_logger()


class Predictions(Outbox):
    """The way out for predictions: each is sent until it is acknowledged.

    Args:
        producer: Sends them.
        topic: PREDICTIONS_TOPIC.
        buffer_bytes: What may wait to be acknowledged before no more records should be read.
        application: The APPLICATION_ID, which each says.
        telemetry: Counts them.
        precedence: Lets answers go before.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        buffer_bytes: int,
        application: str,
        telemetry: Telemetry,
        precedence: Precedence,
    ) -> None:
        super().__init__(
            producer, topic, buffer_bytes, "predictions", partial(telemetry.predicted, "failed")
        )
        self._application = application
        self._telemetry = telemetry
        self._precedence = precedence

    def send(self, origin: str, partition: int, records: Sequence[Record], model: Model) -> None:
        """Send a prediction, or why there is none, for each of these records without a target."""
        self.post(self._written(origin, partition, records, model))

    def _written(
        self, origin: str, partition: int, records: Sequence[Record], model: Model
    ) -> Iterator[Letter]:
        for record in self._precedence.after_answers(records):
            event = parse_object(record.value)
            about = {
                "application": self._application,
                **_named(event, record, model.spec),
                "source": {
                    "topic": origin,
                    "partition": partition,
                    "offset": record.offset,
                    "timestamp": record.timestamp,
                },
            }
            try:
                predicted = answer.predict_event(event, record, model)
                value = answer.encode(predicted | about)
            except Exception:  # no event may end the service
                log.exception("an event could not be predicted", offset=record.offset)
                fault = RequestError(ErrorCode.INTERNAL, "the service is at fault, not the event")
                predicted = answer.error(fault)
                value = answer.encode(predicted | about)
            self._telemetry.predicted("refused" if "error" in predicted else "predicted")
            yield Letter(record.key, value, [("content-type", b"application/json")])


def _named(event: dict[str, Any] | Rejected, record: Record, spec: ModelSpec) -> dict[str, Any]:
    """The event's id, if it has one: as the model file says, else of a header, or a member."""
    if spec.mapping is not None and (ids := spec.mapping.ids) is not None:
        name = ids.of(event, record) if isinstance(event, dict) else None
        return {"id": name} if type(name) is str else {}
    headers = dict(record.headers)
    for name in ID_HEADERS:
        found = headers.get(name)
        if found and len(found) <= MAX_ID:
            return {"id": found.decode(errors="replace")}
    if isinstance(event, dict):
        for name in ID_MEMBERS:
            member = event.get(name)
            if type(member) is int or (type(member) is str and 0 < len(member) <= MAX_ID):
                return {"id": str(member)}
    return {}
