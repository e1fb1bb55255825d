"""Labelled cases of matching: a small hospital with orders, and images whose headers people and devices have spoilt.

Every case is a DICOM header written with the character set of its device and read again as the worker reads it, and
knows the order that it truly belongs to (or that there is none). Seeded: the same number makes the same cases.

The headers' modalities, descriptions and body parts are those of real files: pydicom's own, and of a corpus where
``QUANG_CORPUS`` names one.
"""

from __future__ import annotations

import os
import random
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pydicom
from django.utils import timezone
from pydicom import config

from benchmarks.matching_hospital import Hospital, Order
from benchmarks.matching_spoils import KINDS, Draft
from ris_core.names import unaccented
from ris_testing.dicom_files import a_dicom_file


@dataclass(frozen=True, slots=True)
class Case:
    kind: str
    file: bytes
    sender: str
    received_at: datetime
    modality: str
    truth: int | None
    """Id of the procedure that the images are of; none: of none that is here, or nobody can tell."""


def cases(hospital: Hospital, seed: int, count: int) -> Iterator[Case]:
    """``count`` cases of all kinds in turn; ``hospital`` has been placed."""
    chance = random.Random(seed)
    kinds = list(KINDS.items())
    headers = real_headers()
    for number in range(count):
        kind, spoil = kinds[number % len(kinds)]
        order = chance.choice(hospital.orders)
        draft = _as_it_should_be(order, chance, headers, number)
        spoil(draft, chance, hospital)
        if chance.random() < 0.3:
            draft.attributes.pop("PatientSex", None)
        if chance.random() < 0.4:
            draft.attributes["PatientName"] = _in_device_letters(draft.attributes.get("PatientName", ""), chance)
        yield _written(kind, draft, hospital)


def _as_it_should_be(order: Order, chance: random.Random, headers: list[dict[str, str]], number: int) -> Draft:
    """What a careful technologist types at a device without a worklist."""
    person, service = order.person, order.service
    received_at = order.at + timedelta(minutes=chance.randint(2, 100))
    local = timezone.localtime(received_at)
    like = [header for header in headers if header["Modality"] == service.modality]
    attributes: dict[str, Any] = {
        **(chance.choice(like) if like else {}),
        "PatientID": person.number,
        "PatientName": unaccented(person.dicom_name),
        "PatientBirthDate": person.birth_date,
        "PatientSex": person.sex,
        "Modality": service.modality,
        "StudyInstanceUID": f"1.2.826.0.1.3680043.9.{number + 1}",
        "StudyDate": f"{local:%Y%m%d}",
        "StudyTime": f"{local:%H%M%S}",
    }
    described = chance.choice(service.descriptions)
    attributes["BodyPartExamined" if described.isupper() else "StudyDescription"] = described
    return Draft(order, attributes, service.station, received_at, order.procedure_id)


def _written(kind: str, draft: Draft, hospital: Hospital) -> Case:
    attributes = {name: value for name, value in draft.attributes.items() if value != ""}
    attributes.setdefault("PatientName", "")
    attributes.setdefault("PatientID", "")
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")  # that the headers are not as they should be is what they are for
        file = a_dicom_file(**{**attributes, "SpecificCharacterSet": draft.character_set})
    return Case(kind, file, draft.sender, draft.received_at, draft.order.service.modality, _truth(draft, hospital))


def _truth(draft: Draft, hospital: Hospital) -> int | None:
    """None also where the header fits several orders just as well: nobody could tell."""
    if draft.truth is None or draft.names_its_order:
        return draft.truth
    mine = draft.order
    said = draft.attributes
    described = said.get("BodyPartExamined") or said.get("StudyDescription")
    for other in hospital.orders:
        if other.procedure_id == mine.procedure_id or other.service.modality != mine.service.modality:
            continue
        same_person = other.person == mine.person and (other.service == mine.service or not described)
        alike = (
            other.person != mine.person
            and unaccented(other.person.name) == unaccented(mine.person.name)
            and other.service == mine.service
            and not draft.id_elsewhere
            and not said.get("PatientID")
            and (not said.get("PatientBirthDate") or other.person.birth_date.startswith(said["PatientBirthDate"]))
        )
        if same_person or alike:
            return None
    return draft.truth


def _in_device_letters(name: str, chance: random.Random) -> str:
    return chance.choice((name.lower(), name.title(), unicodedata.normalize("NFD", name), name.replace("^", " ")))


_UNREADABLE = (
    pydicom.errors.InvalidDicomError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    OSError,
    RecursionError,
)
"""What pydicom raises for files that are none, or meant to break whoever reads them."""


def real_headers() -> list[dict[str, str]]:
    """Modality, station and manufacturer's words of real files: what devices write beside the patient."""
    folders = [Path(pydicom.__file__).parent / "data" / "test_files"]
    if os.environ.get("QUANG_CORPUS"):
        folders.append(Path(os.environ["QUANG_CORPUS"]))
    found = []
    for path in sorted(file for folder in folders for file in folder.rglob("*.dcm"))[:200]:
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*_KEPT, "Modality"])
            header = {name: str(dataset.get(name) or "") for name in (*_KEPT, "Modality")}
        except _UNREADABLE:
            continue
        if header["Modality"]:
            found.append({name: value[:16] for name, value in header.items() if value.isascii() and value})
    return found


_KEPT = ("StationName", "InstitutionName", "Manufacturer", "SeriesDescription")
