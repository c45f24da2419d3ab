"""Functions of fields, ``log(price)`` or ``I(price ** 2)``: read from text, and computed by hand.

Python's grammar reads the text, and only arithmetic over names and numbers is taken from its tree:
nothing is compiled, and no attribute, subscript or other call is let through.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from consumer.decode.formula import bad_formula, echo
from consumer.decode.request_error import RequestError

MAX_VALUE = 1e24
"""The largest magnitude of a function's value: the square of the largest field. Products of three
stay far within the range of a double, squared and summed."""

MAX_NODES = 64
"""The most numbers, names and operators of one expression."""

MAX_EXPONENT = 8.0

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "log": math.log,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "I": float,
}

_SIGNS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

_QUOTED = re.compile(r"`([^`]*)`")

Compute = Callable[[Mapping[str, float]], float]
"""The value for these fields. Raises ArithmeticError or ValueError where there is none."""


@dataclass(frozen=True)
class Expression:
    """A number computed from numeric fields.

    Attributes:
        name: The normalised text: ``I(price ** 2)``.
        fields: The fields that it names.
        compute: Its value.
    """

    name: str
    fields: frozenset[str]
    compute: Compute = field(compare=False, repr=False)

    def __call__(self, values: Mapping[str, float]) -> float | None:
        """Its value, or None if it has none: outside a function's domain, or beyond MAX_VALUE."""
        try:
            value = self.compute(values)
        except (ValueError, ArithmeticError):
            return None
        return value if -MAX_VALUE <= value <= MAX_VALUE else None  # NaN is not


def expression(text: str) -> Expression:
    """The expression of a formula's factor, as the parser normalised it.

    Raises:
        RequestError: ``bad-formula`` for anything but arithmetic on fields in the known functions.
    """
    quoted: dict[str, str] = {}

    def alias(found: re.Match[str]) -> str:
        name = f"_quoted_{len(quoted)}_"
        quoted[name] = found[1]
        return name

    try:
        tree = ast.parse(_QUOTED.sub(alias, text), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise bad_formula(f"{echo(text)} does not parse") from None
    if not isinstance(tree, ast.Call):
        raise _unknown(text)
    if sum(1 for _ in ast.walk(tree)) > 4 * MAX_NODES:
        raise bad_formula(f"{echo(text)} has more than {MAX_NODES} parts")
    reader = _Reader(text, quoted)
    compute = reader.read(tree)
    if not reader.names:
        raise bad_formula(f"{echo(text)} names no field")
    return Expression(text, frozenset(reader.names), compute)


def category_in(text: str) -> str | None:
    """The NAME of ``C(NAME)``; None for any other text."""
    found = re.fullmatch(r"C\((?:`([^`]*)`|([^\W\d]\w*))\)", text)
    return None if found is None else found[1] or found[2]


class _Reader:
    """Makes a computation of a syntax tree, and notes the names in it."""

    def __init__(self, text: str, quoted: Mapping[str, str]) -> None:
        self._text = text
        self._quoted = quoted
        self.names: set[str] = set()

    def read(self, tree: ast.expr) -> Compute:
        """The computation of a tree; refused if it is not arithmetic."""
        match tree:
            case ast.Name(name):
                return self._field(self._quoted.get(name, name))
            case ast.Constant(value):
                number = self._number(value)
                return lambda _values: number
            case ast.UnaryOp(ast.USub(), operand):
                inner = self.read(operand)
                return lambda values: -inner(values)
            case ast.BinOp(left, ast.Pow(), right):
                return _powered(self.read(left), self._exponent(right))
            case ast.BinOp(left, sign, right) if type(sign) in _SIGNS:
                return _joined(_SIGNS[type(sign)], self.read(left), self.read(right))
            case ast.Call(ast.Name(name), [argument], []) if name in FUNCTIONS:
                function, inner = FUNCTIONS[name], self.read(argument)
                return lambda values: function(inner(values))
        raise _unknown(self._text)

    def _field(self, name: str) -> Compute:
        self.names.add(name)
        return lambda values: values[name]

    def _number(self, value: object) -> float:
        if (type(value) is int or type(value) is float) and abs(value) <= MAX_VALUE:
            return float(value)
        raise _unknown(self._text)

    def _exponent(self, tree: ast.expr) -> float:
        match tree:
            case ast.Constant(value):
                exponent = self._number(value)
            case ast.UnaryOp(ast.USub(), ast.Constant(value)):
                exponent = -self._number(value)
            case _:
                exponent = math.inf
        if abs(exponent) > MAX_EXPONENT:
            message = f"the exponent in {echo(self._text)} must be a number, at most"
            raise bad_formula(f"{message} {MAX_EXPONENT:g}")
        return exponent


def _powered(base: Compute, exponent: float) -> Compute:
    def power(values: Mapping[str, float]) -> float:
        value = base(values)
        return value * value if exponent == 2 else math.pow(value, exponent)  # noqa: PLR2004 - as numpy

    return power


def _joined(sign: Callable[[float, float], float], left: Compute, right: Compute) -> Compute:
    return lambda values: sign(left(values), right(values))


def _unknown(text: str) -> RequestError:
    return bad_formula(
        f"{echo(text)} is not a function of fields: known are {', '.join(FUNCTIONS)} and C, "
        "with + - * / ** inside"
    )
