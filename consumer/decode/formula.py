"""Formulas: ``sales ~ tv + radio``, the part of R's language that a linear regression needs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consumer.decode.refusal import Refusal
from contract.messages import ErrorCode

INTERCEPT = "Intercept"
"""The name of the constant term."""

MAX_FORMULA_LENGTH = 4096
"""In characters; longer text is refused without parsing."""

MAX_ECHO_LENGTH = 80
"""At most this many characters of the input are repeated in a message."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@dataclass(frozen=True, slots=True)
class Formula:
    """A target and the terms that explain it; the intercept is always included.

    Attributes:
        target: The field on the left.
        terms: The fields on the right, each once, in the order of the formula; none for ``~ 1``.
    """

    target: str
    terms: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.target} ~ {' + '.join(self.terms) or '1'}"


def parse_formula(text: str, fields: Sequence[str], target: str | None = None) -> Formula:
    """Read a formula over ``fields``.

    The right side is a sum of field names, ``1`` (the intercept, always included) and ``.``
    (every field but the target, in order). White space is free, and a repeated term counts once,
    as in R. The left side may be empty (``~ tv``) if ``target`` is given.

    Raises:
        Refusal: ``bad-formula`` if it does not parse or a field explains itself;
            ``unknown-field`` for a name that is not in ``fields``.
    """
    if len(text) > MAX_FORMULA_LENGTH:
        raise _bad(f"the formula has {len(text)} characters; the limit is {MAX_FORMULA_LENGTH}")
    left, tilde, right = text.partition("~")
    if not tilde:
        raise _bad(f"{_echo(text)} has no ~ between the target and the terms")
    response = _target(left.strip(), fields, target)
    terms = tuple(dict.fromkeys(_terms(right, response, fields)))
    if response in terms:
        raise _bad(f"{response} is on both sides of the ~")
    return Formula(response, terms)


def _target(name: str, fields: Sequence[str], default: str | None) -> str:
    if name:
        return _field(name, fields)
    if default is None:
        raise _bad("there is no target on the left of the ~")
    return default


def _terms(right: str, target: str, fields: Sequence[str]) -> Iterator[str]:
    for part in right.split("+"):
        match part.strip():
            case "":
                raise _bad("a term is missing on the right of the ~")
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
        raise _bad(f"{_echo(name)} is not a field name; a formula looks like 'y ~ a + b'")
    raise Refusal(
        ErrorCode.UNKNOWN_FIELD,
        f"{_echo(name)} is not a field; the fields are {', '.join(fields)}",
    )


def _bad(message: str) -> Refusal:
    return Refusal(ErrorCode.BAD_FORMULA, message)


def _echo(text: str) -> str:
    quoted = repr(text)
    return quoted if len(quoted) <= MAX_ECHO_LENGTH else f"{quoted[: MAX_ECHO_LENGTH - 4]}...'"
