"""The register as a sheet of a workbook, in words that are given to it: who writes it knows no user and no language."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ris_core.accounts.models import User
from ris_core.statistics.period import Period
from ris_core.statistics.register import Line, lines
from ris_core.statistics.workbook import Cell, Sheet

_WIDTHS = (6, 17, 18, 28, 16, 12, 6, 10, 24, 24, 8, 14, 36, 8, 14, 24, 17, 8, 14, 14, 14, 26)


@dataclass(frozen=True, slots=True)
class Wording:
    """What is written on the sheet besides figures and names."""

    name: str
    title: str
    columns: list[str]
    sex: dict[str, str]
    patient_class: dict[str, str]
    exam_state: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def register_sheet(period: Period, wording: Wording, user: User) -> Sheet:
    """Its rows are read while they are written."""
    rows = (_row(number, line, wording) for number, line in enumerate(lines(period, user=user), start=1))
    return Sheet(wording.name, wording.title, wording.columns, rows, _WIDTHS)


def shown_date(date: str) -> str:
    """``YYYYMMDD`` as ``DD/MM/YYYY``; a month or a year alone stays one."""
    return "/".join(part for part in (date[6:8], date[4:6], date[:4]) if part)


def _row(number: int, line: Line, wording: Wording) -> tuple[Cell, ...]:
    return (
        number, line.scheduled_at, line.accession_number, line.patient_name, line.patient_identifier,
        shown_date(line.birth_date), wording.sex.get(line.sex, line.sex),
        wording.patient_class.get(line.patient_class, ""), line.department, line.physician, line.modality,
        line.service_code, line.service_name, line.images, wording.exam_state.get(line.state, line.state), line.reader,
        line.approved_at, line.films, line.exposures, line.dlp_mgy_cm, line.dap_gy_cm2, line.shared_with,
    )  # fmt: skip
