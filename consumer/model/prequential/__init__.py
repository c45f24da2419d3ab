"""Each event is predicted before it is learned: how far off was that, and did its interval hold?

Kept as sums, so that partitions add up.
"""

from consumer.model.prequential.errors import Errors, Faded
from consumer.model.prequential.sums import Block, Prequential, calibration, figures

__all__ = ["Block", "Errors", "Faded", "Prequential", "calibration", "figures"]
