"""A request and the model in; a reply out. Pure: it decides, the responder acts."""

from typing import Any

from consumer.model import Model
from consumer.refusal import Refusal
from consumer.request import Request, features
from contract.messages import ErrorCode, Method

Reply = dict[str, Any]


def answer(request: Request, model: Model) -> Reply:
    """The reply to a request, from the model as it is now.

    Raises:
        Refusal: The request cannot be answered honestly: a code and a sentence.
    """
    if request.method is Method.PREDICT:
        return _predict(request.params, model)
    raise Refusal(ErrorCode.UNKNOWN_METHOD, f"{request.method} is not served yet")


def basis(model: Model) -> Reply:
    """What an answer rests on."""
    return {
        "formula": str(model.recipe.formula),
        "events": model.events,
        "positions": model.positions,
    }


def error(refusal: Refusal) -> Reply:
    """The reply that carries a refusal."""
    return {"error": {"code": refusal.code, "message": refusal.message}}


def _predict(params: dict[str, Any], model: Model) -> Reply:
    formula = model.recipe.formula
    given = features(params, model.recipe.fields, formula.target)
    for name in formula.terms:
        if name not in given:
            raise Refusal(ErrorCode.MISSING_FIELD, f"{name} is missing; the formula is {formula}")
    needed = model.recipe.enough
    if model.events < needed:
        raise Refusal(
            ErrorCode.TOO_FEW_EVENTS,
            f"{model.events} events learned; {formula} takes at least {needed}",
        )
    return {"prediction": model.predict(given), **basis(model)}
