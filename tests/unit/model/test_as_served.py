"""Late labels: the service scores the predictions that river makes where labels are delayed."""

from typing import Any

import numpy as np
import orjson
import pytest
from river import base, datasets, linear_model, metrics, preprocessing
from river.evaluate import progressive_val_score
from river.stream import simulate_qa

from consumer.decode.mapping import read_model
from consumer.model.partition import Partition
from consumer.model.spec import ModelSpec
from unit.records import Record

DELAY = 37
MODEL = """
formula = "y ~ {terms}"
where = "kind == 'question'"
[event]
id = "id"
[label]
where = "kind == 'answer'"
id = "id"
value = "y"
within = "7d"
[fields.y]
"""

TRUMP = datasets.TrumpApproval, (
    "ordinal_date", "gallup", "ipsos", "morning_consult", "rasmussen", "you_gov"
)  # fmt: skip
CHICKS = datasets.ChickWeights, ("time", "diet")


class LeastSquares(base.Regressor):
    """Plain least squares of all that was learned, about the features' means."""

    def __init__(self) -> None:
        self._x: list[list[float]] = []
        self._y: list[float] = []
        self._known: tuple[int, Any, Any] = (0, None, None)

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:  # noqa: ANN401 - as river has it
        self._x.append([*x.values()])
        self._y.append(y)

    def predict_one(self, x: dict[Any, Any]) -> float:
        if not self._y:
            return 0.0
        if self._known[0] != len(self._y):
            design = np.array(self._x, float)
            center = design.mean(axis=0)
            centered = np.column_stack((np.ones(len(design)), design - center))
            found, *_ = np.linalg.lstsq(centered, np.array(self._y), rcond=None)
            self._known = len(self._y), center, found
        _, center, found = self._known
        return float(found[0] + (np.array([*x.values()]) - center) @ found[1:])


class Later(metrics.MAE):
    """The same without the first errors."""

    def __init__(self, skipped: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._left = skipped

    def update(self, y_true: float, y_pred: float, w: float = 1.0) -> None:
        if self._left:
            self._left -= 1
            return
        super().update(y_true, y_pred, w)


def rows(dataset: Any, names: tuple[str, ...]) -> list[tuple[dict[Any, Any], float]]:  # noqa: ANN401 - river has no types
    return [({name: float(x[name]) for name in names}, float(y)) for x, y in dataset()]


def partition(learner: str, names: tuple[str, ...], log: list[Record]) -> Partition:
    text = MODEL.format(terms=" + ".join(names)) + "".join(f"[fields.{it}]\n" for it in names)
    made = Partition(ModelSpec.of_file(read_model(text), learner))
    made.fold(log)
    return made


@pytest.mark.parametrize("learner", ["bayesian", "sgd"])
@pytest.mark.parametrize(("dataset", "names"), [TRUMP, CHICKS], ids=["TrumpApproval", "Chicks"])
def test_errors_are_those_of_river_where_answers_are_delayed(
    dataset: type, names: tuple[str, ...], learner: str
) -> None:
    stream = rows(dataset, names)
    log = []
    for offset, (number, x, y) in enumerate(simulate_qa(stream, moment=None, delay=DELAY)):
        said = {"kind": "question", **x} if y is None else {"kind": "answer", "y": y}
        log.append(Record(offset, orjson.dumps({"id": number, **said}), timestamp=offset))
    served = partition(learner, names, log).view().errors.errors
    refused = len(stream) - served.n  # while too few labels were known
    assert DELAY < refused < 3 * DELAY
    model = (
        preprocessing.StandardScaler() | linear_model.LinearRegression()
        if learner == "sgd"
        else LeastSquares()
    )
    metric = progressive_val_score(stream, model, Later(refused), delay=DELAY)
    assert served.absolute / served.n == pytest.approx(metric.get(), rel=1e-9)
