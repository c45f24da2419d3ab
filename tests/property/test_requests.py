"""Whatever is asked: a reply of finite numbers or a refusal, and never anything else."""

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.decode.event import EventDecoder
from consumer.decode.request import decode_request
from consumer.decode.request_error import RequestError
from consumer.model import answer
from consumer.model.folding import outcome_of
from consumer.model.merged import Model
from consumer.respond.acknowledgements import acknowledge
from contract.messages import VALUE_LIMIT, ErrorCode, Method
from unit.records import FIELDS, model, spec

ROWS = [(float(i), float(i * i % 17), float(i % 5), 7.0 + 0.5 * i) for i in range(60)]
FORMULAS = ("sales ~ 1", "sales ~ tv", "sales ~ tv + radio", "tv ~ sales")
RECIPES = [spec(formula, learner) for formula in FORMULAS for learner in ("bayesian", "sgd")]


@pytest.fixture(scope="module")
def models() -> list[Model]:
    """One that has learned nothing, too little, and enough of each spec."""
    return [
        *(model(ROWS, made) for made in RECIPES),
        model(ROWS, partitions=4),
        model(ROWS[:2]),
        Model(spec(), {}),
    ]


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.floats(-VALUE_LIMIT, VALUE_LIMIT)
    | st.text(max_size=5)
)
names = st.sampled_from([*FIELDS, "method", "params", "formula", "level", "at_least", "Intercept"])
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
numbers = st.floats(-VALUE_LIMIT, VALUE_LIMIT) | st.integers(-(10**12), 10**12)
formulas = st.text(max_size=20) | st.lists(
    st.sampled_from([*FIELDS, "~", "+", "1", ".", " ", "price", "("]), max_size=8
).map("".join)
features = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS, numbers | scalars),
        "formula": formulas | scalars,
        "level": st.floats(0, 1) | scalars,
        "at_least": st.dictionaries(st.text("0123456789", max_size=12), scalars) | scalars,
    },
)
calls = st.fixed_dictionaries(
    {"method": st.sampled_from(Method) | documents},
    optional={"params": features | documents, "tv": scalars},
)
requests = (
    st.none()
    | st.binary(max_size=64)
    | (features | calls | documents).map(lambda document: json.dumps(document).encode())
)


def replied(value: bytes | None, served: Model) -> answer.Reply:
    """What the service replies; only a refusal may be raised on the way."""
    try:
        request = decode_request(value)
        if request.method is Method.LEARN:
            event = EventDecoder(FIELDS, served.spec.formula.target)(orjson.dumps(request.params))
            return acknowledge(outcome_of(event), served)
        return answer.answer(request, served)
    except RequestError as refusal:
        return answer.error(refusal)


def finite(value: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return all(type(name) is str and finite(inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def assert_is_reply(reply: answer.Reply) -> None:
    assert finite(reply)
    document = orjson.loads(answer.encode(reply))
    assert type(document) is dict
    if "error" in document:
        assert document["error"]["code"] in set(ErrorCode)
        assert document["error"]["message"].isprintable()
        assert 0 < len(document["error"]["message"]) < 1000
    else:
        assert len(document.keys() & {"prediction", "coefficients", "summary"}) == 1
        assert type(document.get("prediction", 0.0)) is float


@settings(deadline=None, max_examples=600)
@given(value=requests, which=st.integers(0, len(RECIPES) + 2))
@example(value=b'{"tv":' * 2000, which=0)
@example(value=b'{"method": "predict", "params": {"tv": 1e12, "radio": -1e12}}', which=4)
def test_any_bytes_get_a_reply_of_finite_numbers(
    models: list[Model], value: bytes | None, which: int
) -> None:
    assert_is_reply(replied(value, models[which]))


@settings(deadline=None, max_examples=80)
@given(
    rows=st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=12),
    tv=numbers,
    formula=st.sampled_from(FORMULAS),
    learner=st.sampled_from(["bayesian", "sgd"]),
    partitions=st.integers(1, 3),
)
def test_whatever_was_learned_every_answer_is_finite(
    rows: list[tuple[float, ...]], tv: float, formula: str, learner: str, partitions: int
) -> None:
    served = model(rows, spec(formula, learner), partitions)
    for question in (
        {"tv": tv},
        {"tv": tv, "radio": -tv, "formula": "sales ~ tv + radio"},
        {"method": "train"},
        {"method": "train", "params": {"formula": "sales ~ ."}},
        {"method": "describe"},
    ):
        assert_is_reply(replied(orjson.dumps(question), served))


@settings(deadline=None, max_examples=100)
@given(known=st.fixed_dictionaries({"tv": numbers}, optional={"radio": numbers}))
def test_a_request_that_is_well_formed_is_answered(
    models: list[Model], known: dict[str, float]
) -> None:
    served = models[len(RECIPES)]
    bare = replied(orjson.dumps(known), served)
    assert bare == replied(orjson.dumps({"method": "predict", "params": known}), served)
    assert "prediction" in bare
