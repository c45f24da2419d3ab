"""A CSV file's rows as events."""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


class TableError(Exception):
    """The file cannot be read as a table, or lacks columns that an event needs."""


def count_rows(path: Path) -> int:
    """How many data rows the file has.

    Raises:
        OSError: It cannot be read.
        TableError: It is not text.
    """
    return sum(1 for _ in read_rows(path, ()))


def read_rows(path: Path, required: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield an event for each row: numbers as numbers, an empty cell as null, else text.

    Args:
        path: A CSV file with a header row, UTF-8.
        required: The columns that must be there.

    Raises:
        OSError: It cannot be read.
        TableError: It is not text, or a column is missing.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            if missing := [name for name in required if name not in names]:
                raise TableError(
                    f"{path} has no column {', '.join(missing)}; its columns are {', '.join(names)}"
                )
            reader.fieldnames = names
            for row in reader:
                yield {name: _cell(text) for name, text in row.items() if name}
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} is not a CSV file: {error}") from error


def _cell(text: object) -> object:
    if not isinstance(text, str):
        return None  # a short row; the cells beyond a header have no name and are left out
    try:
        number = float(text)
    except ValueError:
        return text.strip() or None
    return number if math.isfinite(number) else text.strip()  # JSON has no such number
