"""What stands against approving a report's content: required values that are missing, values that cannot be meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from ris_core.reports.content import Content, Field, Table

_DATE_FORMATS = ("%d/%m/%Y", "%m/%Y", "%Y")


class Flaw(StrEnum):
    """What is wrong with a value."""

    MISSING = "missing"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_BOUNDS = "out_of_bounds"
    NOT_AN_OPTION = "not_an_option"
    NOT_A_DATE = "not_a_date"


@dataclass(frozen=True, slots=True)
class FlawedValue:
    """A field or table that has to be looked at again."""

    section: str
    code: str
    label: str
    flaw: Flaw


def flaws_of(content: Content) -> tuple[FlawedValue, ...]:
    """Everything that has to be mended before the report is approved, in the report's order."""
    found = []
    for section in content.sections:
        for block in section.blocks:
            if isinstance(block, Field) and (flaw := field_flaw(block)):
                found.append(FlawedValue(section.code, block.code, block.label, flaw))
            elif isinstance(block, Table) and _has_wrong_number(block):
                found.append(FlawedValue(section.code, block.code, block.title or block.code, Flaw.NOT_A_NUMBER))
    return tuple(found)


def field_flaw(field: Field) -> Flaw | None:
    """What is wrong with a field's value; none when it may be approved."""
    if not field.values:
        return Flaw.MISSING if field.required else None
    if field.kind == "number":
        number = number_of(field.values[0])
        if number is None:
            return Flaw.NOT_A_NUMBER
        low, high = number_of(field.minimum), number_of(field.maximum)
        if (low is not None and number < low) or (high is not None and number > high):
            return Flaw.OUT_OF_BOUNDS
    elif field.kind in ("choice", "choices"):
        if not set(field.values) <= set(field.options):
            return Flaw.NOT_AN_OPTION
    elif field.kind == "date" and not _is_date(field.values[0]):
        return Flaw.NOT_A_DATE
    return None


def number_of(text: str) -> Decimal | None:
    """A number as people type it here (``12,5`` or ``12.5``); none when it is none."""
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _has_wrong_number(table: Table) -> bool:
    numeric = [at for at, column in enumerate(table.columns) if column.kind == "number"]
    return any(row[at] and number_of(row[at]) is None for row in table.rows for at in numeric)


def _is_date(text: str) -> bool:
    for form in _DATE_FORMATS:
        try:
            datetime.strptime(text, form)  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        return True
    return False
