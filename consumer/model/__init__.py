"""What is learned, as a fold of the log, and every figure that follows from it.

Pure: no Kafka, no clock, no thread; but for ``served``, the one reference through which the model
goes from the learner to those who answer. May know what is decoded.
"""

from consumer.model.estimators.estimator import combine
from consumer.model.merged import Model
from consumer.model.partition import FoldResult, Partition, PartitionView, Refused
from consumer.model.served import Served
from consumer.model.spec import ModelSpec

__all__ = [
    "FoldResult",
    "Model",
    "ModelSpec",
    "Partition",
    "PartitionView",
    "Refused",
    "Served",
    "combine",
]
