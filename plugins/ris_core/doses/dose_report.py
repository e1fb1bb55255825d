"""Reads radiation dose structured reports (PS3.16 TID 10001 projection, TID 10011 CT).

Tolerant: what is not understood is left out. Units are converted by their UCUM code; a value in another unit is left
out rather than guessed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset

from ris_core.doses.amounts import Amounts, together

DOSE_REPORT_CLASS: Final = "1.2.840.10008.5.1.4.1.1.88.67"
"""X-Ray Radiation Dose SR Storage."""
_TITLE: Final = "113701"
"""X-Ray Radiation Dose Report (DCM): also in Enhanced and Comprehensive SR of older devices."""
_PROJECTION_TOTALS: Final = "113702"
"""Accumulated X-Ray Dose Data (DCM), one for each plane."""
_CT_TOTALS: Final = "113811"
"""CT Accumulated Dose Data (DCM)."""
_EVENTS: Final = frozenset({"113706", "113819"})
"""Irradiation Event X-Ray Data, CT Acquisition (DCM)."""
_EVENT_UID: Final = "113769"
_DEEPEST: Final = 12

_UNITS: Final[dict[str, dict[str, float]]] = {
    "dlp_mgy_cm": {"mGy.cm": 1, "mGycm": 1, "Gy.cm": 1000},
    "ctdivol_mgy": {"mGy": 1, "Gy": 1000},
    "dap_gy_cm2": {"Gy.m2": 10_000, "Gy.cm2": 1, "dGy.cm2": 0.1, "cGy.cm2": 0.01, "mGy.cm2": 0.001, "uGy.m2": 0.01},
    "reference_point_mgy": {"Gy": 1000, "mGy": 1},
    "glandular_mgy": {"mGy": 1, "Gy": 1000, "dGy": 100},
    "fluoroscopy_seconds": {"s": 1, "min": 60, "ms": 0.001},
}
"""UCUM code → factor to the unit that is kept."""

_TOTALS: Final = {
    "113813": "dlp_mgy_cm",
    "113722": "dap_gy_cm2",
    "113725": "reference_point_mgy",
    "111637": "glandular_mgy",
    "113730": "fluoroscopy_seconds",
}
"""Concepts (DCM) of the totals."""
_MEAN_CTDIVOL: Final = "113830"


@dataclass(frozen=True, slots=True)
class DoseReport:
    """One report's totals, and the events that they are of."""

    amounts: Amounts
    event_uids: frozenset[str]


def dose_report(file: bytes) -> DoseReport | None:
    """What ``file`` says; none when it is no dose report, or cannot be read."""
    try:
        report = pydicom.dcmread(io.BytesIO(file), force=False)
        if report.get("SOPClassUID") != DOSE_REPORT_CLASS and _code(report) != _TITLE:
            return None
        items = list(_walk(report.get("ContentSequence") or [], 0))
        return _read(items)
    except (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError, TypeError):
        return None  # pydicom names no errors of its own for what is broken inside


def of_different_events(reports: Iterable[DoseReport]) -> Amounts:
    """The amounts of several reports; one whose events are all in another's, as of a report sent again when the study
    went on, is not counted twice."""
    counted: list[DoseReport] = []
    for report in sorted(reports, key=lambda each: len(each.event_uids), reverse=True):
        if not report.event_uids or not any(report.event_uids <= other.event_uids for other in counted):
            counted.append(report)
    return together(report.amounts for report in counted)


def _read(items: list[Dataset]) -> DoseReport:
    totals: list[Amounts] = []
    for container in items:
        if _code(container) in (_PROJECTION_TOTALS, _CT_TOTALS):
            inside = _walk(container.get("ContentSequence") or [], 0)
            totals += [amount for item in inside if (amount := _amount(item, _TOTALS.get(_code(item), "")))]
    totals += [amount for item in items if _code(item) == _MEAN_CTDIVOL and (amount := _amount(item, "ctdivol_mgy"))]
    events = [item for item in items if item.get("ValueType") == "CONTAINER" and _code(item) in _EVENTS]
    if events:
        totals.append(Amounts(exposures=len(events)))
    uids = (str(item.get("UID", "")) for item in items if _code(item) == _EVENT_UID)
    return DoseReport(together(totals), frozenset(filter(None, uids)))


def _amount(item: Dataset, name: str) -> Amounts | None:
    measured = item.get("MeasuredValueSequence") or []
    if not name or not measured:
        return None
    units = (measured[0].get("MeasurementUnitsCodeSequence") or [Dataset()])[0]
    factor = _UNITS[name].get(str(units.get("CodeValue", "")))
    number = measured[0].get("NumericValue")
    if factor is None or number is None:
        return None
    value: Any = float(number) * factor
    return Amounts(**{name: value}) if 0 <= value < 1e9 else None


def _walk(items: Iterable[Dataset], depth: int) -> Iterator[Dataset]:
    for item in items:
        yield item
        if depth < _DEEPEST:
            yield from _walk(item.get("ContentSequence") or [], depth + 1)


def _code(item: Dataset) -> str:
    name = item.get("ConceptNameCodeSequence") or []
    return str(name[0].get("CodeValue", "") or "") if name else ""
