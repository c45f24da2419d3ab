"""The model: a fold of the log, and the figures that follow from it.

Pure: no Kafka, clock or thread, except for ``served``, the one reference through which the model
is passed from the learner to the responder. May import ``decode``.
"""

from consumer.model.estimators.estimator import combine
from consumer.model.fold_result import FoldResult, Refused
from consumer.model.merged import Model
from consumer.model.partition import Partition, PartitionView
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
