"""Reads a performed procedure step's attributes from the DICOM JSON model (PS3.18 F.2), tolerantly: what is not there
or not as it should be is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from ris_core.performed.rules import PerformedSeries, ScheduledReference

Attributes = Mapping[str, Any]

STATUS: Final = "00400252"
SCHEDULED_STEP_ATTRIBUTES: Final = "00400270"
PERFORMED_SERIES: Final = "00400340"
START_DATE, START_TIME = "00400244", "00400245"
END_DATE, END_TIME = "00400250", "00400251"
MODALITY: Final = "00080060"
PATIENT_ID: Final = "00100020"
PATIENT_NAME: Final = "00100010"
PROCEDURE_STEP_ID: Final = "00400253"
STATION_AE_TITLE: Final = "00400241"
DISCONTINUATION_REASON: Final = "00400281"


def text(attributes: Attributes, tag: str) -> str:
    """The first value as text."""
    value = _first(attributes, tag)
    if isinstance(value, Mapping):  # a person's name
        return "=".join(str(value.get(group, "")) for group in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
    return "" if value is None else str(value).strip()


def items(attributes: Attributes, tag: str) -> Sequence[Attributes]:
    """The items of a sequence."""
    values = attributes.get(tag, {}).get("Value") or ()
    return [value for value in values if isinstance(value, Mapping)]


def moment(attributes: Attributes, date_tag: str, time_tag: str, zone: tzinfo) -> datetime | None:
    """A DA and a TM together; none when they cannot be read.

    :param zone: the site's, since the device gives none
    """
    digits = text(attributes, date_tag) + text(attributes, time_tag).partition(".")[0].ljust(6, "0")
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone)
    except ValueError:
        return None


def references(attributes: Attributes) -> list[ScheduledReference]:
    """What was scheduled; values longer than they may be are cut, they match nothing."""
    return [
        ScheduledReference(
            study_instance_uid=text(item, "0020000D")[:64],
            accession_number=text(item, "00080050")[:128],
            requested_procedure_id=text(item, "00401001")[:64],
            scheduled_procedure_step_id=text(item, "00400009")[:64],
        )
        for item in items(attributes, SCHEDULED_STEP_ATTRIBUTES)
    ]


def series(attributes: Attributes) -> list[PerformedSeries]:
    """The performed series with everything in them."""
    return [
        PerformedSeries(
            series_instance_uid=text(item, "0020000E"),
            description=text(item, "0008103E") or text(item, "00181030"),
            instance_uids=tuple(
                text(instance, "00081155")
                for tag in ("00081140", "00400220")  # Referenced Image, Referenced Non-Image Composite SOP Instance
                for instance in items(item, tag)
            ),
        )
        for item in items(attributes, PERFORMED_SERIES)
    ]


def discontinuation(attributes: Attributes) -> tuple[str, str]:
    """Code value and meaning of the reason; both empty when none is given."""
    for item in items(attributes, DISCONTINUATION_REASON):
        return text(item, "00080100"), text(item, "00080104")
    return "", ""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What was used on the patient, as the device says (PS3.3 C.4.16, C.4.17); empty where it is silent."""

    exposures: str
    dose_area_product: str
    """Image and Fluoroscopy Area Dose Product, dGy·cm²."""
    fluoroscopy_seconds: str
    entrance_dose_mgy: str
    comment: str
    films: int


def exposure(attributes: Attributes) -> Exposure:
    """Dose, exposures and films."""
    films = (text(item, "21000170") for item in items(attributes, "00400321"))
    return Exposure(
        exposures=text(attributes, "00400301"),
        dose_area_product=text(attributes, "0018115E"),
        fluoroscopy_seconds=text(attributes, "00400300"),
        entrance_dose_mgy=text(attributes, "00408302"),
        comment=text(attributes, "00400310"),
        films=sum(int(number) for number in films if number.isdecimal() and len(number) < 6),
    )


def _first(attributes: Attributes, tag: str) -> Any:
    values = attributes.get(tag, {}).get("Value") or ()
    return values[0] if values else None
