"""All errors that the client raises.

    Exception
    ├── PredictionError            an error reply
    ├── PredictionTimeoutError     no answer in time
    │   └── LearningUnknownError   ... to `learn`: the event may have been learned
    ├── ClientClosedError          the client was closed
    ├── KafkaUnavailableError      Kafka does not answer, or refuses; a KafkaError
    └── TopicMissingError          a topic does not exist

Besides these, SettingsError (contract.environment), and TypeError or ValueError for bad
arguments.
"""

from collections.abc import Mapping

from kafka.errors import KafkaError


class PredictionError(Exception):
    """An error reply: the question was refused.

    Attributes:
        code: One of ``contract.messages.ErrorCode``.
        message: A sentence.
        positions: Of ``not-yet``: the positions reached, by partition; else empty.
    """

    def __init__(self, code: str, message: str, positions: Mapping[str, int] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.positions = dict(positions or {})


class PredictionTimeoutError(Exception):
    """No answer in time. Asking again is safe."""


class LearningUnknownError(PredictionTimeoutError):
    """No answer to ``learn`` in time, and Kafka may have the event: it may or may not be learned.

    Sending it again may count it twice.
    """


class ClientClosedError(Exception):
    """The client is closed, or was closed before the answer came."""


class KafkaUnavailableError(KafkaError):  # type: ignore[misc]  # kafka-python has no types
    """Kafka does not answer, or does not permit what is needed; the message says why."""

    def __str__(self) -> str:
        return str(self.args[0])


class TopicMissingError(Exception):
    """A topic does not exist; the message says which, and what to do."""
