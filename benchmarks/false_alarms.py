"""How many streams without any effect ever show p < 0.05: by the textbook, and always-valid.

    python benchmarks/false_alarms.py        ten seconds; needs no Kafka

It prints the table of docs/STATISTICS.md, "Looking at all times", and draws its picture. Each
stream is looked at after each of its events.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.model.statistics.distributions import student_quantile
from consumer.model.statistics.inference.anytime import PLANNED_EVENTS, half_width, optimal_g
from consumer.model.statistics.regression import LEVEL
from machine import ROOT
from svg import Line, lines

Floats = NDArray[np.float64]

STREAMS, EVENTS, FIRST, HUNDREDTH, SEED = 2000, 2000, 3, 100, 1
SHAPE = (STREAMS, EVENTS)
DRAWN = [FIRST, 10, 20, 50, *range(100, EVENTS + 1, 100)]
UNVARIED = 1e-9
"""A sum of squares below it is rounding: the term has not varied yet."""
PICTURE = ROOT / "docs/benchmarks/false-alarms.svg"


@dataclass(frozen=True, slots=True)
class Shares:
    """The share of streams that alarmed so far, by event from the first look; shape (looks,)."""

    always_valid: Floats
    textbook: Floats
    textbook_each_hundredth: Floats


def main() -> None:
    """Simulate, print, draw."""
    found = {name: alarms(*drawn) for name, drawn in streams(np.random.default_rng(SEED))}
    print("| stream | always valid | textbook |\n|---|---|---|")
    for name, shares in found.items():
        print(f"| {name} | {shares.always_valid[-1]:.1%} | {shares.textbook[-1]:.0%} |")
    (plain, *_) = found.values()
    print(f"textbook, each hundredth event: {plain.textbook_each_hundredth[-1]:.1%}")
    PICTURE.write_text(picture(plain))


def streams(draw: np.random.Generator) -> Iterator[tuple[str, tuple[Floats, Floats]]]:
    """The term's values and the noise of each kind of stream, shapes SHAPE; no effect anywhere."""
    normal = draw.standard_normal
    i = np.arange(1, EVENTS + 1)
    yield "normal term, normal noise", (normal(SHAPE), normal(SHAPE))
    yield (
        "a flag, set in one event of 100",
        (draw.binomial(1, 0.01, SHAPE).astype(float), normal(SHAPE)),
    )
    yield "heavy tails: t with 3 degrees of freedom", (normal(SHAPE), draw.standard_t(3, SHAPE))
    yield "skewed noise, exponential", (draw.exponential(size=SHAPE), draw.exponential(size=SHAPE))
    yield "the term is a random walk", (normal(SHAPE).cumsum(axis=1), normal(SHAPE))
    yield "the term is the event's number", (np.broadcast_to(i - 1000.0, SHAPE), normal(SHAPE))
    x = normal(SHAPE)
    yield "noise that grows with the term's size", (x, normal(SHAPE) * (0.3 + np.abs(x)))
    yield "term and noise each remember half of the last", (half(normal), half(normal))
    yield "the term grows by 1 % with each event", (np.broadcast_to(1.01**i, SHAPE), normal(SHAPE))


def half(normal: Callable[[tuple[int, int]], Floats]) -> Floats:
    """Autoregressive values of coefficient 0.5, shape SHAPE."""
    values = normal(SHAPE)
    for i in range(1, EVENTS):
        values[:, i] += values[:, i - 1] / 2
    return values


def alarms(x: Floats, y: Floats) -> Shares:
    """The share of streams in which the slope of y on x was ever found to be other than 0."""
    looks = np.arange(FIRST, EVENTS + 1)
    t = statistics(x, y)[:, FIRST - 1 :]
    g = optimal_g(PLANNED_EVENTS, 2)
    textbook = t > [student_quantile(LEVEL, n - 2) for n in looks.tolist()]
    return Shares(
        always_valid=ever(t > [half_width(n, n - 2, g) for n in looks.tolist()]),
        textbook=ever(textbook),
        textbook_each_hundredth=ever(textbook & (looks % HUNDREDTH == 0)),
    )


def statistics(x: Floats, y: Floats) -> Floats:
    """The slope's |t| after each event, shape SHAPE; NaN before it is defined."""
    n = np.arange(1, EVENTS + 1)
    mean_x, mean_y = x.cumsum(axis=1) / n, y.cumsum(axis=1) / n
    sxx = (x * x).cumsum(axis=1) - n * mean_x**2
    sxy = (x * y).cumsum(axis=1) - n * mean_x * mean_y
    syy = (y * y).cumsum(axis=1) - n * mean_y**2
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(sxy) / np.sqrt(sxx * (syy - sxy**2 / sxx) / (n - 2))
    t[sxx < UNVARIED] = math.nan
    return t


def ever(alarm: NDArray[np.bool_]) -> Floats:
    """The share of rows with an alarm up to each column."""
    shares: Floats = np.logical_or.accumulate(alarm, axis=1).mean(axis=0)
    return shares


def picture(shares: Shares) -> str:
    """The shares over time, in percent."""

    def line(name: str, share: Floats, colour: int) -> Line:
        return Line(name, [(n, 100 * share[n - FIRST]) for n in DRAWN], colour=colour)

    return lines(
        "Streams without an effect that ever showed p < 0.05",
        f"Percent of {STREAMS:,} streams of normal noise, looked at all the time",
        ("events", "percent"),
        [
            line("textbook", shares.textbook, 2),
            line("each hundredth", shares.textbook_each_hundredth, 1),
            line("always valid", shares.always_valid, 0),
        ],
    )


if __name__ == "__main__":
    main()
