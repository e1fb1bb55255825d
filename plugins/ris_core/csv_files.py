"""Tables as CSV files: as spreadsheets write them, and such that they run nothing when a spreadsheet opens them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ris_core.errors import InvalidValue

_FORMULA: Final = "[=+\\-@\t\r\n＝＋－＠]"
"""What a spreadsheet would run when a cell begins with it (the wide ones in some languages); such a cell is written
with an apostrophe before it."""
_BEGINS: Final = re.compile(f"^(?={_FORMULA})")
_BEGINS_AFTER: Final = re.compile(f"([;\t])(?='*{_FORMULA})")
"""Where a spreadsheet that separates by semicolons or tabs would begin another cell."""
_GUARDED: Final = re.compile(f"([;\t])'(?='*{_FORMULA})")


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that cannot be taken, and why."""

    number: int
    """1 is the line of names."""
    field: str
    detail: str


def read_table(content: bytes, *, most_bytes: int, most_lines: int) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, in small letters, and the lines below them, empty ones too; cells without the
    apostrophe that :func:`written` has put there. Separators are comma, semicolon or tab.

    :raises InvalidValue: field ``file``: larger than that, not UTF-8, no CSV
    """
    if len(content) > most_bytes:
        raise InvalidValue(f"the file has more than {most_bytes // 1024} KB", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidValue("the file is not UTF-8; save it as CSV UTF-8", field="file") from error
    head = text.split("\n", 1)[0]
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=max(",;\t", key=head.count)))
    except csv.Error as error:
        raise InvalidValue("the file is no CSV", field="file") from error
    if len(lines) > most_lines:
        raise InvalidValue(f"the file has more than {most_lines} lines", field="file")
    names = [name.strip().lower() for name in lines[0]] if lines else []
    return names, [[_unguarded(cell) for cell in line] for line in lines[1:]]


def written(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """The file, with the mark by which spreadsheets know UTF-8."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows(map(_guarded, row) for row in rows)
    return "\ufeff" + file.getvalue()


def _guarded(cell: str) -> str:
    return _BEGINS.sub("'", _BEGINS_AFTER.sub(r"\1'", cell))


def _unguarded(cell: str) -> str:
    return _GUARDED.sub(r"\1", cell.removeprefix("'"))
