"""A CSV file's rows as events."""

import csv
import gzip
import io
import math
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TextIO

STDIN = Path("-")
"""Names standard input, which is read once and kept in memory."""

GAPS = ("", "NA")
GZIP = b"\x1f\x8b"

_DRESSED = re.compile(
    r"[+-]?[$€£]?\s?\d{1,3}([ ,']\d{3})+([.,]\d+)?\s?[%€$£]?"  # 1,389
    r"|[+-]?\d+,\d+"  # 12,5
    r"|[+-]?[$€£]\s?\d+([.,]\d+)?"  # $12.50
    r"|[+-]?\d+([.,]\d+)?\s?[%€$£]"  # 12 %
)
"""Text that people read as a number, and computers do not."""


class TableError(Exception):
    """The file cannot be read as a table, or what it has cannot be events."""


def count_rows(path: Path) -> int:
    """How many data rows the file has; all are looked at before any is sent.

    Raises:
        OSError: It cannot be read.
        TableError: It is not text, or a column of numbers has some with separators or units.
    """
    rows = 0
    dressed: dict[str, tuple[int, str]] = {}
    texts: set[str] = set()
    for rows, row in enumerate(read_rows(path, ()), start=1):
        for name, value in row.items():
            if not isinstance(value, str):
                continue
            if not _DRESSED.fullmatch(value):
                texts.add(name)
            elif name not in dressed:
                dressed[name] = rows, value
    for name, (number, value) in dressed.items():
        if name not in texts:
            raise TableError(
                f"{path}, row {number}: {name} is {value!r}, which is not a number as computers "
                "write it. Nothing was sent. Write numbers without separators, units and signs of "
                "currencies, with a point: 1389 for 1,389, 12.5 for 12,5 or $12.50"
            )
    return rows


def read_rows(path: Path, required: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield an event for each row: numbers as numbers, an empty cell and NA as null, else text.

    Args:
        path: A CSV file with a header row, UTF-8, or one compressed by gzip; STDIN for that.
        required: The columns that must be there.

    Raises:
        OSError: It cannot be read.
        TableError: It is not text, or a column is missing.
    """
    try:
        with _text(path) as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            if missing := [name for name in required if name not in names]:
                raise TableError(
                    f"{path} has no column {', '.join(missing)}; its columns are "
                    f"{', '.join(names)}. FIELDS names the columns that events need"
                )
            reader.fieldnames = names
            for row in reader:
                yield {name: _cell(text) for name, text in row.items() if name}
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, csv.Error) as error:
        raise TableError(f"{path} is not a CSV file: {error}") from error


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    with io.BytesIO(_standard_input()) if path == STDIN else path.open("rb") as raw:
        start = raw.read(len(GZIP))
        raw.seek(0)
        content = gzip.GzipFile(fileobj=raw) if start == GZIP else raw
        with io.TextIOWrapper(content, "utf-8-sig", newline="") as file:
            yield file


@cache
def _standard_input() -> bytes:
    return sys.stdin.buffer.read()


def _cell(text: object) -> object:
    if not isinstance(text, str):
        return None  # a short row; the cells beyond a header have no name and are left out
    try:
        number = float(text)
    except ValueError:
        text = text.strip()
        return None if text in GAPS else text
    return number if math.isfinite(number) else text.strip()  # JSON has no such number
