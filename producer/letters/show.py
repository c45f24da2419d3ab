"""Dead letters as tables for a terminal; pure."""

from collections import Counter
from collections.abc import Iterable
from heapq import heappush, heappushpop

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from producer.letters.letter import Letter

NEWEST = 20
SHOWN = 60
"""Characters of a value."""


def letters_table(letters: Iterable[Letter], replayed: int) -> RenderableType:
    """How many there are for each reason, and the newest of them; keeps no others.

    Args:
        letters: Those that wait.
        replayed: How many were sent again.
    """
    counts: Counter[str] = Counter()
    latest: dict[str, Letter] = {}
    heap: list[tuple[int, int, Letter]] = []
    for number, letter in enumerate(letters):
        counts[letter.reason] += 1
        known = latest.setdefault(letter.reason, letter)
        if letter.timestamp_ms >= known.timestamp_ms:
            latest[letter.reason] = letter
        push = heappush if number < NEWEST else heappushpop
        push(heap, (letter.timestamp_ms, number, letter))
    told = Text(f"{counts.total():,} wait, {replayed:,} were sent again")
    if not counts:
        return told
    reasons = Table("reason", "letters", "for example", title="Dead letters by reason")
    reasons.columns[1].justify = "right"
    for reason, count in counts.most_common():
        reasons.add_row(_cell(reason), f"{count:,}", _cell(latest[reason].detail))
    newest = Table("letter", "time", "reason", "value", title=f"The newest {NEWEST} at most")
    for _, _, letter in sorted(heap, reverse=True):
        newest.add_row(*map(_cell, (letter.place, letter.when, letter.reason, _value(letter))))
    return Group(reasons, newest, told)


def _value(letter: Letter) -> str:
    return "null" if letter.value is None else letter.value.decode(errors="replace")[:SHOWN]


def _cell(text: str) -> Text:
    """Text as it is, no markup; what would move a terminal's cursor is replaced."""
    return Text("".join(it if it.isprintable() else "\N{REPLACEMENT CHARACTER}" for it in text))
