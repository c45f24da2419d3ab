"""The model: a fold of the log, and the figures that follow from it.

Pure: no Kafka, clock or thread, except for ``served``, the one reference through which the model
is passed from the learner to the responder. May import ``decode``.
"""

from consumer.model.folding import FoldResult, RejectedRecord
from consumer.model.merged import Model
from consumer.model.partition import Partition
from consumer.model.replay import SavedHistory
from consumer.model.served import Served
from consumer.model.spec import ROBUST_COLUMNS, ModelSpec
from consumer.model.statistics.kept.history import WINDOW
from consumer.model.view import PartitionView

__all__ = [
    "ROBUST_COLUMNS",
    "WINDOW",
    "FoldResult",
    "Model",
    "ModelSpec",
    "Partition",
    "PartitionView",
    "RejectedRecord",
    "SavedHistory",
    "Served",
]
