"""Functions of fields, ``log(price)`` or ``I(price ** 2)``: read from text, and computed by hand.

Python's grammar reads the text, and only arithmetic over names and numbers is taken from its tree:
nothing is compiled, and no attribute, subscript or other call is let through.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from consumer.decode.formula import bad_formula, echo

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

_QUOTED = re.compile(r"`([^`]*)`")

Node = float | str | tuple["Operation", tuple["Node", ...]]
Operation = Callable[..., float]


@dataclass(frozen=True)
class Expression:
    """A number computed from numeric fields; equal where its normalised text is.

    Attributes:
        name: The normalised text: ``I(price ** 2)``.
    """

    name: str

    @cached_property
    def _tree(self) -> Node:
        return _read(self.name)

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields that it names."""
        return frozenset(_names(self._tree))

    def __call__(self, values: Mapping[str, float]) -> float | None:
        """Its value, or None if it has none: outside a function's domain, or beyond MAX_VALUE."""
        try:
            value = _compute(self._tree, values)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return value if -MAX_VALUE <= value <= MAX_VALUE else None  # NaN is not


def expression(text: str) -> Expression:
    """The expression of a formula's factor, as the parser normalised it.

    Raises:
        Refusal: ``bad-formula`` for anything but arithmetic on fields in the known functions.
    """
    made = Expression(text)
    if not made.fields:
        raise bad_formula(f"{echo(text)} names no field")
    return made


def category_in(text: str) -> str | None:
    """The NAME of ``C(NAME)``; None for any other text."""
    found = re.fullmatch(r"C\((?:`([^`]*)`|([^\W\d]\w*))\)", text)
    return None if found is None else found[1] or found[2]


def _read(text: str) -> Node:
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
    return _node(tree, quoted, text)


def _node(tree: ast.expr, quoted: Mapping[str, str], text: str) -> Node:
    def inner(part: ast.expr) -> Node:
        return _node(part, quoted, text)

    match tree:
        case ast.Name(name):
            return quoted.get(name, name)
        case ast.Constant(value) if type(value) in (int, float) and abs(value) <= MAX_VALUE:
            return float(value)
        case ast.UnaryOp(ast.USub(), operand):
            return (_negative, (inner(operand),))
        case ast.BinOp(left, ast.Add(), right):
            return (_plus, (inner(left), inner(right)))
        case ast.BinOp(left, ast.Sub(), right):
            return (_minus, (inner(left), inner(right)))
        case ast.BinOp(left, ast.Mult(), right):
            return (_times, (inner(left), inner(right)))
        case ast.BinOp(left, ast.Div(), right):
            return (_over, (inner(left), inner(right)))
        case ast.BinOp(left, ast.Pow(), right):
            exponent = inner(right)
            if type(exponent) is tuple and exponent[0] is _negative:
                (operand,) = exponent[1]
                exponent = -operand if type(operand) is float else operand
            if type(exponent) is not float or abs(exponent) > MAX_EXPONENT:
                raise bad_formula(
                    f"the exponent in {echo(text)} must be a number of at most {MAX_EXPONENT:g}"
                )
            return (_power, (inner(left), exponent))
        case ast.Call(ast.Name(name), [argument], []) if name in FUNCTIONS:
            return (FUNCTIONS[name], (inner(argument),))
    raise _unknown(text)


def _unknown(text: str) -> Exception:
    return bad_formula(
        f"{echo(text)} is not a function of fields: known are {', '.join(FUNCTIONS)} and C, "
        "with + - * / ** inside"
    )


def _compute(node: Node, values: Mapping[str, float]) -> float:
    if type(node) is float:
        return node
    if type(node) is str:
        return values[node]
    operation, operands = node  # type: ignore[misc]
    return operation(*[_compute(operand, values) for operand in operands])


def _names(node: Node) -> list[str]:
    if type(node) is str:
        return [node]
    return [] if type(node) is float else [it for part in node[1] for it in _names(part)]  # type: ignore[index, union-attr]


def _negative(a: float) -> float:
    return -a


def _plus(a: float, b: float) -> float:
    return a + b


def _minus(a: float, b: float) -> float:
    return a - b


def _times(a: float, b: float) -> float:
    return a * b


def _over(a: float, b: float) -> float:
    return a / b


def _power(a: float, b: float) -> float:
    return a * a if b == 2 else math.pow(a, b)  # noqa: PLR2004 - as numpy does
