"""The columns of a formula's terms: which categories are coded in full, and what each is called.

With an intercept, or another term that spans it, a category of L levels has L - 1 columns, one for
each level but the first (treatment coding: ``os[T.Android]``); without, one for each level
(``os[Android]``). The rule for interactions is formulaic's (``_simplify_scoped_terms``), and
so R's: each term adds what the terms before it do not span yet, and no more.

Every column is a sum of products: of numbers, and of indicators of levels other than the first. So
a column in full coding is a sum too, as ``os[iOS]`` is ``1 - os[Android] - os[other]``, and whether
a formula can be answered depends on the products alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from consumer.decode.formula import bad_formula, echo

Term = tuple[str, ...]
"""The factors of a product, each once, in the order of the formula; none for the intercept."""

Part = tuple[str, int | None]
"""A number by its name; or the indicator of a level, by the category and the level's place."""

Product = tuple[Part, ...]
"""What is multiplied, sorted; empty for the intercept."""

Sum = dict[Product, float]
"""Products with their weights."""


MAX_COLUMNS = 256
"""The most columns of a formula, and of a model; the intercept included."""

MAX_CATEGORIES = 6
"""The most categories of one term: it spans two to that power."""

MAX_PRODUCTS = 4096
"""The most products that the columns of one term are made of."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor of a formula, with its meaning.

    Attributes:
        text: As the formula has it.
        source: The number or category that it stands for.
        levels: A category's levels, the reference first; None for a number.
        number: For a category of two levels whose indicator is a number itself (a boolean): its
            name.
    """

    text: str
    source: str
    levels: tuple[str, ...] | None = None
    number: str | None = None

    def columns(self, *, reduced: bool) -> Iterator[tuple[str, Sum]]:
        """Its columns with their names."""
        if self.levels is None:
            yield self.text, {((self.source, None),): 1.0}
            return
        others = {place: self._indicator(place) for place in range(1, len(self.levels))}
        if not reduced:
            rest: Sum = {(): 1.0}
            yield f"{self.text}[{self.levels[0]}]", rest | dict.fromkeys(others.values(), -1.0)
        form = "{}[T.{}]" if reduced else "{}[{}]"
        for place, indicator in others.items():
            yield form.format(self.text, self.levels[place]), {indicator: 1.0}

    def _indicator(self, place: int) -> Product:
        return ((self.source, place) if self.number is None else (self.number, None),)


@dataclass(frozen=True, slots=True)
class _Scoped:
    """A factor in full or reduced coding; equal by its text and its coding."""

    text: str
    reduced: bool


_Span = tuple[_Scoped, ...]


def code(terms: Iterable[Term], factors: Mapping[str, Factor]) -> dict[str, Sum]:
    """The columns of the terms by name, the intercept under the empty name.

    Args:
        terms: In the order of the formula.
        factors: The meaning of each factor that they name.

    Raises:
        RequestError: ``bad-formula`` beyond a limit; it is found before anything large is made.
    """
    columns: dict[str, Sum] = {}
    spanned: set[frozenset[_Scoped]] = set()
    for term in terms:
        _check(term, factors)
        new = {
            frozenset(span): span for span in _span(term, factors) if frozenset(span) not in spanned
        }
        spanned.update(new)
        for span in _simplified(list(new.values())):
            columns |= _columns(span, factors)
        if len(columns) > MAX_COLUMNS:
            raise bad_formula(f"the formula has more than {MAX_COLUMNS} columns")
    return columns


def _check(term: Term, factors: Mapping[str, Factor]) -> None:
    """Refuse a term of too many columns, or with a category twice."""
    categories = [factors[text] for text in term if factors[text].levels is not None]
    if len({it.source for it in categories}) < len(categories):
        raise bad_formula(f"{echo(':'.join(term))} has a category twice")
    sizes = [len(it.levels or ()) for it in categories]
    if (
        len(sizes) > MAX_CATEGORIES
        or prod(sizes) > MAX_COLUMNS
        or prod(2 * size - 1 for size in sizes) > MAX_PRODUCTS
    ):
        raise bad_formula(f"{echo(':'.join(term))} is too many columns; the limit is {MAX_COLUMNS}")


def multiplied(left: Product, right: Product) -> Product | None:
    """The product of two products; None if it is zero: two levels of the same category."""
    parts = sorted([*left, *right], key=lambda part: (part[0], part[1] is not None, part[1] or 0))
    merged: list[Part] = []
    for part in parts:
        if merged and part[1] is not None and part[0] == merged[-1][0]:
            if part != merged[-1]:
                return None
            continue  # an indicator is its own square
        merged.append(part)
    return tuple(merged)


def _span(term: Term, factors: Mapping[str, Factor]) -> Iterator[_Span]:
    """What a term spans: for each of its categories with it, in reduced coding, and without it."""
    choices: list[tuple[_Scoped | None, ...]] = [
        (_Scoped(text, reduced=False),)
        if factors[text].levels is None
        else (_Scoped(text, reduced=True), None)
        for text in term
    ]
    for chosen in product(*choices):
        yield tuple(scoped for scoped in chosen if scoped is not None)


def _simplified(spans: Sequence[_Span]) -> list[_Span]:
    """The fewest that span the same: a:reduced and a become a:full, as often as that is found."""
    kept: dict[frozenset[_Scoped], _Span] = {}
    for span in sorted(spans, key=len):
        for key, shorter in kept.items():
            added = frozenset(span) - key
            if len(span) != len(shorter) + 1 or len(added) != 1:
                continue
            (new,) = added
            if new.reduced:
                full = tuple(_Scoped(it.text, reduced=False) if it == new else it for it in span)
                del kept[key]
                kept = {frozenset(it): it for it in _simplified([*kept.values(), full])}
                break
        else:
            kept.setdefault(frozenset(span), span)
    return list(kept.values())


def _columns(span: _Span, factors: Mapping[str, Factor]) -> dict[str, Sum]:
    """A product's columns by name, those of its first factor changing fastest."""
    sets = [list(factors[it.text].columns(reduced=it.reduced)) for it in span]
    columns: dict[str, Sum] = {}
    for chosen in product(*reversed(sets)):
        ordered = chosen[::-1]
        total: Sum = {(): 1.0}
        for _, column in ordered:
            total = _times(total, column)
        columns[":".join(name for name, _ in ordered)] = total
    return columns


def _times(left: Sum, right: Sum) -> Sum:
    total: Sum = {}
    for (one, a), (other, b) in product(left.items(), right.items()):
        key = multiplied(one, other)
        if key is not None:
            total[key] = total.get(key, 0.0) + a * b
    return {key: weight for key, weight in total.items() if weight}
