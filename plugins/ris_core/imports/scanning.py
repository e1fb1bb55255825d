"""The job ``scan_import``: what is in the files that were handed in, by patient and study. Run again it begins anew."""

from __future__ import annotations

import hashlib
import mmap
import re
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from ris_core.audit.services import Actor
from ris_core.engine.client import Engine
from ris_core.identifiers import StudyInstanceUID
from ris_core.imports.errors import ImportInvalid, ImportTooLarge
from ris_core.imports.folders import folder_of, found_object, uploaded
from ris_core.imports.models import Fate, Import, ImportObject, ImportPatient, ImportState, ImportStudy
from ris_core.imports.services import MOST_FILES, tell_of_import
from ris_core.imports.unpacking import Allowance, Unpacking
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.studies.dicom_file import read_dicom_file
from ris_core.studies.elements import FileData, HeaderIncomplete, HeaderUnreadable
from ris_core.studies.received import Header, read_header

WORKER: Final = Actor("worker")
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_SOP_CLASS, _SOP_INSTANCE, _MODALITY = 0x00080016, 0x00080018, 0x00080060
_DIRECTORY: Final = "1.2.840.10008.1.3.10"


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as images name them: two that differ in anything are two."""

    name: str
    number: str
    issuer: str
    birth_date: str
    sex: str

    def columns(self) -> dict[str, str]:
        return asdict(self)


def run_scan_import(subject_id: str) -> None:
    """:raises NotWorthRepeating: it holds more than it may, or nothing that can be used"""
    found = Import.objects.filter(pk=int(subject_id), state=ImportState.SCANNING).first()
    if found is None:
        return
    scratch = folder_of(found.pk) / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        scan = _Scan(found)
        for file in found.files.all():
            for path in scan.unpacking(scratch).objects_in(uploaded(found.pk, file.number)):
                scan.take(path)
        if not scan.objects:
            raise ImportInvalid("there is no DICOM object that can be read in it", field="files")
        scan.keep()
    except (ImportTooLarge, ImportInvalid) as refusal:
        raise NotWorthRepeating(f"{refusal.code} {refusal.detail}") from refusal
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for file in found.files.all():
        uploaded(found.pk, file.number).unlink(missing_ok=True)


def after_import_died(subject_id: str, error: str) -> None:
    """Whoever handed it in is told on the page."""
    found = Import.objects.filter(pk=int(subject_id), state__in=(ImportState.SCANNING, ImportState.STORING)).first()
    if found is None:
        return
    code = next((word for word in error.split() if word.startswith("QUANG-") and word != NotWorthRepeating.code), "")
    changes = {"problem": code or "FAILED"}
    if found.state == ImportState.SCANNING:
        changes["state"] = ImportState.FAILED
    # what is half stored goes on when the job is run again (screen of jobs)
    Import.objects.filter(pk=found.pk).update(**changes)
    tell_of_import(found, WORKER, "failed", success=False, reason=code)


class _Scan:
    """What has been found so far; rows are written at the end, at once."""

    def __init__(self, found: Import) -> None:
        self._import = found
        limit = settings.QUANG.imports.largest_gibibytes * 1024**3
        self._allowance = Allowance(limit, MOST_FILES)
        self._unpacking: Unpacking | None = None
        self.objects: dict[tuple[Person, str], list[tuple[int, str, str]]] = {}
        """Patient and study → number, SOP Instance UID and modality of each object."""
        self._headers: dict[tuple[Person, str], Header] = {}
        self._first: dict[tuple[Person, str, str], Path] = {}
        """Patient, study and SOP Instance UID → the first file under them."""
        self._digests: dict[tuple[Person, str, str], set[bytes]] = {}
        """The same → SHA-256 of each, where there are several."""
        self._number = 0

    def unpacking(self, scratch: Path) -> Unpacking:
        if self._unpacking is None:
            self._unpacking = Unpacking(scratch, self._allowance)
        return self._unpacking

    def take(self, path: Path) -> None:
        """One DICOM file; what is none that the engine could keep is counted."""
        try:
            with path.open("rb") as file:
                header, sop_class, sop, modality = _read(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (HeaderIncomplete, HeaderUnreadable, ValueError, UnicodeDecodeError, LookupError, OSError):
            self._note_damaged()
            return
        if sop_class == _DIRECTORY:
            return
        study = header.text("0020000D")
        if not all(_UID.fullmatch(uid) and len(uid) <= 64 for uid in (study, sop)):
            self._note_damaged()
            return
        person = _person(header)
        target = found_object(self._import.pk, self._number + 1)
        if self._is_repeated(path, target, (person, study, sop)):
            return
        self._number += 1
        # what is loose stays where it is until everything is found, so that a repeat finds it
        if path.suffix == ".upload":
            shutil.copyfile(path, target)
        else:
            path.replace(target)
        self.objects.setdefault((person, study), []).append((self._number, sop, modality))
        self._headers.setdefault((person, study), header)

    def _is_repeated(self, path: Path, target: Path, key: tuple[Person, str, str]) -> bool:
        """Whether the same bytes came before under the same identifiers (twice on one disc). Every file is read once at
        most: a thousand others under one identifier cost no more than a thousand.

        :param target: where it will lie if not
        """
        first = self._first.setdefault(key, target)
        if first == target:
            return False
        if key not in self._digests:
            self._digests[key] = {_digest(first)}
        digests = self._digests[key]
        count = len(digests)
        digests.add(_digest(path))
        return len(digests) == count

    def keep(self) -> None:
        """Write down what was found, with what the archive has of it."""
        studies = Counter(study for _, study in self.objects)
        with Engine.from_settings(settings.QUANG, "worker") as engine:
            here = {study for study in studies if engine.find_studies(StudyInstanceUID(study))}
        with transaction.atomic():
            current = Import.objects.select_for_update().get(pk=self._import.pk)
            if current.state != ImportState.SCANNING:
                return
            current.patients.all().delete()
            patients: dict[Person, ImportPatient] = {}
            for (person, study), objects in self.objects.items():
                if person not in patients:
                    patients[person] = ImportPatient.objects.create(of=current, **person.columns())
                header = self._headers[person, study]
                row = ImportStudy.objects.create(
                    patient=patients[person],
                    study_instance_uid=study,
                    study_date=_date(header.text("00080020")),
                    description=header.text("00081030")[:255],
                    modalities=" ".join(sorted({modality for _, _, modality in objects if modality}))[:64],
                    image_count=len(objects),
                    fate=Fate.TWO_PATIENTS if studies[study] > 1 else Fate.HERE if study in here else Fate.WAITING,
                )
                ImportObject.objects.bulk_create(
                    [ImportObject(study=row, number=number, sop_instance_uid=sop) for number, sop, _ in objects],
                    batch_size=500,
                )
            current.state = ImportState.DECIDING
            if self._unpacking is not None:
                current.passed_over, current.damaged = self._unpacking.passed_over, self._unpacking.damaged
            current.save(update_fields=["state", "passed_over", "damaged"])
            counted = {"passed_over": current.passed_over, "damaged": current.damaged}
            tell_of_import(current, WORKER, "scanned", studies=len(self.objects), **counted)

    def _note_damaged(self) -> None:
        if self._unpacking is not None:
            self._unpacking.damaged += 1


def _read(data: FileData) -> tuple[Header, str, str, str]:
    """Header, SOP Class UID, SOP Instance UID, modality."""
    file = read_dicom_file(data)
    return read_header(data), file.text(_SOP_CLASS), file.text(_SOP_INSTANCE), file.text(_MODALITY)[:16]


def _person(header: Header) -> Person:
    return Person(
        name=header.text("00100010")[:255],
        number=header.text("00100020")[:64],
        issuer=header.text("00100021")[:64],
        birth_date=_date(header.text("00100030")),
        sex=header.text("00100040")[:16],
    )


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _date(text: str) -> str:
    return text if len(text) == 8 and text.isascii() and text.isdigit() else ""
