"""Master data as a file: CSV with one line of names, as spreadsheets write it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.catalogue.entries import TABLES, EntryKind
from ris_core.catalogue.services import Entry, Saved, save_entry
from ris_core.errors import InvalidValue, QuangError

MOST_BYTES = 4 * 1024 * 1024
MOST_LINES = 20_000
_YES = {"1": True, "x": True, "yes": True, "true": True, "": True, "0": False, "no": False, "false": False}
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet would run when a cell begins with it."""


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that cannot be taken, and why."""

    number: int
    field: str
    detail: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: nothing of it is taken when a line is wrong."""

    counts: dict[Saved, int]
    wrong: list[WrongLine]


def export_csv(kind: EntryKind) -> str:
    """Every entry of ``kind``, as :func:`import_csv` takes it."""
    table = TABLES[kind]
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(table.columns)
    for row in table.model._default_manager.order_by("code", "pk"):
        writer.writerow([_cell(row, name) for name in table.columns])
    return "\ufeff" + file.getvalue()


def import_csv(kind: EntryKind, content: bytes, actor: Actor) -> Imported:
    """Take over every line of a file, or, when one is wrong, none.

    Columns are found by their names, in any order; those that are not there leave values as they are. Separators are
    comma, semicolon or tab.

    :raises InvalidValue: no such file, too large, or without a column ``code``
    """
    if len(content) > MOST_BYTES:
        raise InvalidValue(f"the file has more than {MOST_BYTES // 1024 // 1024} MB", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidValue("the file is not UTF-8; save it as CSV UTF-8", field="file") from error
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=separator))
    except csv.Error as error:
        raise InvalidValue("the file is no CSV", field="file") from error
    columns = [name.strip().lower() for name in lines[0]] if lines else []
    known = TABLES[kind].columns
    if "code" not in columns or len(lines) > MOST_LINES or not set(columns) <= set(known):
        raise InvalidValue(f"the first line names the columns: {', '.join(known)}", field="file")
    imported = Imported({}, [])
    with transaction.atomic():
        for number, cells in enumerate(lines[1:], start=2):
            if any(cell.strip() for cell in cells):
                _take(kind, dict(zip(columns, cells, strict=False)), number, imported, actor)
        if imported.wrong:
            transaction.set_rollback(True)
        else:
            counts = {str(saved): count for saved, count in imported.counts.items()}
            record(actor, "catalogue.imported", subject=str(kind), counts=counts)
    return imported


def _take(kind: EntryKind, said: dict[str, str], number: int, imported: Imported, actor: Actor) -> None:
    values = {name: text.removeprefix("'") for name, text in said.items() if name in ("name", *TABLES[kind].fields)}
    word = said.get("active")
    entry = Entry(
        kind=kind,
        code=said.get("code", "").removeprefix("'"),
        coding_system=said.get("coding_system", "").removeprefix("'"),
        values={name: text for name, text in values.items() if text.strip() or name not in ("name", "modality")},
        active=None if word is None else _YES.get(word.strip().lower(), True),
    )
    try:
        saved = save_entry(entry, actor)
    except QuangError as error:
        imported.wrong.append(WrongLine(number, error.field, error.detail))
    else:
        imported.counts[saved] = imported.counts.get(saved, 0) + 1


def _cell(row: object, name: str) -> str:
    if name == "default_device":
        device = getattr(row, "default_device", None)
        return device.ae_title if device else ""
    value = getattr(row, name)
    if isinstance(value, bool):
        return "1" if value else "0"
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
