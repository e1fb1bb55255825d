"""Master data as a file: CSV with one line of names, as spreadsheets write it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.catalogue.entries import TABLES, EntryKind
from ris_core.catalogue.services import Entry, Saved, save_entry
from ris_core.csv_files import WrongLine, read_table, written
from ris_core.errors import InvalidValue, QuangError

MOST_BYTES = 4 * 1024 * 1024
MOST_LINES = 20_000
_YES = {"1": True, "x": True, "yes": True, "true": True, "": True, "0": False, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: nothing of it is taken when a line is wrong."""

    counts: dict[Saved, int]
    wrong: list[WrongLine]


def export_csv(kind: EntryKind) -> str:
    """Every entry of ``kind``, as :func:`import_csv` takes it."""
    table = TABLES[kind]
    rows = table.model._default_manager.order_by("code", "pk")
    return written(table.columns, ([_cell(row, name) for name in table.columns] for row in rows))


def import_csv(kind: EntryKind, content: bytes, actor: Actor) -> Imported:
    """Take over every line of a file, or, when one is wrong, none.

    Columns are found by their names, in any order; those that are not there leave values as they are. Separators are
    comma, semicolon or tab.

    :raises InvalidValue: no such file, too large, or without a column ``code``
    """
    columns, lines = read_table(content, most_bytes=MOST_BYTES, most_lines=MOST_LINES)
    known = TABLES[kind].columns
    if "code" not in columns or not set(columns) <= set(known):
        raise InvalidValue(f"the first line names the columns: {', '.join(known)}", field="file")
    imported = Imported({}, [])
    with transaction.atomic():
        for number, cells in enumerate(lines, start=2):
            if any(cell.strip() for cell in cells):
                _take(kind, dict(zip(columns, cells, strict=False)), number, imported, actor)
        if imported.wrong:
            transaction.set_rollback(True)
        else:
            counts = {str(saved): count for saved, count in imported.counts.items()}
            record(actor, "catalogue.imported", subject=str(kind), counts=counts)
    return imported


def _take(kind: EntryKind, said: dict[str, str], number: int, imported: Imported, actor: Actor) -> None:
    values = {name: text for name, text in said.items() if name in ("name", *TABLES[kind].fields)}
    word = said.get("active")
    entry = Entry(
        kind=kind,
        code=said.get("code", ""),
        coding_system=said.get("coding_system", ""),
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
    return str(value)
