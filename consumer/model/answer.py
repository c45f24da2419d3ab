"""Answers a request from the model. Pure: the responder sends the reply."""

import math
from dataclasses import asdict
from typing import Any

import orjson

from consumer.decode import Formula, Record, Rejected, Request, RequestError
from consumer.model.asked import asked, wanted
from consumer.model.merged import Model
from consumer.model.statistics.inference.anytime import PLANNED_EVENTS, always_valid, optimal_g
from consumer.model.statistics.inference.describe import describe
from consumer.model.statistics.inference.diagnostics import diagnose
from consumer.model.statistics.inference.robust import NEED_EVENTS, Errors
from consumer.model.statistics.inference.terms import contributions
from consumer.model.statistics.kept.history import WINDOW
from consumer.model.statistics.regression import LEVEL, predict
from contract.messages import ErrorCode, Method, Outcome

Reply = dict[str, Any]


def answer(request: Request, model: Model, planned_events: int = PLANNED_EVENTS) -> Reply:
    """The reply to a question, from this model. A new method is a case here.

    Args:
        request: The question.
        model: What was learned.
        planned_events: The sample size at which always-valid intervals are narrowest.

    Raises:
        RequestError: It cannot be answered.
        ValueError: The method is ``learn``, which the learner acknowledges.
    """
    try:
        return _answer(request, model, planned_events)
    except RequestError as refusal:
        if refusal.code is ErrorCode.TOO_FEW_EVENTS and (said := _not_learned(model)):
            raise RequestError(refusal.code, f"{refusal.message}; {said}") from refusal
        raise


def _answer(request: Request, model: Model, planned_events: int) -> Reply:
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


def error(refusal: RequestError) -> Reply:
    """The reply that carries a refusal."""
    said: Reply = {"code": refusal.code, "message": refusal.message}
    if refusal.positions is not None:
        said["positions"] = {str(number): at for number, at in refusal.positions.items()}
    return {"error": said}


def summarise(model: Model) -> Reply:
    """The summary of the data set: the reply to ``describe``, and to a learned event.

    Raises:
        RequestError: There are no events yet.
    """
    spec = model.spec
    description = describe(model.summary, spec.names, spec.categories, spec.booleans)
    for name, figures in description.fields.items():
        if undeclared := model.undeclared(name):
            figures["undeclared"] = undeclared
        if known_from := model.since(name):
            figures["known_from"] = known_from
    return {
        "summary": description.fields,
        "quantiles": description.quantiles,
        **basis(model, model.spec.formula),
    }


def _describe(params: dict[str, Any], model: Model) -> Reply:
    _no_others(params, allowed=("recent",))
    reply = summarise(model)
    reply["outcomes"] = model.outcomes
    if model.spec.has_late_labels:
        reply["late_labels"] = _late_labels(model)
    if (last := model.last_refused) is not None:
        reply["last_refused"] = {"reason": last.reason, "detail": last.detail}
    if "recent" in params:
        reply["recent"] = _recent(params["recent"], model)
    return reply


def _late_labels(model: Model) -> Reply:
    """How labels that come later fare."""
    outcomes = (Outcome.WAITING, Outcome.MATCHED, Outcome.REPEATED)
    return {**{it.value: model.outcomes[it] for it in outcomes}, **asdict(model.expiries)}


def _recent(number: object, model: Model) -> Reply:
    """The newest labelled rows, newest last, from the window that diagnostics use."""
    if type(number) is not int or not 0 <= number <= WINDOW:
        raise RequestError(
            ErrorCode.BAD_PARAMS, f"recent must be a whole number from 0 to {WINDOW}"
        )
    rows = model.summary.window().tolist()
    oldest = max(0, len(rows) - int(number))
    return {"fields": list(model.spec.names), "rows": [*map(model.spec.shown, rows[oldest:])]}


def _not_learned(model: Model) -> str:
    """How many events wait, how many were refused, and why the last one was; empty if none."""
    waiting, refused = model.outcomes[Outcome.WAITING], model.outcomes[Outcome.REFUSED]
    last = model.last_refused
    if waiting and not refused:
        return f"{waiting} events wait for their labels"
    if not refused:
        return ""
    why = f", the last one because {last.detail}" if last is not None else ""
    return f"{refused} of {sum(model.outcomes.values())} events were refused{why}"


def _train(params: dict[str, Any], model: Model, planned_events: int) -> Reply:
    _no_others(params, allowed=("errors", "formula", "terms"))
    errors = _errors(params)
    each = params.get("terms", False)
    if type(each) is not bool:
        raise RequestError(ErrorCode.BAD_PARAMS, "terms must be true or false")
    formula = wanted(params, model.spec)
    regression = model.fit(formula, errors)
    table = regression.to_reply() | {"errors": errors}
    g = optimal_g(planned_events, len(regression.coefficients))
    for term, figures in always_valid(regression, g).items():
        table["coefficients"][term]["always_valid"] = asdict(figures)
    if each:
        table["terms"] = {term: asdict(it) for term, it in contributions(regression).items()}
    return {
        **table,
        "mixture_precision": g,
        "residuals": diagnose(model.summary, regression).to_reply(),
        "prequential": _prequential(model),
        **({"calibration": model.calibration} if model.calibration else {}),
        **({"challengers": beside} if (beside := model.challengers(planned_events)) else {}),
        **({"since": since} if (since := model.since("formula")) else {}),
        **basis(model, regression.formula),
    }


def _prequential(model: Model) -> Reply:
    return ({"scored": "as-served"} if model.spec.has_late_labels else {}) | model.errors


def _predict(params: dict[str, Any], model: Model, record: Record | None = None) -> Reply:
    """Predict by river's model for the configured formula, by the exact regression for others."""
    params = dict(params)
    level = _level(params.pop("level", LEVEL))
    question = asked(params, model.spec) if record is None else asked(params, model.spec, record)
    formula = question.formula
    exact = predict(model.fit(formula), question.x, level)
    name = "ols"
    if formula == model.spec.formula:
        name = model.spec.learner
        exact = exact.around(model.predict(question.x))
    reply: Reply = {
        "prediction": exact.prediction,
        "interval": {"level": level, "low": exact.low, "high": exact.high},
        "model": name,
    }
    if name != "ols" and not model.spec.has_intervals:
        del reply["interval"]  # it is the exact regression's
        reply["average_of_partitions"] = len(model.parts)
    return {**reply, **basis(model, formula)}


def _errors(params: dict[str, Any]) -> Errors:
    given = params.get("errors", Errors.CLASSICAL)
    if given in tuple(Errors):
        return Errors(given)
    kinds = ", ".join(Errors)
    if given in NEED_EVENTS:
        message = f"{given} errors need each event again, and none is kept; there are {kinds}"
        raise RequestError(ErrorCode.BAD_PARAMS, message)
    raise RequestError(ErrorCode.BAD_PARAMS, f"errors must be one of {kinds}")


def predict_event(event: dict[str, Any] | Rejected, record: Record, model: Model) -> Reply:
    """The prediction for an event without a target, of this record of the log, or the error."""
    if isinstance(event, Rejected):
        return error(RequestError(ErrorCode(event.reason), event.detail))
    params = {"event": event}
    if model.spec.mapping is None:
        params = {name: event[name] for name in model.spec.formula.terms if name in event}
    try:
        return _predict(params, model, record)
    except RequestError as refusal:
        return error(refusal)


def _level(level: object) -> float:
    if type(level) is not float or not 0 < level < 1:
        raise RequestError(ErrorCode.BAD_PARAMS, "level must be a number between 0 and 1")
    return level


def _no_others(params: dict[str, Any], *, allowed: tuple[str, ...]) -> None:
    if others := params.keys() - set(allowed):
        known = f"; known: {', '.join(allowed)}" if allowed else ""
        raise RequestError(ErrorCode.BAD_PARAMS, f"{len(others)} unknown parameter(s){known}")


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def basis(model: Model, formula: Formula) -> Reply:
    """The formula, events and positions that an answer is based on."""
    said: Reply = {"formula": str(formula), "events": model.events, "positions": model.positions}
    if model.spec.counts_absence:
        said["labelled_by_absence"] = model.expiries.by_absence / max(model.events, 1)
    return said
