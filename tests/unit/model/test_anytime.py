"""Always-valid figures: against avlm's, exact arithmetic and streams that are always watched."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special
from scipy.optimize import minimize_scalar

from consumer.model.statistics.distributions import student_two_sided
from consumer.model.statistics.inference.anytime import (
    PLANNED_EVENTS,
    always_valid,
    half_width,
    optimal_g,
    p_value,
)
from unit import mtcars
from unit.nist import LONGLEY, WAMPLER1
from unit.streams import Rows, fitted

G = optimal_g(PLANNED_EVENTS, 2)
STREAMS, EVENTS = 2000, 2000

# The README of avlm 0.1.0: 100 events, 8 coefficients, g by its optimal_g at alpha = 0.05.
# Standard error, t, p, and the ends of the interval, as printed.
PUBLISHED = [
    (0.15864, 5.776, 9.77e-06, 0.4238730, 1.4087195),
    (0.18087, -0.706, 1.0, -0.6890957, 0.4337358),
    (0.18283, -0.819, 1.0, -0.7171420, 0.4178268),
    (0.15941, 8.190, 8.07e-10, 0.8107460, 1.8003705),
    (0.21566, 10.769, 3.19e-14, 1.6530529, 2.9918408),
    (0.24141, 9.527, 3.98e-12, 1.5505190, 3.0491788),
    (0.21122, 0.379, 1.0, -0.5754734, 0.7357662),
]


@pytest.mark.parametrize(("se", "t", "p", "low", "high"), PUBLISHED)
def test_the_published_figures_of_avlm_come_out(
    se: float, t: float, p: float, low: float, high: float
) -> None:
    g = optimal_g(100, 8)
    assert 2 * half_width(100, 92, g) * se == pytest.approx(high - low, rel=4e-5)
    nearest = [p_value(abs(t) + off, 100, 92, g) for off in (5e-4, -5e-4)]  # t is rounded
    assert nearest[0] * 0.999 <= p <= nearest[1] * 1.001


@pytest.mark.parametrize("g", [1.0, 11.6, 121.2])
@pytest.mark.parametrize(
    ("fields", "rows"),
    [(mtcars.FIELDS, mtcars.ROWS), (LONGLEY.fields, LONGLEY.rows)],
    ids=["mtcars", "Longley"],
)
def test_the_formula_comes_out_as_in_exact_arithmetic(
    fields: tuple[str, ...], rows: Rows, g: float
) -> None:
    ours = always_valid(fitted(fields, rows, partitions=3), g)
    for row, (p, ends) in zip(ours.values(), exactly(rows, g), strict=True):
        assert row.p == pytest.approx(p, rel=1e-10)
        assert [row.low, row.high] == ends or [row.low, row.high] == pytest.approx(ends, rel=1e-10)


def exactly(rows: Rows, g: float) -> list[tuple[float, list[float | None]]]:
    """p and both ends of each coefficient's interval, in fractions and 60 decimal digits."""
    x = [[Fraction(1), *map(Fraction, row[:-1])] for row in rows]
    y = [Fraction(row[-1]) for row in rows]
    n, p = len(x), len(x[0])
    columns = [list(column) for column in zip(*x, strict=True)]
    sums = [[product(a, b) for b in columns] for a in columns]
    inverse = inverted(sums)
    products = [product(column, y) for column in columns]
    b = [product(line, products) for line in inverse]
    df = n - p
    variance = (product(y, y) - product(b, products)) / df
    found: list[tuple[float, list[float | None]]] = []
    with localcontext(prec=60):
        r = decimal(Fraction(g) / (Fraction(g) + n))
        u = (r * decimal(1 - Fraction(0.95)) ** 2) ** (Decimal(1) / (df + 1))
        width = (df * (1 - u) / (u - r)).sqrt() if u > r else None
        for i in range(p):
            square = variance * inverse[i][i]
            t2, se = decimal(b[i] * b[i] / square), decimal(square).sqrt()
            log_g = r.ln() / 2
            log_g += Decimal(df + 1) / 2 * ((1 + t2 / df).ln() - (1 + r * t2 / df).ln())
            ends: list[float | None] = [None, None]
            if width is not None:
                ends = [float(decimal(b[i]) - width * se), float(decimal(b[i]) + width * se)]
            found.append((min(1.0, float((-log_g).exp())), ends))
    return found


def product(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def inverted(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """The inverse, by Gauss and Jordan; positive definite, so no pivot is zero."""
    p = len(matrix)
    work = [[*row, *(Fraction(i == j) for j in range(p))] for i, row in enumerate(matrix)]
    for i in range(p):
        work[i] = [value / work[i][i] for value in work[i]]
        for j in range(p):
            if j != i:
                factor = work[j][i]
                work[j] = [a - factor * b for a, b in zip(work[j], work[i], strict=True)]
    return [row[p:] for row in work]


# What holds for all numbers.

COUNTS = st.integers(1, 10**12)
PRECISIONS = st.floats(1e-3, 1e12)
ANY_T = st.floats(allow_nan=False, allow_infinity=False)


@given(ANY_T, COUNTS, st.integers(1, 64), PRECISIONS)
def test_p_is_a_probability_and_never_below_the_textbook_s(
    t: float, df: int, p: int, g: float
) -> None:
    ours = p_value(t, df + p, df, g)
    assert 0 <= ours <= 1
    assert ours == p_value(-t, df + p, df, g)
    textbook = student_two_sided(t, df)
    if textbook > 1e-280:
        assert ours >= textbook * (1 - 1e-9)


@given(st.floats(0.01, 50), st.integers(1, 10**6), st.integers(1, 64), PRECISIONS)
def test_an_effect_is_excluded_by_the_interval_where_p_says_so(
    t: float, df: int, p: int, g: float
) -> None:
    width, ours = half_width(df + p, df, g), p_value(t, df + p, df, g)
    assume(abs(t - width) > 1e-6 * width if math.isfinite(width) else ours != 0.05)
    assert (t > width) == (ours < 0.05)


@given(st.integers(1000, 10**12), st.integers(1, 256))
def test_g_makes_the_intervals_narrowest_at_the_planned_sample_size(n: int, p: int) -> None:
    g = optimal_g(n, p)
    least = half_width(n, n - p, g)
    assert all(half_width(n, n - p, g * off) >= least * (1 - 1e-9) for off in (0.5, 0.9, 1.1, 2))


@pytest.mark.parametrize(("n", "p"), [(100, 8), (1000, 2), (10_000, 5)])
def test_g_is_that_of_a_search(n: int, p: int) -> None:
    found = minimize_scalar(
        lambda log_g: half_width(n, n - p, math.exp(log_g)),
        bounds=(0, math.log(n)),
        method="bounded",
    )
    assert math.log(optimal_g(n, p)) == pytest.approx(found.x, abs=1e-4)


def test_too_few_events_bound_nothing() -> None:
    rows = [(float(i), float(i * i % 5)) for i in range(4)]
    for row in always_valid(fitted(("x", "y"), rows), G).values():
        assert (row.low, row.high) == (None, None)
        assert row.p is not None


def test_a_perfect_fit_leaves_nothing_to_judge_by() -> None:
    regression = fitted(WAMPLER1.fields, WAMPLER1.rows)
    for term, row in always_valid(regression, 1.0).items():
        coef = regression.coefficients[term].coef
        assert (row.p, row.low, row.high) == (None, coef, coef)


# What holds for all looks together.


class Watched:
    """Streams of y = 5 + slope x + noise, and their regression after each event from the third.

    Attributes:
        n: Events, shape (EVENTS - 2,).
        slope, se: The estimates and their standard errors, shape (STREAMS, EVENTS - 2).
    """

    def __init__(self, truth: float, seed: int) -> None:
        draw = np.random.default_rng(seed)
        x, y = draw.normal(20, 5, (STREAMS, EVENTS)), draw.normal(5, 2, (STREAMS, EVENTS))
        y += truth * x
        self.x, self.y, self.truth = x, y, truth
        n = np.arange(1, EVENTS + 1)
        x, y = x - 20, y - truth * 20  # the slope is the same, and loses no digits
        mean_x, mean_y = x.cumsum(1) / n, y.cumsum(1) / n
        sxx = (x * x).cumsum(1) - n * mean_x**2
        sxy = (x * y).cumsum(1) - n * mean_x * mean_y
        syy = (y * y).cumsum(1) - n * mean_y**2
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = sxy / sxx
            se = np.sqrt((syy - slope * sxy) / (n - 2) / sxx)
        self.n, self.slope, self.se = n[2:], slope[:, 2:], se[:, 2:]
        self.width = np.array([half_width(n, n - 2, G) for n in self.n.tolist()])

    @property
    def misses(self) -> float:
        """The share of streams whose interval excludes the truth at some time."""
        outside = np.abs(self.slope - self.truth) > self.width * self.se
        return float(outside.any(axis=1).mean())


@pytest.fixture(scope="module")
def null() -> Watched:
    return Watched(truth=0.0, seed=1)


def test_of_streams_without_effect_at_most_five_percent_ever_alarm(null: Watched) -> None:
    # p < 0.05 is the interval's excluding 0, as tested above.
    assert 0.02 < null.misses <= 0.05
    textbook = 2 * special.stdtr(null.n - 2, -np.abs(null.slope / null.se))
    assert (textbook < 0.05).any(axis=1).mean() > 0.45
    assert (textbook[:, 97::100] < 0.05).any(axis=1).mean() > 0.2  # after each hundredth event


def test_the_sequence_covers_the_truth_at_all_times_in_95_percent_of_streams() -> None:
    assert Watched(truth=0.3, seed=2).misses <= 0.05


def test_what_is_watched_is_what_the_service_says(null: Watched) -> None:
    for stream in range(5):
        rows = list(zip(null.x[stream].tolist(), null.y[stream].tolist(), strict=True))
        for events in (3, 10, 64, 200, EVENTS):
            at = events - 3
            row = always_valid(fitted(("x", "y"), rows[:events], partitions=2), G)["x"]
            if math.isinf(null.width[at]):
                assert row.low is None
            else:
                slope, reach = null.slope[stream, at], (null.width * null.se[stream])[at]
                assert row.low == pytest.approx(slope - reach, abs=1e-7 * reach)
                assert row.high == pytest.approx(slope + reach, abs=1e-7 * reach)


def test_learned_event_by_event_few_streams_alarm(null: Watched) -> None:
    alarms = 0
    for stream in range(40):
        rows = list(zip(null.x[stream].tolist(), null.y[stream].tolist(), strict=True))
        alarms += any(
            (always_valid(fitted(("x", "y"), rows[:events]), G)["x"].p or 0) < 0.05
            for events in range(3, 100)
        )
    assert alarms <= 0.05 * 40
