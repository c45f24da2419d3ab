"""The columns that a model keeps, and the formulas that they answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from consumer.decode.formula import Combination, Formula, bad_formula, echo
from consumer.decode.request_error import RequestError
from consumer.decode.wilkinson.coding import MAX_COLUMNS, Factor, Product, Sum, Term, code
from consumer.decode.wilkinson.expressions import Expression, category_in, expression
from contract.messages import ErrorCode

MAX_NUMBERS = 3
"""The most numbers in one product: of three the squares can still be summed in a double."""

BOOLEAN = ("False", "True")
"""The levels of a boolean in ``C()``, as formulaic names them."""


@dataclass(frozen=True, slots=True)
class Variables:
    """What a formula may name.

    Attributes:
        numbers: The numeric fields, booleans among them.
        booleans: Those that are 0 or 1.
        categories: The levels of each category, the reference first.
        names: All of them, in the order of the model file.
    """

    numbers: frozenset[str]
    booleans: frozenset[str]
    categories: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Design:
    """The kept columns: each a product of numbers and of indicators of levels.

    Attributes:
        variables: What a formula may name.
        products: The columns after the intercept, in their order.
        functions: The functions of fields among their numbers.
    """

    variables: Variables
    products: tuple[Product, ...]
    functions: tuple[Expression, ...] = field(default=())

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The names of a row: the fields, then the functions of them."""
        return (*self.variables.names, *(it.name for it in self.functions))

    @cached_property
    def _numbers(self) -> dict[Product, int]:
        return {product: number for number, product in enumerate(((), *self.products))}

    def formula(self, text: str, target: str | None = None) -> Formula:
        """Read a formula over the kept columns.

        Args:
            text: From anywhere.
            target: What is explained if the left of the ~ is empty.

        Raises:
            RequestError: ``bad-formula`` if it does not parse; ``unknown-field``; ``not-kept`` if
                it needs a column that is not kept, with the ``keep`` that would make it possible.
        """
        wanted = _Wanted.read(text, self.variables, target)
        columns = code(wanted.terms, wanted.factors)
        lacks = [
            term
            for term in wanted.terms
            if any(set(it) - self._numbers.keys() for it in code([term], wanted.factors).values())
        ]
        if wanted.left not in self._numbers:
            lacks.append((wanted.target,))
        if lacks:
            names = [":".join(term) for term in lacks]
            keep = ", ".join(f'"{name}"' for name in names)
            raise RequestError(
                ErrorCode.NOT_KEPT,
                f"the model keeps no columns for {echo(', '.join(names))}; keep = [{keep[:400]}] "
                "in the model file would, from the log on",
            )
        named = {name: it for name, it in columns.items() if name}
        sums = [*map(self._combination, named.values()), ((self._numbers[wanted.left], 1.0),)]
        return Formula(
            wanted.target, tuple(named), () in wanted.terms, tuple(sums), wanted.as_text()
        )

    def _combination(self, column: Sum) -> Combination:
        return tuple(sorted((self._numbers[product], weight) for product, weight in column.items()))


def design(variables: Variables, formula: str, keep: Sequence[str]) -> Design:
    """The design that answers a formula and keeps further terms.

    Raises:
        RequestError: ``bad-formula`` or ``unknown-field`` for either; ``bad-formula`` beyond
            MAX_COLUMNS.
    """
    products: dict[Product, None] = {}
    for name in variables.names:
        levels = variables.categories.get(name)
        places = [None] if levels is None else range(1, len(levels))
        products |= {((name, place),): None for place in places}
    functions: dict[str, Expression] = {}
    for text in (formula, *(f"~ {term}" for term in keep)):
        wanted = _Wanted.read(text, variables, target="")
        functions |= wanted.functions
        for column in code(wanted.terms, wanted.factors).values():
            products |= dict.fromkeys(column)
        products |= {wanted.left: None} if wanted.left else {}
    products.pop((), None)
    if len(products) + 1 > MAX_COLUMNS:
        raise bad_formula(f"{len(products) + 1} columns would be kept; the limit is {MAX_COLUMNS}")
    return Design(variables, tuple(products), tuple(functions.values()))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A formula with the meaning of its factors."""

    target: str
    left: Product
    terms: tuple[Term, ...]
    factors: dict[str, Factor]
    functions: dict[str, Expression]

    @classmethod
    def read(cls, text: str, variables: Variables, target: str | None) -> "_Wanted":
        # Formulaic takes half a second to import, which flat numbers need not wait for.
        from consumer.decode.wilkinson.syntax import read_sides  # noqa: PLC0415

        sides = read_sides(text, variables.names)
        if not sides.terms:
            raise bad_formula(f"{echo(text)} has no term on the right of the ~")
        left = target if sides.target is None else sides.target
        if left is None:
            raise bad_formula("there is no target on the left of the ~")
        named = {name: None for term in sides.terms for name in term}
        if left in named:
            raise bad_formula(f"{echo(left)} is on both sides of the ~")
        factors: dict[str, Factor] = {}
        functions: dict[str, Expression] = {}
        for name in (*named, *([left] if left else [])):
            factors[name] = _factor(name, variables, functions)
        if left and factors[left].levels is not None:
            raise bad_formula(f"{echo(left)} is a category: the target must be a number")
        for term in sides.terms:
            if sum(factors[name].levels is None for name in term) > MAX_NUMBERS:
                raise bad_formula(f"{echo(':'.join(term))} has more than {MAX_NUMBERS} numbers")
        product = ((factors[left].source, None),) if left else ()
        return cls(left, product, sides.terms, factors, functions)

    def as_text(self) -> str:
        names = [":".join(term) for term in self.terms if term]
        if () not in self.terms:
            names.insert(0, "0")
        return f"{self.target} ~ {' + '.join(names) or '1'}"


def _factor(text: str, variables: Variables, functions: dict[str, Expression]) -> Factor:
    """The meaning of a factor; a function of fields is noted among the functions.

    Raises:
        RequestError: ``bad-formula`` or ``unknown-field``.
    """
    if text in variables.numbers:
        return Factor(text, text)
    if text in variables.categories:
        return Factor(text, text, variables.categories[text])
    if (name := category_in(text)) is not None:
        if name in variables.categories:
            return Factor(text, name, variables.categories[name])
        if name in variables.booleans:
            return Factor(text, name, BOOLEAN, number=name)
        _check_known([name], variables)
        raise bad_formula(f"{echo(text)}: {name} is a number; C() takes a category or a boolean")
    if "(" not in text:
        _check_known([text], variables)
    made = expression(text)
    _check_known(made.fields, variables)
    if categories := made.fields & variables.categories.keys():
        raise bad_formula(f"{echo(text)}: {min(categories)} is a category, not a number")
    functions[made.name] = made
    return Factor(text, made.name)


def _check_known(names: Iterable[str], variables: Variables) -> None:
    for name in sorted(names):
        if name not in variables.names:
            raise RequestError(
                ErrorCode.UNKNOWN_FIELD,
                f"{echo(name)} is not a field; the fields are {', '.join(variables.names)}",
            )
