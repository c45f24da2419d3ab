"""What a question gives and asks for: numbers by name, and the formula that answers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumer.decode import Formula, Record, RequestError, ValueAlone, features
from consumer.decode.mapping import Mapping as EventMapping
from consumer.model.spec import ModelSpec
from contract.messages import ErrorCode


@dataclass(frozen=True, slots=True)
class Asked:
    """A prediction that is asked for.

    Attributes:
        formula: What answers it.
        x: The number of each of its terms, by name.
    """

    formula: Formula
    x: Mapping[str, float]


_NO_RECORD = ValueAlone(None)


def asked(params: dict[str, Any], spec: ModelSpec, record: Record = _NO_RECORD) -> Asked:
    """What a prediction is asked from: fields by name, or a whole event, and maybe a formula.

    Args:
        params: The members ``formula``, ``event``, or fields.
        spec: The model.
        record: What the whole event came in, if it did.

    Raises:
        RequestError: They do not make a question.
    """
    params = dict(params)
    named = {"formula": params.pop("formula")} if "formula" in params else None
    whole = spec.mapping is not None and "event" in params
    if spec.mapping is not None and whole:
        given = _given_whole(params, spec.mapping, record)
    else:
        given = _given(params, spec, free=named is not None)
    formula = _fitting(given, spec, whole=whole) if named is None else wanted(named, spec)
    for name in spec.needs(formula):
        if name not in given:
            raise RequestError(
                ErrorCode.MISSING_FIELD, f"{name} is missing; the formula is {formula}"
            )
    return Asked(formula, spec.x(formula, given))


def wanted(params: dict[str, Any], spec: ModelSpec) -> Formula:
    """The formula among the parameters; the configured one by default.

    Raises:
        RequestError: It is not one, or the model does not keep its columns.
    """
    own = spec.formula
    text = params.get("formula")
    if text is None:
        return own
    if type(text) is not str:
        raise RequestError(ErrorCode.BAD_FORMULA, f"formula must be a string such as '{own}'")
    formula = spec.parse(text)
    same = formula.target == own.target and set(formula.names) == set(own.names)
    return own if same else formula


def _given_whole(params: dict[str, Any], mapping: EventMapping, record: Record) -> dict[str, float]:
    """The numbers of a whole event, by field."""
    if len(params) > 1:
        message = "event is the whole event: fields cannot be given beside it"
        raise RequestError(ErrorCode.BAD_PARAMS, message)
    return mapping.given_event(params["event"], record)


def _given(params: dict[str, Any], spec: ModelSpec, *, free: bool) -> dict[str, float]:
    """The numbers by field; the target is none of the features, unless the formula is free."""
    target = None if free else spec.formula.target
    if spec.mapping is None:
        return features(params, spec.fields, target)
    if target in params:
        raise RequestError(ErrorCode.BAD_PARAMS, f"{target} is the target, not a feature")
    return spec.mapping.given(params)


def _fitting(given: Mapping[str, float], spec: ModelSpec, *, whole: bool) -> Formula:
    """The formula for these features: the configured one, or one over just these.

    A whole event may have more than the configured formula needs.
    """
    own = spec.formula
    needed = set(spec.needs(own))
    named = [name for name in spec.sources if name in given]
    if needed <= set(named) if whole else needed == set(named):
        return own
    if not named:
        raise RequestError(ErrorCode.BAD_PARAMS, f"no feature is given; the formula is {own}")
    return spec.sum_of(name for name in named if name != own.target)
