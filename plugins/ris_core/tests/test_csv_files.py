from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.csv_files import read_table, written
from ris_core.errors import InvalidValue

_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")).filter(
    lambda cell: not cell.startswith("'")
)


def read(content: bytes) -> tuple[list[str], list[list[str]]]:
    return read_table(content, most_bytes=1000, most_lines=3)


@given(rows=st.lists(st.lists(_CELLS, min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_read_again(rows: list[list[str]]) -> None:
    file = written(("code", "name"), rows).encode()
    assert read_table(file, most_bytes=10**6, most_lines=10**6) == (["code", "name"], rows)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠SUM(A1)"])
def test_nothing_in_a_cell_is_run_by_a_spreadsheet(cell: str) -> None:
    assert written(("name",), [[cell]]).split("\r\n", 1)[1].lstrip('"').startswith("'")


@pytest.mark.parametrize("cell", ["a;=1+1", "a\t@SUM(A1)", "a;+1;-1", "a;'=1"])
def test_nor_where_it_separates_by_semicolons(cell: str) -> None:
    """As spreadsheets do where the comma is for decimals; Vietnam is such a country."""
    row = written(("name",), [[cell]]).split("\r\n")[1]
    assert not [part for part in re.split("[;\t]", row)[1:] if part[0] != "'"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_of_any_spreadsheet(separator: str) -> None:
    assert read(f"Code{separator} Name\r\nCT1{separator}Chụp sọ\r\n".encode()) == (
        ["code", "name"],
        [["CT1", "Chụp sọ"]],
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"code\n" + b"x" * 1000, "KB"),
        (b"code\n\xff\xfe", "UTF-8"),
        (b"code\n1\n2\n3\n", "lines"),
    ],
)
def test_what_is_no_table_is_named(content: bytes, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        read(content)


def test_an_empty_file_has_no_columns() -> None:
    assert read(b"") == ([], [])
