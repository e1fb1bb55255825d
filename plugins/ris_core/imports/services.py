"""Images handed in, decided, rejected: one transaction each, with its audit event."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import NotFound, NotPermitted, TransitionRefused
from ris_core.identifiers import PatientIdentifier
from ris_core.imports.errors import ImportInvalid, ImportTooLarge, UploadOutOfStep
from ris_core.imports.folders import delete_folder, free_bytes, uploaded
from ris_core.imports.models import Decision, Fate, Import, ImportFile, ImportPatient, ImportState, ImportStudy
from ris_core.imports.reconciling import person_here, person_in
from ris_core.imports.rules import check_choice, check_new
from ris_core.jobs.services import enqueue
from ris_core.patients.services import find_patient, present_patient

SCAN_JOB: Final = "scan_import"
STORE_JOB: Final = "store_import"
CHANNEL: Final = "imports"
TO_DECIDE: Final = (ImportState.DECIDING, ImportState.PARTLY)
MOST_FILES: Final = 20_000
LARGEST_PIECE: Final = 16 * 1024 * 1024
_GIBIBYTE: Final = 1024**3
_COPY_BYTES: Final = 256 * 1024


class Bytes(Protocol):
    """What comes over the network or from a file."""

    def read(self, size: int, /) -> bytes: ...


def begin_import(source: str, actor: Actor) -> Import:
    """An empty one, to be filled.

    :raises NotPermitted: nobody hands in
    """
    if actor.user_id is None:
        raise NotPermitted("images are handed in by somebody who has logged in")
    with transaction.atomic():
        begun = Import.objects.create(asked_by_id=actor.user_id, asked_at=timezone.now(), source=source.strip()[:128])
        record(actor, "import.begun", subject=f"import:{begun.pk}")
    return begun


@transaction.atomic
def add_file(import_id: int, name: str, byte_count: int, actor: Actor, beginning: bytes = b"") -> ImportFile:
    """A file that will come. The same name, size and beginning again is the same file: an upload goes on where it broke
    off. Name and size alone are not enough: on discs ``IMG00001`` lies in every folder, and images are equally large.

    :param beginning: its first bytes
    :raises ImportTooLarge: too many or too large, or the disk has no room
    """
    found = _open(import_id, actor, ImportState.UPLOADING)
    name = Path(name.replace("\\", "/")).name[:255] or "-"
    if byte_count < 1:
        raise ImportInvalid("the file is empty", field="size")
    for same in found.files.filter(name=name, byte_count=byte_count, received_bytes__lt=byte_count):
        if not same.received_bytes or _begins_with(same, beginning):
            return same
    files = list(found.files.values_list("byte_count", flat=True))
    limit = settings.QUANG.imports.largest_gibibytes * _GIBIBYTE
    if len(files) >= MOST_FILES or sum(files) + byte_count > limit or 3 * byte_count > free_bytes():
        raise ImportTooLarge("more than an import may be, or than there is room for", field="size")
    return ImportFile.objects.create(of=found, number=len(files) + 1, name=name, byte_count=byte_count)


def _begins_with(file: ImportFile, beginning: bytes) -> bool:
    """Whether what has come of ``file`` is of a file that begins so."""
    length = min(len(beginning), file.received_bytes)
    path = uploaded(file.of_id, file.number)
    if not length or not path.is_file():
        return False
    with path.open("rb") as there:
        return there.read(length) == beginning[:length]


def take_piece(import_id: int, number: int, offset: int, content: Bytes, length: int, actor: Actor) -> int:
    """Bytes of a file from ``offset``; how many are there now. A piece that came before changes nothing.

    No transaction is open while bytes come: a slow network would hold the database.

    :raises UploadOutOfStep: bytes before it are missing
    :raises ImportTooLarge: more than was announced, or a piece that is too large
    """
    file = ImportFile.objects.filter(
        of_id=import_id, of__asked_by_id=actor.user_id, of__state=ImportState.UPLOADING, number=number
    ).first()
    if file is None:
        raise NotFound("there is no such file, or its import takes no more", field="file")
    if not 0 < length <= LARGEST_PIECE or offset + length > file.byte_count:
        raise ImportTooLarge("the piece does not fit into the file", field="size")
    if offset > file.received_bytes:
        raise UploadOutOfStep("bytes before this piece are missing", field="offset")
    path = uploaded(import_id, number)
    with path.open("r+b" if path.exists() else "w+b") as target:
        target.seek(offset)
        left = length
        while left and (piece := content.read(min(left, _COPY_BYTES))):
            target.write(piece)
            left -= len(piece)
    there = offset + length - left
    known = ImportFile.objects.filter(pk=file.pk)
    known.filter(received_bytes__lt=there).update(received_bytes=there)
    return known.values_list("received_bytes", flat=True).get()


@transaction.atomic
def end_upload(import_id: int, actor: Actor) -> None:
    """Everything has come: have it looked through. Again changes nothing.

    :raises ImportInvalid: a file has come in part, or there is none
    """
    found = Import.objects.select_for_update().filter(pk=import_id, asked_by_id=actor.user_id).first()
    if found is not None and found.state not in (ImportState.UPLOADING, ImportState.REJECTED):
        return
    found = _open(import_id, actor, ImportState.UPLOADING)
    files = list(found.files.all())
    if not files or any(file.received_bytes < file.byte_count for file in files):
        raise ImportInvalid("a file has come in part only, or there is none", field="files")
    found.state = ImportState.SCANNING
    found.save(update_fields=["state"])
    enqueue(SCAN_JOB, found.pk, channel=CHANNEL, max_attempts=3)
    record(
        actor, "import.handed_in", subject=f"import:{found.pk}", files=len(files),
        bytes=sum(file.byte_count for file in files),
    )  # fmt: skip
    announce("import", found.pk)


@transaction.atomic
def decide(
    patient_id: int, decision: str, actor: Actor, *, chosen: int | None = None, issuer: str = "", reason: str = ""
) -> ImportPatient:
    """A person says whose images these are. May be said otherwise until they are stored.

    :raises OtherPerson: birth date or sex contradict the chosen patient
    :raises ImportInvalid: something is missing
    """
    found = ImportPatient.objects.select_for_update(of=("self",)).filter(pk=patient_id).first()
    if found is None:
        raise NotFound("there is no such patient in an import", field="patient")
    _open(found.of_id, actor, *TO_DECIDE)
    if found.studies.filter(procedure__isnull=False).exists():
        raise TransitionRefused("images of this patient are in the archive already", field="stored")
    if decision not in Decision.values or decision == Decision.OPEN:
        raise ImportInvalid("choose what becomes of these images", field="decision")
    found.patient_id = None
    found.new_issuer = ""
    if decision == Decision.EXISTING:
        if chosen is None:
            raise ImportInvalid("choose a patient", field="patient")
        patient = present_patient(chosen)
        check_choice(person_in(found), person_here(patient), reason)
        found.patient = patient
    elif decision == Decision.NEW:
        check_new(issuer, settings.QUANG.site.patient_id_issuer)
        found.new_issuer = issuer.strip()[:64]
        known = find_patient(PatientIdentifier(number_of_new(found), found.new_issuer))
        if known is not None:  # brought from there before
            check_choice(person_in(found), person_here(known), reason)
        for other in _also_new(found):  # will be that patient by then
            check_choice(person_in(found), person_in(other), reason)
    found.decision, found.reason = decision, reason.strip()[:255]
    found.decided_by_id, found.decided_at = actor.user_id, timezone.now()
    found.save()
    record(
        actor, "import.decided", subject=f"import:{found.of_id}", patient_id=found.patient_id, decision=decision,
        reason=found.reason,
    )  # fmt: skip
    announce("import", found.of_id)
    return found


def _also_new(found: ImportPatient) -> list[ImportPatient]:
    """Others of the same import who are to be a new patient under the same number."""
    if not found.number:
        return []
    same = ImportPatient.objects.filter(
        of_id=found.of_id, decision=Decision.NEW, number=found.number, new_issuer=found.new_issuer
    )
    return list(same.exclude(pk=found.pk).order_by("pk"))


@transaction.atomic
def store_import(import_id: int, actor: Actor) -> None:
    """Every patient is decided: have the images stored, or what was refused of them tried again.

    :raises ImportInvalid: somebody is undecided
    """
    found = _open(import_id, actor, *TO_DECIDE)
    left = Q(fate=Fate.REFUSED) | Q(refused_count__gt=0)
    again = ImportStudy.objects.filter(left, patient__of=found).update(fate=Fate.WAITING, problem="", refused_count=0)
    waiting = found.patients.filter(decision=Decision.OPEN, studies__fate=Fate.WAITING)
    if waiting.exists():
        raise ImportInvalid("say of each patient whose images these are", field="decision")
    found.state, found.problem = ImportState.STORING, ""
    found.save(update_fields=["state", "problem"])
    enqueue(STORE_JOB, found.pk, channel=CHANNEL, max_attempts=12)
    record(actor, "import.confirmed", subject=f"import:{found.pk}", again=again)
    announce("import", found.pk)


@transaction.atomic
def end_import(import_id: int, actor: Actor) -> None:
    """What was refused is not wanted any more: throw its files away. Again changes nothing.

    :raises TransitionRefused: nothing was refused, or it is being stored
    """
    found = _mine(import_id, actor)
    if found.state == ImportState.DONE:
        return
    if found.state != ImportState.PARTLY:
        raise TransitionRefused("nothing of it was refused", field="state")
    found.state, found.finished_at = ImportState.DONE, timezone.now()
    found.save(update_fields=["state", "finished_at"])
    record(actor, "import.ended", subject=f"import:{found.pk}", refused=left_over(found.pk).count())
    announce("import", found.pk)
    transaction.on_commit(lambda: delete_folder(import_id))


@transaction.atomic
def reject_import(import_id: int, actor: Actor) -> None:
    """Throw away what is not stored. What is stored is rejected study by study, on its page. Again changes nothing.

    :raises TransitionRefused: it is being stored, or has been
    """
    found = _mine(import_id, actor)
    if found.state == ImportState.REJECTED:
        return
    if found.state in (ImportState.STORING, ImportState.PARTLY, ImportState.DONE):
        raise TransitionRefused("its images are in the archive; reject them on the study's page", field="state")
    found.state, found.finished_at = ImportState.REJECTED, timezone.now()
    found.save(update_fields=["state", "finished_at"])
    record(actor, "import.rejected", subject=f"import:{found.pk}")
    announce("import", found.pk)
    transaction.on_commit(lambda: delete_folder(import_id))


def imports_of(actor: Actor) -> QuerySet[Import]:
    """Whoever handed them in; the newest first."""
    return Import.objects.filter(asked_by_id=actor.user_id).order_by("-asked_at", "-pk")


def import_of(import_id: int, actor: Actor) -> Import:
    """:raises NotFound: there is none, or it is another person's"""
    found = imports_of(actor).filter(pk=import_id).first()
    if found is None:
        raise NotFound("there is no such import", field="import")
    return found


def number_of_new(patient: ImportPatient) -> str:
    """The number that a new patient gets: the images' own, else one that is nobody else's."""
    return patient.number or f"IMP{patient.pk}"


def tell_of_import(found: Import, actor: Actor, what: str, **facts: Any) -> None:
    """An event of the import itself, for what the worker does."""
    record(actor, f"import.{what}", subject=f"import:{found.pk}", **facts)
    announce("import", found.pk)


def left_over(import_id: int) -> QuerySet[ImportStudy]:
    """Studies that were refused, whole or in part."""
    refused = Q(fate__in=(Fate.REFUSED, Fate.TWO_PATIENTS)) | Q(refused_count__gt=0)
    return studies_of(import_id).filter(refused)


def studies_of(import_id: int) -> QuerySet[ImportStudy]:
    return ImportStudy.objects.filter(patient__of_id=import_id).select_related("patient").order_by("pk")


def _mine(import_id: int, actor: Actor) -> Import:
    found = Import.objects.select_for_update().filter(pk=import_id, asked_by_id=actor.user_id).first()
    if found is None:
        raise NotFound("there is no such import", field="import")
    return found


def _open(import_id: int, actor: Actor, *states: ImportState) -> Import:
    found = _mine(import_id, actor)
    if found.state not in states:
        raise TransitionRefused(f"the import is {found.state}, not {', '.join(states)}", field="state")
    return found
