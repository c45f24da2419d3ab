"""Plots as SVG files of a few kilobytes: readable on light and dark pages, no package needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, log10

WIDTH = 760
LINE_HEIGHT = 16
FEW = 20

_STYLE = """
  .page { fill: #ffffff; stroke: #d8dee4; }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; }
  text { fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .faint { fill: #6e7781; font-size: 12px; }
  .grid { stroke: #d8dee4; stroke-width: 1; }
  .reach { stroke: #24292f; stroke-width: 1.5; }
  .c0 { fill: #0969da; } .c1 { fill: #8c959f; } .c2 { fill: #bc4c00; } .c3 { fill: #1a7f37; }
  .l0 { stroke: #0969da; } .l1 { stroke: #8c959f; } .l2 { stroke: #bc4c00; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #30363d; }
    text { fill: #e6edf3; }
    .faint { fill: #8d96a0; }
    .grid { stroke: #30363d; }
    .reach { stroke: #e6edf3; }
    .c0 { fill: #58a6ff; } .c1 { fill: #6e7681; } .c2 { fill: #f0883e; } .c3 { fill: #3fb950; }
    .l0 { stroke: #58a6ff; } .l1 { stroke: #6e7681; } .l2 { stroke: #f0883e; }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, its reach from the lowest round to the highest, and what stands beside it."""

    name: str
    value: float
    low: float
    high: float
    label: str
    colour: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; each may have a reach."""

    name: str
    points: Sequence[tuple[float, float]]
    reaches: Sequence[tuple[float, float]] = field(default_factory=tuple)
    colour: int = 0


def bars(title: str, note: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars from zero."""
    left, right, top, step = 250, 120, 68, 30
    highest = _ceiling(max(row.high for row in rows))
    scale = (WIDTH - left - right) / highest
    height = top + step * len(rows) + 36
    parts = []
    for tick in _ticks(highest):
        x = left + tick * scale
        parts.append(_line("grid", x, top - 8, x, height - 30))
        parts.append(_text("faint", x, height - 12, _short(tick), "middle"))
    for number, row in enumerate(rows):
        y = top + step * number
        parts.append(_text("", left - 10, y + 14, row.name, "end"))
        width = max(1.0, row.value * scale)
        parts.append(
            f'<rect class="c{row.colour}" x="{left}" y="{y}" width="{width:.1f}" height="20" '
            'rx="3"/>'
        )
        low, high = left + row.low * scale, left + row.high * scale
        parts.append(_line("reach", low, y + 10, high, y + 10))
        parts += [_line("reach", x, y + 5, x, y + 15) for x in (low, high)]
        parts.append(_text("", max(high, left + width) + 8, y + 14, row.label))
    return _page(title, note, height, parts)


def lines(title: str, note: str, names: tuple[str, str], drawn: Sequence[Line]) -> str:
    """Lines over a linear axis that begins at zero, both ways.

    Args:
        title: Above all.
        note: Below the title.
        names: Of the two axes, the horizontal one first.
        drawn: The lines, the highest one first.
    """
    left, right, top, bottom, height = 70, 130, 92, 54, 350
    widest = _ceiling(max(x for line in drawn for x, _ in line.points))
    highest = _ceiling(
        max(
            [y for line in drawn for _, y in line.points] + [h for d in drawn for _, h in d.reaches]
        )
    )

    def at(x: float, y: float) -> tuple[float, float]:
        across, up = (WIDTH - left - right) / widest, (height - top - bottom) / highest
        return left + x * across, height - bottom - y * up

    parts = []
    for tick in _ticks(highest):
        (x, y), (end, _) = at(0, tick), at(widest, tick)
        parts.append(_line("grid", x, y, end, y))
        parts.append(_text("faint", x - 8, y + 4, _short(tick), "end"))
    for tick in _marks(drawn, widest):
        x, y = at(tick, 0)
        parts.append(_text("faint", x, y + 18, _short(tick), "middle"))
    lowest = 0.0
    for line in drawn:
        parts += _curve(line, at)
        x, y = at(*line.points[-1])
        lowest = max(y, lowest + LINE_HEIGHT)  # one name below the other, never upon it
        parts.append(_text("", x + 10, lowest + 4, line.name))
    middle, _ = at(widest / 2, 0)
    parts.append(_text("faint", middle, height - 14, names[0], "middle"))
    parts.append(_text("faint", 20, top - 14, names[1]))
    return _page(title, note, height, parts)


def _curve(line: Line, at: Callable[[float, float], tuple[float, float]]) -> list[str]:
    points = [at(x, y) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [f'<polyline class="line l{line.colour}" points="{path}"/>']
    for (x, _), (low, high) in zip(line.points, line.reaches, strict=False):
        (across, bottom), (_, top) = at(x, low), at(x, high)
        parts.append(_line("reach", across, bottom, across, top))
    parts += [
        f'<circle class="c{line.colour}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in points
    ]
    return parts


def _marks(drawn: Sequence[Line], widest: float) -> list[float]:
    """The points themselves, where they are few small numbers."""
    points = sorted({x for line in drawn for x, _ in line.points})
    return points if widest <= FEW else _ticks(widest)


def _page(title: str, note: str, height: int, parts: Sequence[str]) -> str:
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text("title", 20, 26, title),
        _text("faint", 20, 44, note),
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


def _text(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    said = f' class="{kind}"' if kind else ""
    return f'<text{said} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _ticks(highest: float) -> list[float]:
    """From zero to the ceiling, four or five steps."""
    step = next(step for step in _round_numbers(highest / 5) if highest / step <= 5)  # noqa: PLR2004
    return [step * number for number in range(floor(highest / step) + 1)]


def _ceiling(highest: float) -> float:
    """The next round number."""
    step = next(step for step in _round_numbers(highest / 8) if highest / step <= 8)  # noqa: PLR2004
    return ceil(highest / step) * step or 1.0


def _round_numbers(least: float) -> list[float]:
    decade = 10.0 ** floor(log10(least)) if least > 0 else 1.0
    return [decade * factor for factor in (1, 2, 2.5, 5, 10, 20)]


def _short(number: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"
