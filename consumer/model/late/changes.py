"""What a segment says of earlier ones."""

from array import array
from dataclasses import dataclass, field


@dataclass(slots=True)
class Changes:
    """What the records of a range changed of entries before it.

    Attributes:
        matched: The slots of those that were matched.
        labels: The digests of their labels' values.
        predicted: The slots of those that got a prediction, and wait.
        predictions: The predictions.
    """

    matched: "array[int]" = field(default_factory=lambda: array("q"))
    labels: "array[int]" = field(default_factory=lambda: array("Q"))
    predicted: "array[int]" = field(default_factory=lambda: array("q"))
    predictions: "array[float]" = field(default_factory=lambda: array("d"))
