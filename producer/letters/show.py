"""Dead letters as tables for a terminal; pure."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from producer.letters.letter import Letter

NEWEST = 20
SHOWN = 60
"""Characters of a value."""


def letters_table(letters: Iterable[Letter], replayed: int) -> RenderableType:
    """How many there are for each reason, and the newest of them.

    Args:
        letters: Those that wait.
        replayed: How many were sent again.
    """
    ordered = sorted(letters, key=lambda letter: letter.timestamp_ms)
    reasons = Table("reason", "letters", "for example", title="Dead letters by reason")
    reasons.columns[1].justify = "right"
    by_reason: dict[str, list[Letter]] = {}
    for letter in ordered:
        by_reason.setdefault(letter.reason, []).append(letter)
    for reason, some in sorted(by_reason.items(), key=lambda it: -len(it[1])):
        reasons.add_row(_cell(reason), f"{len(some):,}", _cell(some[-1].detail))
    newest = Table("letter", "time", "reason", "value", title=f"The newest {NEWEST} at most")
    for letter in reversed(ordered[-NEWEST:]):
        value = "null" if letter.value is None else letter.value.decode(errors="replace")
        cells = (letter.place, letter.when, letter.reason, value[:SHOWN])
        newest.add_row(*map(_cell, cells))
    told = f"{len(ordered):,} wait, {replayed:,} were sent again"
    return Group(reasons, newest, Text(told)) if ordered else Text(told)


def _cell(text: str) -> Text:
    """Text as it is, no markup; what would move a terminal's cursor is shown as a question mark."""
    return Text("".join(it if it.isprintable() else "\N{REPLACEMENT CHARACTER}" for it in text))
