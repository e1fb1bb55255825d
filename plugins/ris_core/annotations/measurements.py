"""Measurements in a stored structured report: what OHIF, a device or another program has measured (PS3.16 TID 1500).

Tolerant: what cannot be understood is left out, and a report of another template gives its numbers by their own names.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ris_core.errors import QuangError

MAXIMUM_MEASUREMENTS: Final = 200
_DEEPEST: Final = 12
_GROUP: Final = "125007"
"""Measurement Group (DCM)."""
_FINDING: Final = frozenset({"121071", "363698007"})
"""Finding (DCM), Finding Site (SCT)."""
_LABELS: Final = frozenset({"CORNERSTONEFREETEXT", "125309", "112039"})
"""Free text of Cornerstone's labels, Short label, Tracking Identifier (DCM)."""
_UNITS: Final = {
    "1": "",
    "mm2": "mm²",
    "cm2": "cm²",
    "mm3": "mm³",
    "cm3": "cm³",
    "deg": "°",
    "{pixels}": "px",
    "[hnsf'U]": "HU",
}
_DERIVATION: Final = "121401"
"""Derivation (DCM): mean, maximum, …"""
_ANNOTATION = re.compile(r"\{[^}]*\}")
_TRACKING_NOISE = re.compile(r"^(Cornerstone3DTools@|cornerstoneTools@)", re.IGNORECASE)


class ReportUnreadable(QuangError):
    """A stored structured report that is no DICOM file; it is named on the screen and otherwise left alone."""

    code = "QUANG-5404"


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One number with its name, as the report gives them."""

    name: str
    value: str
    units: str

    def __str__(self) -> str:
        gap = "" if self.units in ("°", "%") else " "
        return f"{self.name} {self.value}{gap}{self.units}".strip()


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured at one place."""

    label: str
    values: tuple[MeasuredValue, ...]
    sop_instance_uid: str = ""
    """The image it was measured on; empty when the report does not say."""
    frame: int = 1

    @property
    def text(self) -> str:
        """As it is put into a report."""
        values = "; ".join(str(value) for value in self.values)
        return ": ".join(part for part in (self.label, values) if part)


@dataclass(frozen=True, slots=True)
class MeasurementReport:
    """A structured report's measurements."""

    title: str
    content_date: str
    """``YYYYMMDD``; may be empty."""
    content_time: str
    measurements: tuple[Measurement, ...] = field(default=())


def measurements_in(file: bytes) -> MeasurementReport:
    """What ``file``, a DICOM structured report, has measured.

    :raises ReportUnreadable: it is no DICOM file, or no structured report
    """
    try:
        report = pydicom.dcmread(io.BytesIO(file), force=False)
        if "SOPClassUID" not in report:
            raise ReportUnreadable("the structured report says not what it is")
        content = report.get("ContentSequence") or []
        title = _meaning(report)
        groups = list(_groups(content, 0))
        found = [_measurement(group) for group in groups]
        if not groups:
            found = [_alone(item) for item in _numbers(content, 0)]
    except (pydicom.errors.InvalidDicomError, OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ReportUnreadable(f"the structured report cannot be read ({type(error).__name__})") from error
    return MeasurementReport(
        title=title,
        content_date=str(report.get("ContentDate", "") or ""),
        content_time=str(report.get("ContentTime", "") or ""),
        measurements=tuple(each for each in found if each.values)[:MAXIMUM_MEASUREMENTS],
    )


def _groups(items: list[Dataset], depth: int) -> Iterator[Dataset]:
    for item in items:
        if item.get("ValueType") == "CONTAINER" and _code_of(item) == _GROUP:
            yield item
        elif depth < _DEEPEST:
            yield from _groups(item.get("ContentSequence") or [], depth + 1)


def _numbers(items: list[Dataset], depth: int) -> Iterator[Dataset]:
    for item in items:
        if item.get("ValueType") == "NUM":
            yield item
        if depth < _DEEPEST:
            yield from _numbers(item.get("ContentSequence") or [], depth + 1)


def _measurement(group: Dataset) -> Measurement:
    items = list(group.get("ContentSequence") or [])
    values = tuple(value for item in _numbers(items, 0) if (value := _value(item)) is not None)
    sop_instance_uid, frame = next(_images(items, 0), ("", 1))
    return Measurement(_label(items), values, sop_instance_uid, frame)


def _alone(item: Dataset) -> Measurement:
    value = _value(item)
    sop_instance_uid, frame = next(_images(item.get("ContentSequence") or [], 0), ("", 1))
    return Measurement("", (value,) if value else (), sop_instance_uid, frame)


def _label(items: list[Dataset]) -> str:
    """What the reader wrote beside it, else the finding's own name; tracking numbers of programs are none."""
    coded = ""
    for item in items:
        kind, code = item.get("ValueType"), _code_of(item)
        if kind == "CODE" and code in _FINDING:
            concept = (item.get("ConceptCodeSequence") or [Dataset()])[0]
            if concept.get("CodeValue") in _LABELS and _concept(item):
                return _concept(item)
            coded = coded or _concept(item)
        elif kind == "TEXT" and code in _LABELS:
            text = str(item.get("TextValue", "") or "")
            if text and not _TRACKING_NOISE.match(text):
                coded = coded or text
    return coded


def _value(item: Dataset) -> MeasuredValue | None:
    measured = item.get("MeasuredValueSequence") or []
    if not measured:
        return None
    number = measured[0].get("NumericValue")
    if number is None:
        return None
    code = (measured[0].get("MeasurementUnitsCodeSequence") or [Dataset()])[0]
    value = str(code.get("CodeValue", "") or "")
    units = _UNITS.get(value, _ANNOTATION.sub("", value))
    kind = next((_concept(each) for each in item.get("ContentSequence") or [] if _code_of(each) == _DERIVATION), "")
    return MeasuredValue(" ".join(part for part in (_meaning(item), kind.lower()) if part), _short(number), units)


def _concept(item: Dataset) -> str:
    concept = item.get("ConceptCodeSequence") or []
    return str(concept[0].get("CodeMeaning", "") or "") if concept else ""


def _short(number: Any) -> str:
    first = number[0] if isinstance(number, MultiValue) else number
    try:
        value = float(first)
    except ValueError:
        return str(first)
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:.4g}"


def _images(items: list[Dataset], depth: int) -> Iterator[tuple[str, int]]:
    for item in items:
        if item.get("ValueType") == "IMAGE":
            for reference in item.get("ReferencedSOPSequence") or []:
                frame = reference.get("ReferencedFrameNumber", 1)
                first = frame if isinstance(frame, (int, str)) else next(iter(frame), 1)
                yield str(reference.get("ReferencedSOPInstanceUID", "")), int(first or 1)
        if depth < _DEEPEST:
            yield from _images(item.get("ContentSequence") or [], depth + 1)


def _code_of(item: Dataset) -> str:
    name = item.get("ConceptNameCodeSequence") or []
    return str(name[0].get("CodeValue", "") or "") if name else ""


def _meaning(item: Dataset) -> str:
    name = item.get("ConceptNameCodeSequence") or []
    return str(name[0].get("CodeMeaning", "") or "") if name else ""
