"""The application's side: events out, questions asked.

from producer import PredictionClient

with PredictionClient() as client:
    client.predict(tv=50)["prediction"]
"""

from producer.client import PredictionClient, PredictionError, PredictionTimeoutError
from producer.present import TopicMissingError

__all__ = ["PredictionClient", "PredictionError", "PredictionTimeoutError", "TopicMissingError"]
