"""Triggers that follow a watched table, in the words of a database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ris_core.exam_search.source import Watched

UNLIKE: Final = {"postgresql": "IS DISTINCT FROM", "sqlite": "IS NOT"}
"""Not the same, where null is a value too."""


def triggers(watched: Watched, vendor: str, prefix: str, action: str) -> Iterator[str]:
    """What makes the triggers of ``watched``.

    :param prefix: begins their names
    :param action: statements to run, ``{exams}`` in them is the query of the exams concerned
    """
    old, new = watched.exams.format(row="OLD"), watched.exams.format(row="NEW")
    columns = ", ".join(watched.columns)
    events = [("updated", f"UPDATE OF {columns}", f"WHEN ({changed(watched, vendor)}) ", f"{old} UNION {new}")]
    if watched.may_begin:
        events.append(("added", "INSERT", "", new))
        events.append(("removed", "DELETE", "", old))
    for name, event, condition, exams in events:
        trigger = f"{prefix}_{watched.table}_{name}"
        body = action.format(exams=exams)
        if vendor == "postgresql":
            yield (
                f"CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$ "
                f"BEGIN {body} RETURN NULL; END $$"
            )
            yield (
                f"CREATE OR REPLACE TRIGGER {trigger} AFTER {event} ON {watched.table} "
                f"FOR EACH ROW {condition}EXECUTE FUNCTION {trigger}()"
            )
        else:
            yield (
                f"CREATE TRIGGER IF NOT EXISTS {trigger} AFTER {event} ON {watched.table} FOR EACH ROW {condition}"
                f"BEGIN {body} END"
            )


def changed(watched: Watched, vendor: str) -> str:
    """The condition that an update has changed one of the watched columns."""
    return " OR ".join(f"OLD.{column} {UNLIKE[vendor]} NEW.{column}" for column in watched.columns)
