"""The application's side: sends events and asks questions.

from producer import PredictionClient

with PredictionClient() as client:
    client.predict(tv=50)["prediction"]
"""

from producer.client import PredictionClient
from producer.errors import (
    ClientClosedError,
    KafkaUnavailableError,
    LearningUnknownError,
    PredictionError,
    PredictionTimeoutError,
    TopicMissingError,
)

__all__ = [
    "ClientClosedError",
    "KafkaUnavailableError",
    "LearningUnknownError",
    "PredictionClient",
    "PredictionError",
    "PredictionTimeoutError",
    "TopicMissingError",
]
