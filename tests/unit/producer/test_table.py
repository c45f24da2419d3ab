"""A CSV file's rows as events."""

import gzip
import io
from pathlib import Path
from typing import Any

import pytest

from producer.table import STDIN, TableError, count_rows, read_rows
from unit import streams


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def events(path: Path, text: str | bytes, *required: str) -> list[dict[str, Any]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_rows(path, required))


def test_a_row_is_an_event_with_a_member_for_each_column(path: Path) -> None:
    assert events(path, "tv,sales\n230.1,22.1\n44.5,10.4\n", "tv", "sales") == [
        {"tv": 230.1, "sales": 22.1},
        {"tv": 44.5, "sales": 10.4},
    ]


def test_the_reference_data_has_200_rows_of_numbers() -> None:
    expected = streams.advertising()
    rows = list(read_rows(streams.ADVERTISING, streams.FIELDS))
    assert count_rows(streams.ADVERTISING) == len(rows) == 200
    assert [tuple(row[field] for field in streams.FIELDS) for row in rows] == expected


def test_text_stays_text_and_an_empty_cell_is_null(path: Path) -> None:
    assert events(path, "tv,device,sales\n1, ios ,\n,android,2\n") == [
        {"tv": 1.0, "device": "ios", "sales": None},
        {"tv": None, "device": "android", "sales": 2.0},
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbftv,sales\n1,2\n",
        "tv,sales\r\n1,2\r\n",
        "tv , sales\n1, 2\n",
        '"tv","sales"\n"1","2"\n',
        "tv,sales\n1,2",
        "tv,sales\n\n1,2\n\n",
        "tv,sales\n1e0,+2.0\n",
    ],
)
def test_the_ways_that_programs_write_csv_are_read_alike(path: Path, text: str | bytes) -> None:
    assert events(path, text, "tv", "sales") == [{"tv": 1.0, "sales": 2.0}]


def test_a_short_row_lacks_cells_and_a_long_one_has_some_that_are_passed_over(path: Path) -> None:
    assert events(path, "tv,sales\n1\n1,2,3,4\n") == [
        {"tv": 1.0, "sales": None},
        {"tv": 1.0, "sales": 2.0},
    ]


def test_a_column_without_a_name_is_passed_over(path: Path) -> None:
    assert events(path, ",tv,sales\n7,1,2\n", "tv") == [{"tv": 1.0, "sales": 2.0}]


def test_a_header_alone_is_a_table_of_no_rows(path: Path) -> None:
    assert events(path, "tv,sales\n", "tv", "sales") == []
    assert count_rows(path) == 0


def test_a_column_that_is_missing_is_named_with_those_there_are(path: Path) -> None:
    with pytest.raises(TableError, match="no column radio, sales; its columns are tv, price"):
        events(path, "tv,price\n1,2\n", "tv", "radio", "sales")


@pytest.mark.parametrize("text", ["", "\n", "tv\n"])
def test_a_table_without_the_columns_is_none(path: Path, text: str) -> None:
    with pytest.raises(TableError, match="no column"):
        events(path, text, "tv", "sales")


@pytest.mark.parametrize(
    "text",
    [
        b"tv,sales\n1,\xff\n",
        "tv,sales\n1,2\n".encode("utf-16"),
        b'tv,sales\n1,"' + b"x" * 200_000 + b'"\n',
    ],
)
def test_what_is_no_text_table_is_refused_by_its_name(path: Path, text: bytes) -> None:
    with pytest.raises(TableError, match=r"table\.csv"):
        events(path, text)


def test_a_file_that_is_not_there_is_an_error_of_the_system(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        count_rows(path)


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", "-Infinity", "1e999"])
def test_a_cell_that_is_no_finite_number_stays_text(path: Path, cell: str) -> None:
    (event,) = events(path, f"tv,sales\n1,{cell}\n")
    assert event["sales"] == cell


def test_na_is_a_gap(path: Path) -> None:
    assert events(path, "tv,city\nNA,NA\n1,Rome\n") == [
        {"tv": None, "city": None},
        {"tv": 1.0, "city": "Rome"},
    ]


@pytest.mark.parametrize("cell", ["1,389", "1 389", "1'389.50", "12,5", "$12.50", "12 %", "-1,389"])
def test_numbers_that_only_people_read_are_refused_as_a_whole(path: Path, cell: str) -> None:
    path.write_text(f'tv,sales\n1,2\n1,"{cell}"\n')
    with pytest.raises(TableError, match=r"row 2: sales is .*Nothing was sent.*1389 for 1,389"):
        count_rows(path)


def test_text_that_has_such_numbers_among_other_words_is_text(path: Path) -> None:
    path.write_text('tv,note\n1,"1,389"\n1,dear\n')
    assert count_rows(path) == 2


def test_a_compressed_file_and_standard_input_are_read_alike(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(gzip.compress(b"tv,sales\n1,2\n"))
    assert (count_rows(path), list(read_rows(path, ("tv",)))) == (1, [{"tv": 1.0, "sales": 2.0}])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert count_rows(STDIN) == 1
    assert list(read_rows(STDIN, ())) == [{"tv": 1.0, "sales": 2.0}]


def test_a_damaged_compressed_file_is_no_table(path: Path) -> None:
    path.write_bytes(gzip.compress(b"tv,sales\n1,2\n" * 99)[:-9])
    with pytest.raises(TableError, match="not a CSV file"):
        count_rows(path)
