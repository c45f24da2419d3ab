"""Answers a request from the model. Pure: the responder sends the reply."""

import math
from dataclasses import asdict
from typing import Any

import orjson

from consumer.decode import Formula, Refusal, Request, features, parse_formula
from consumer.model.describe import describe
from consumer.model.merged import Model
from consumer.model.statistics.diagnostics import diagnose
from consumer.model.statistics.history import WINDOW
from consumer.model.statistics.inference.anytime import PLANNED_EVENTS, always_valid, optimal_g
from consumer.model.statistics.inference.terms import contributions
from consumer.model.statistics.regression import LEVEL, predict
from contract.messages import ErrorCode, Method

Reply = dict[str, Any]


def answer(request: Request, model: Model, planned_events: int = PLANNED_EVENTS) -> Reply:
    """The reply to a question, from this model. A new method is a case here.

    Args:
        request: The question.
        model: What was learned.
        planned_events: The sample size at which always-valid intervals are narrowest.

    Raises:
        Refusal: It cannot be answered.
        ValueError: The method is ``learn``, which the learner acknowledges.
    """
    match request.method:
        case Method.PREDICT:
            return _predict(request.params, model)
        case Method.TRAIN:
            return _train(request.params, model, planned_events)
        case Method.DESCRIBE:
            return _describe(request.params, model)
        case Method.LEARN:
            raise ValueError("learn is not a question")


def encode(reply: Reply) -> bytes:
    """The reply as JSON.

    Raises:
        ValueError: A number is not finite (orjson would silently write null).
    """
    if not _finite(reply):
        raise ValueError("the reply holds a number that is not finite")
    return orjson.dumps(reply)


def error(refusal: Refusal) -> Reply:
    """The reply that carries a refusal."""
    return {"error": {"code": refusal.code, "message": refusal.message}}


def summarise(model: Model) -> Reply:
    """The summary of the data set: the reply to ``describe``, and to a learned event.

    Raises:
        Refusal: There are no events yet.
    """
    description = describe(model.summary)
    return {
        "summary": description.fields,
        "quantiles": description.quantiles,
        **_basis(model, model.spec.formula),
    }


def _describe(params: dict[str, Any], model: Model) -> Reply:
    _no_others(params, allowed=("recent",))
    reply = summarise(model)
    if "recent" in params:
        reply["recent"] = _recent(params["recent"], model)
    return reply


def _recent(wanted: object, model: Model) -> Reply:
    """The newest labelled rows, newest last, from the window that diagnostics use."""
    if type(wanted) is not int or not 0 <= wanted <= WINDOW:
        raise Refusal(ErrorCode.BAD_PARAMS, f"recent must be a whole number from 0 to {WINDOW}")
    rows = model.summary.window().tolist()
    oldest = max(0, len(rows) - int(wanted))
    return {"fields": list(model.spec.fields), "rows": rows[oldest:]}


def _train(params: dict[str, Any], model: Model, planned_events: int) -> Reply:
    _no_others(params, allowed=("formula", "terms"))
    wanted = params.get("terms", False)
    if type(wanted) is not bool:
        raise Refusal(ErrorCode.BAD_PARAMS, "terms must be true or false")
    regression = model.fit(_formula(params, model))
    table = regression.to_reply()
    g = optimal_g(planned_events, len(regression.coefficients))
    for term, figures in always_valid(regression, g).items():
        table["coefficients"][term]["always_valid"] = asdict(figures)
    if wanted:
        table["terms"] = {term: asdict(it) for term, it in contributions(regression).items()}
    return {
        **table,
        "mixture_precision": g,
        "residuals": diagnose(model.summary, regression).to_reply(),
        "prequential": model.errors,
        **_basis(model, regression.formula),
    }


def _predict(params: dict[str, Any], model: Model) -> Reply:
    """Predict by river's model for the configured formula, by the exact regression for others."""
    params = dict(params)
    level = _level(params.pop("level", LEVEL))
    named = {"formula": params.pop("formula")} if "formula" in params else None
    own = model.spec.formula
    given = features(params, model.spec.fields, own.target if named is None else None)
    formula = _formula_of(given, model) if named is None else _formula(named, model)
    _all_given(given, formula)
    regression = model.fit(formula)
    exact = predict(regression, given, level)
    name = "ols"
    if formula == own:
        name = model.spec.learner
        exact = exact.around(model.predict(given))
    reply: Reply = {
        "prediction": exact.prediction,
        "interval": {"level": level, "low": exact.low, "high": exact.high},
        "model": name,
    }
    if name == "sgd":
        del reply["interval"]  # it is the exact regression's
        reply["average_of_partitions"] = len(model.parts)
    return {**reply, **_basis(model, formula)}


def _formula_of(given: dict[str, float], model: Model) -> Formula:
    """The formula for these features: the configured one, or one over just these."""
    own = model.spec.formula
    if given.keys() == set(own.terms):
        return own
    if not given:
        raise Refusal(ErrorCode.BAD_PARAMS, f"no feature is given; the formula is {own}")
    return Formula(own.target, tuple(name for name in model.spec.fields if name in given))


def _all_given(given: dict[str, float], formula: Formula) -> None:
    for name in formula.terms:
        if name not in given:
            raise Refusal(ErrorCode.MISSING_FIELD, f"{name} is missing; the formula is {formula}")


def _formula(params: dict[str, Any], model: Model) -> Formula:
    """The requested formula; the configured one by default."""
    own = model.spec.formula
    text = params.get("formula")
    if text is None:
        return own
    if type(text) is not str:
        raise Refusal(ErrorCode.BAD_FORMULA, "formula must be a string such as 'sales ~ tv'")
    formula = parse_formula(text, model.spec.fields, own.target)
    same = formula.target == own.target and set(formula.terms) == set(own.terms)
    return own if same else formula


def _level(level: object) -> float:
    if type(level) is not float or not 0 < level < 1:
        raise Refusal(ErrorCode.BAD_PARAMS, "level must be a number between 0 and 1")
    return level


def _no_others(params: dict[str, Any], *, allowed: tuple[str, ...]) -> None:
    if others := params.keys() - set(allowed):
        known = f"; known: {', '.join(allowed)}" if allowed else ""
        raise Refusal(ErrorCode.BAD_PARAMS, f"{len(others)} unknown parameter(s){known}")


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _basis(model: Model, formula: Formula) -> Reply:
    """The formula, events and positions that an answer is based on."""
    return {"formula": str(formula), "events": model.events, "positions": model.positions}
