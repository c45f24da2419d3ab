"""What the application's side raises, and nothing else.

    Exception
    ├── PredictionError            an error reply
    ├── PredictionTimeoutError     no answer in time
    │   └── LearningUnknownError   ... to `learn`: the event may have been learned
    ├── ClientClosedError          the client was closed
    ├── KafkaUnavailableError      Kafka does not answer, or refuses; a KafkaError
    └── TopicMissingError          a topic does not exist

Besides these, SettingsError (contract.environment), and TypeError or ValueError for an argument
that cannot be right.
"""

from kafka.errors import KafkaError


class PredictionError(Exception):
    """An error reply: the question was refused.

    Attributes:
        code: One of ``contract.messages.ErrorCode``.
        message: A sentence.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class PredictionTimeoutError(Exception):
    """No answer in time. To ask again is safe."""


class LearningUnknownError(PredictionTimeoutError):
    """No answer to ``learn`` in time, and Kafka may have the event: it may be learned, or not.

    To send it again may count it twice.
    """


class ClientClosedError(Exception):
    """The client is closed, or was closed before the answer came."""


class KafkaUnavailableError(KafkaError):  # type: ignore[misc]  # kafka-python has no types
    """Kafka does not answer, or does not let us do what we must: says where, and what it says."""

    def __str__(self) -> str:
        return str(self.args[0])


class TopicMissingError(Exception):
    """A topic does not exist: says which, and what to do."""
