"""Tables as an Excel workbook. Text is written as text: what begins with ``=`` or ``@`` is no formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final
from zoneinfo import ZoneInfo

import xlsxwriter

Cell = str | int | float | datetime | None
_LONGEST_TEXT: Final = 32_767
"""Characters in one cell; Excel has no more."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table with its title and columns."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    widths: Sequence[int] = ()
    """In characters, of the columns in their order."""


def write_workbook(file: IO[bytes], sheets: Iterable[Sheet], zone: ZoneInfo) -> None:
    """Write the sheets to ``file``; row by row, so that a long register needs little memory.

    :param zone: in which times are shown
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        title, head = book.add_format({"bold": True, "font_size": 14}), book.add_format({"bold": True, "bottom": 1})
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name[:31])
            for column, width in enumerate(sheet.widths):
                page.set_column(column, column, width)
            page.freeze_panes(3, 0)
            page.write_string(0, 0, sheet.title, title)
            for column, text in enumerate(sheet.columns):
                page.write_string(2, column, text, head)
            for number, row in enumerate(sheet.rows, start=3):
                for column, value in enumerate(row):
                    match value:
                        case None | "":
                            continue
                        case datetime():
                            local = value.astimezone(zone).replace(tzinfo=None)
                            page.write_datetime(number, column, local, moment)
                        case str():
                            page.write_string(number, column, value[:_LONGEST_TEXT])
                        case _:
                            page.write_number(number, column, value)
