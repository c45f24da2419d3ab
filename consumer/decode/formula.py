"""Formulas: ``sales ~ tv + radio``, the part of R's language that a linear regression needs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consumer.decode.request_error import RequestError
from contract.messages import ErrorCode

INTERCEPT = "Intercept"
"""The name of the constant term."""

MAX_FORMULA_LENGTH = 4096
"""In characters; longer text is refused without parsing."""

MAX_ECHO_LENGTH = 80
"""At most this many characters of the input are repeated in a message."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


Combination = tuple[tuple[int, float], ...]
"""A weighted sum of kept columns, by their numbers; the intercept's is 0."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A target and the terms that explain it.

    Attributes:
        target: What is on the left: a field, or a function of one.
        terms: The names of the columns on the right, each once, in their order; without the
            intercept. In a model of flat numbers they are fields.
        intercept: Whether there is an intercept.
        columns: The terms and then the target, as sums of the columns that the model keeps; None if
            each is the kept column of its name.
        text: The formula as it is shown; None: a sum of the terms.
    """

    target: str
    terms: tuple[str, ...]
    intercept: bool = True
    columns: tuple[Combination, ...] | None = None
    text: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients' names, the intercept first if there is one."""
        return (INTERCEPT, *self.terms) if self.intercept else self.terms

    def __str__(self) -> str:
        return self.text or f"{self.target} ~ {' + '.join(self.terms) or '1'}"


def parse_formula(text: str, fields: Sequence[str], target: str | None = None) -> Formula:
    """Read a formula over ``fields``.

    The right side is a sum of field names, ``1`` (the intercept, always included) and ``.``
    (every field but the target, in order). White space is free, and a repeated term counts once,
    as in R. The left side may be empty (``~ tv``) if ``target`` is given.

    Raises:
        RequestError: ``bad-formula`` if it does not parse or a field explains itself;
            ``unknown-field`` for a name that is not in ``fields``.
    """
    if len(text) > MAX_FORMULA_LENGTH:
        raise bad_formula(
            f"the formula has {len(text)} characters; the limit is {MAX_FORMULA_LENGTH}"
        )
    left, tilde, right = text.partition("~")
    if not tilde:
        raise bad_formula(f"{echo(text)} has no ~ between the target and the terms")
    response = _target(left.strip(), fields, target)
    terms = tuple(dict.fromkeys(_terms(right, response, fields)))
    if response in terms:
        raise bad_formula(f"{response} is on both sides of the ~")
    return Formula(response, terms)


def _target(name: str, fields: Sequence[str], default: str | None) -> str:
    if name:
        return _field(name, fields)
    if default is None:
        raise bad_formula("there is no target on the left of the ~")
    return default


def _terms(right: str, target: str, fields: Sequence[str]) -> Iterator[str]:
    for part in right.split("+"):
        match part.strip():
            case "":
                raise bad_formula("a term is missing on the right of the ~")
            case "1":
                pass
            case ".":
                yield from (field for field in fields if field != target)
            case name:
                yield _field(name, fields)


def _field(name: str, fields: Sequence[str]) -> str:
    if name in fields:
        return name
    if not _NAME.fullmatch(name):
        raise bad_formula(f"{echo(name)} is not a field name; a formula looks like 'y ~ a + b'")
    raise RequestError(
        ErrorCode.UNKNOWN_FIELD,
        f"{echo(name)} is not a field; the fields are {', '.join(fields)}",
    )


def bad_formula(message: str) -> RequestError:
    """The refusal of a formula that does not parse."""
    return RequestError(ErrorCode.BAD_FORMULA, message)


def echo(text: str) -> str:
    """The text in quotes, escaped and cut to MAX_ECHO_LENGTH."""
    quoted = repr(text)
    return quoted if len(quoted) <= MAX_ECHO_LENGTH else f"{quoted[: MAX_ECHO_LENGTH - 4]}...'"
