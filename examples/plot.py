"""A line chart for the terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

WIDTH, HEIGHT = 72, 16


@dataclass(frozen=True, slots=True)
class Line:
    """The model's line after some events."""

    events: int
    intercept: float
    slope: float

    def at(self, x: float) -> float:
        """The prediction at x."""
        return self.intercept + self.slope * x


def line_chart(lines: Sequence[Line], truth: Callable[[float], float], *, highest_x: float) -> Text:
    """The first lines dim, the last one bright, the truth in green."""
    last = lines[-1]
    highest_y = max(last.at(highest_x), truth(highest_x)) * 1.08
    cells: dict[tuple[int, int], tuple[str, str]] = {}

    def draw(y_of: Callable[[float], float], mark: str, style: str) -> None:
        for column in range(WIDTH):
            row = round(y_of(column / (WIDTH - 1) * highest_x) / highest_y * (HEIGHT - 1))
            if 0 <= row < HEIGHT:
                cells[row, column] = (mark, style)

    for line in lines[:-1]:
        draw(line.at, "·", "dim")
    draw(last.at, "•", "bold cyan")
    for column in range(0, WIDTH, 4):  # the truth shows through the line that hides it
        row = round(truth(column / (WIDTH - 1) * highest_x) / highest_y * (HEIGHT - 1))
        cells[row, column] = ("o", "bold green")
    chart = Text("  sales\n")
    for row in reversed(range(HEIGHT)):
        chart.append(f"{row / (HEIGHT - 1) * highest_y:6.1f} │", "dim")
        for column in range(WIDTH):
            chart.append(*cells.get((row, column), (" ", "")))
        chart.append("\n")
    chart.append(f"       └{'─' * WIDTH}\n", "dim")
    chart.append(f"        0{f'tv = {highest_x:g}':>{WIDTH - 1}}\n", "dim")
    chart.append("        ")
    chart.append("•", "bold cyan")
    chart.append(f" after {last.events:,} events   ")
    chart.append("o", "bold green")
    chart.append(" the truth   · on the way there\n")
    return chart
