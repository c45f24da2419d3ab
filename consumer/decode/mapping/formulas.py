"""The formulas of a model file, checked against each other and against its fields."""

from collections.abc import Mapping, Sequence

from consumer.decode.formula import echo
from consumer.decode.mapping.fields import OMIT, REFUSE, Field
from consumer.decode.request_error import RequestError
from consumer.decode.wilkinson.design import Design, Variables, design

MAX_CHALLENGERS = 8
"""Each costs about as much as the formula itself."""


class ModelFileError(ValueError):
    """The model file is not usable; the message has a line for each fault, with its key."""


def checked_design(variables: Variables, formula: str, keep: tuple[str, ...]) -> Design:
    """The design.

    Raises:
        ModelFileError: With the fault of the formula and of each kept term by itself.
    """
    faults = []
    for key, text, terms in (("formula", formula, ()), *(("keep", "~ 1", (it,)) for it in keep)):
        try:
            design(variables, text, terms)
        except RequestError as refusal:
            faults.append(f"{key}: {refusal.message}")
    if faults:
        raise ModelFileError("\n".join(faults))
    try:
        made = design(variables, formula, keep)
        made.formula(formula)
    except RequestError as refusal:
        raise ModelFileError(f"formula, keep: {refusal.message}") from None
    return made


def check_target(made: Design, formula: str, named: Mapping[str, Field]) -> None:
    """Check the fields that the target is made of.

    Raises:
        ModelFileError: An event that lacks one of them would not be unlabelled.
    """
    for name in sorted(target_fields(made, formula)):
        if named[name].missing not in (OMIT, REFUSE):
            raise ModelFileError(
                f"fields.{name}.missing: is not for the target; events that lack it are unlabelled"
            )


def checked_challengers(made: Design, formula: str, texts: Sequence[str]) -> tuple[str, ...]:
    """The formulas that are compared with the model's.

    Raises:
        ModelFileError: With the fault of each.
    """
    own = made.formula(formula)
    faults, seen = [], {(own.target, frozenset(own.names)): "is the formula"}
    if len(texts) > MAX_CHALLENGERS:
        faults.append(f"there are {len(texts)}; the limit is {MAX_CHALLENGERS}")
    for text in texts:
        try:
            found = made.formula(text, own.target)
        except RequestError as refusal:
            faults.append(f"{echo(text)}: {refusal.message}")
            continue
        if found.target != own.target:
            faults.append(f"{echo(text)} explains {found.target}, and the formula {own.target}")
        elif (fault := seen.get(key := (found.target, frozenset(found.names)))) is not None:
            faults.append(f"{echo(text)} {fault}")
        else:
            seen[key] = "is listed twice"
    if faults:
        raise ModelFileError("\n".join(f"challengers: {fault}" for fault in faults))
    return tuple(texts)


def target_fields(made: Design, formula: str) -> frozenset[str]:
    """The fields that the target of a formula is made of."""
    target = made.formula(formula).target
    function = next((it for it in made.functions if it.name == target), None)
    return frozenset((target,)) if function is None else function.fields
