"""The text of a formula, read into its target and its terms; nothing in it is evaluated.

The grammar is Wilkinson's, by formulaic's parser up to its syntax tree: ``+ - : * ^ ( ) 0 1`` and
``.`` between factors. A factor is a name, one in backquotes, or the text of a function call, which
``expressions`` reads. What an operator makes of its terms is formulaic's, and thereby R's, but
counted before it is made: a formula comes from outside, and ``(a + b + c)^30`` has 10^14 products.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

from formulaic.errors import FormulaicError
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.types import ASTNode, Token

from consumer.decode.formula import MAX_FORMULA_LENGTH, bad_formula, echo
from consumer.decode.wilkinson.coding import Term

MAX_TERMS = 256
"""The most terms that any part of a formula may have."""

MAX_OPERATORS = 256
"""The most operators and brackets in a formula."""

MAX_PRODUCTS = 20_000
"""The most products of terms that are made on the way, whatever becomes of them."""

MAX_FACTORS = 8
"""The most factors of one term."""

Terms = dict[frozenset[str], Term]
"""Terms by their factors: ``a:b`` and ``b:a`` are the same, named by the one that came first."""

ONE: Terms = {frozenset(): ()}


@dataclass(frozen=True, slots=True)
class Sides:
    """A formula as it is written, without regard to what its factors are.

    Attributes:
        target: The factor on the left; None if there is none.
        terms: The terms on the right, those of fewer factors first, as in R; the empty one is the
            intercept.
    """

    target: str | None
    terms: tuple[Term, ...]


def read_sides(text: str, fields: tuple[str, ...]) -> Sides:
    """Read a formula.

    Args:
        text: From anywhere.
        fields: What ``.`` stands for, less the target.

    Raises:
        RequestError: ``bad-formula`` if it does not parse or is beyond a limit.
    """
    if len(text) > MAX_FORMULA_LENGTH:
        raise bad_formula(
            f"the formula has {len(text)} characters; the limit is {MAX_FORMULA_LENGTH}"
        )
    if "~" not in text:
        raise bad_formula(f"{echo(text)} has no ~ between the target and the terms")
    if len(re.findall(r"[^\w\s.`]", text)) > MAX_OPERATORS:
        raise bad_formula(f"the formula has more than {MAX_OPERATORS} operators and brackets")
    try:
        tree = DefaultFormulaParser().get_ast(text)
    except (FormulaicError, SyntaxError, ValueError, RecursionError, MemoryError, IndexError):
        raise bad_formula(
            f"{echo(text)} does not parse; a formula looks like 'y ~ a + b + a:b'"
        ) from None
    left, right = _sides(tree, text)
    target = None if left is None else _only(left, text)
    rest = tuple(name for name in fields if name != target)
    terms = sorted(_Reader(text, rest).terms(right).values(), key=len)
    return Sides(target, tuple(terms))


def _sides(tree: Any, text: str) -> tuple[Any, Any]:  # noqa: ANN401 - formulaic's tree has no types
    if not isinstance(tree, ASTNode) or tree.operator.symbol != "~":
        raise bad_formula(f"{echo(text)} has no ~ between the target and the terms")
    sides = list(tree.args)
    return (None, sides[0]) if len(sides) == 1 else (sides[0], sides[1])


def _only(left: Any, text: str) -> str:  # noqa: ANN401
    if not isinstance(left, Token) or left.kind not in (Token.Kind.NAME, Token.Kind.PYTHON):
        raise bad_formula(f"the left of the ~ in {echo(text)} must be one field or function of it")
    return str(left.token)


class _Reader:
    """Makes terms of a syntax tree."""

    def __init__(self, text: str, rest: tuple[str, ...]) -> None:
        self._text = text
        self._rest = rest
        self._made = 0
        self._operations: dict[tuple[str, int], Callable[..., Terms]] = {
            ("+", 1): lambda terms: terms,
            ("-", 1): lambda _: {},
            ("+", 2): _sum,
            ("-", 2): lambda left, right: {k: it for k, it in left.items() if k not in right},
            (":", 2): self._products,
            ("*", 2): lambda left, right: _sum(_sum(left, right), self._products(left, right)),
        }

    def terms(self, node: Any) -> Terms:  # noqa: ANN401
        """The terms of a node; it is at most MAX_OPERATORS deep."""
        if isinstance(node, Token):
            return self._leaf(node)
        symbol, parts = node.operator.symbol, list(node.args)
        if symbol in ("^", "**"):
            return self._power(self.terms(parts[0]), parts[1])
        if symbol == ".":
            return {frozenset((name,)): (name,) for name in self._rest}
        sets = [self.terms(part) for part in parts]
        operation = self._operations.get((symbol, len(sets)))
        if operation is None:
            raise bad_formula(f"{symbol} in {echo(self._text)} is not one of + - : * ^ ( ) 0 1")
        return self._bounded(operation(*sets))

    def _leaf(self, token: Token) -> Terms:
        text = str(token.token)
        if token.kind is Token.Kind.VALUE:
            if text == "1":
                return ONE
            raise bad_formula(f"{echo(text)} in a formula: of numbers alone 0 and 1 are terms")
        return {frozenset((text,)): (text,)}

    def _power(self, base: Terms, exponent: Any) -> Terms:  # noqa: ANN401
        text = str(exponent.token) if isinstance(exponent, Token) else ""
        if not re.fullmatch(r"[1-9]", text):
            raise bad_formula(
                f"the exponent of ^ in {echo(self._text)} must be a whole number from 1 to 9; "
                "a power of a field is I(x**2)"
            )
        terms = base
        for _ in range(int(text) - 1):
            terms = self._products(terms, base)
        return terms

    def _products(self, left: Terms, right: Terms) -> Terms:
        products: Terms = {}
        self._made += len(left) * len(right)
        if self._made > MAX_PRODUCTS:
            raise bad_formula(f"{echo(self._text)} has more than {MAX_TERMS} terms on the way")
        for one, other in product(left.values(), right.values()):
            term = tuple(dict.fromkeys((*one, *other)))
            if len(term) > MAX_FACTORS:
                raise bad_formula(f"a term has more than {MAX_FACTORS} factors")
            products.setdefault(frozenset(term), term)
        return self._bounded(products)

    def _bounded(self, terms: Terms) -> Terms:
        if len(terms) > MAX_TERMS:
            raise bad_formula(f"{echo(self._text)} has more than {MAX_TERMS} terms")
        return terms


def _sum(left: Terms, right: Terms) -> Terms:
    """The terms of both, named by the left where they are in both."""
    return left | {key: term for key, term in right.items() if key not in left}
