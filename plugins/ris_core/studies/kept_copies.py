"""Other images under the UIDs of stored ones: kept byte for byte, told of, and given back.

The engine keeps the first file under a UID and answers success to every further one. So before a device is answered,
what is not the same image is kept here; what a person then decides is in :mod:`ris_core.studies.copy_decisions`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from ris_core.audit.services import record
from ris_core.changes.services import announce
from ris_core.errors import QuangError
from ris_core.identifiers import OrthancId
from ris_core.jobs.services import enqueue
from ris_core.notices.services import notify
from ris_core.studies.elements import FileData
from ris_core.studies.file_differences import Difference, difference
from ris_core.studies.links import AUTO_MAPPING
from ris_core.studies.models import CopyDecision, KeptCopy, KeptCopyPart, Study, StudyPlace

MOST_COPIES: Final = 16
"""Different images kept under one UID; a device that makes more is told to try later."""
_PART_BYTES: Final = 1024 * 1024
_MEBIBYTE: Final = 1024 * 1024
_LOOK_AGAIN: Final = timedelta(seconds=2)
_LOOK_AGAIN_AT_LAST: Final = timedelta(days=1)


class NoRoomForCopy(QuangError):
    """Another image came under the UID of a stored one, and there is no room left to keep it: it was refused."""

    code = "QUANG-4131"


@transaction.atomic
def keep_copy(
    data: FileData, sop_instance_uid: str, engine_study_id: OrthancId, what: Difference, sender: str = ""
) -> KeptCopy:
    """Keep a file that is another image than the one stored under its UID, and have people told.

    The same file again is kept once.

    :raises NoRoomForCopy: there are too many, or they are too large together
    """
    digest = hashlib.sha256(data).hexdigest()
    of_image = KeptCopy.objects.filter(sop_instance_uid=sop_instance_uid)
    known = of_image.filter(digest=digest).first()
    if known is not None:
        return known
    kept = KeptCopy.objects.aggregate(total=Sum("byte_count"))["total"] or 0
    if of_image.count() >= MOST_COPIES or kept + len(data) > settings.QUANG.mapping.kept_copies_mebibytes * _MEBIBYTE:
        raise NoRoomForCopy("no room for a further image under the UID of a stored one", field="SOPInstanceUID")
    copy = KeptCopy.objects.create(
        engine_study_id=engine_study_id,
        sop_instance_uid=sop_instance_uid,
        digest=digest,
        byte_count=len(data),
        difference=what.value,
        sender=sender[:64],
        received_at=timezone.now(),
    )
    _write(copy, data, of_first=False)
    enqueue("tell_of_kept_copy", copy.pk)
    return copy


def is_kept(data: FileData, sop_instance_uid: str, engine_study_id: OrthancId | None = None) -> bool:
    """Whether the same image is kept already, as a copy or as the one that a copy has replaced.

    :param engine_study_id: where given, only what was kept of this study counts: equal pixels of another patient are
        another image
    """
    of_image = KeptCopy.objects.filter(sop_instance_uid=sop_instance_uid)
    if engine_study_id is not None:
        of_image = of_image.filter(engine_study_id=engine_study_id)
    return any(difference(file, data) is None for copy in of_image.order_by("pk") for file in _files(copy))


def copy_file(copy: KeptCopy, *, first: bool = False) -> bytes:
    """The file as it came; with ``first``, the one that was stored before it and has been replaced by it."""
    return b"".join(copy_pieces(copy, first=first))


def copy_pieces(copy: KeptCopy, *, first: bool = False) -> Iterator[bytes]:
    """:func:`copy_file` of which only some pieces are in memory."""
    parts = copy.parts.filter(of_first=first).order_by("number")
    yield from (bytes(data) for data in parts.values_list("data", flat=True).iterator(chunk_size=16))


@transaction.atomic
def keep_first(copy: KeptCopy, data: FileData) -> None:
    """Keep the stored file that ``copy`` is to replace; once kept, it stays what it was."""
    locked = KeptCopy.objects.select_for_update().get(pk=copy.pk)
    if not locked.first_is_kept:
        _write(locked, data, of_first=True)
        locked.first_is_kept, locked.byte_count = True, locked.byte_count + len(data)
        locked.save(update_fields=["first_is_kept", "byte_count"])
    copy.first_is_kept = True


def waiting_copies() -> QuerySet[KeptCopy]:
    """Copies that nobody has decided about, the longest waiting first."""
    known = KeptCopy.objects.filter(decision=CopyDecision.WAITING, study__isnull=False)
    return known.select_related("study").order_by("received_at", "pk")


@transaction.atomic
def run_tell_of_kept_copy(subject_id: str) -> None:
    """Say whose image it is, on its study's page and to who reads it."""
    copy = KeptCopy.objects.select_for_update().get(pk=int(subject_id))
    if copy.study_id is not None:
        return
    place = StudyPlace.objects.filter(orthanc_id=copy.engine_study_id).first()
    found = Study.objects.filter(orthanc_id=copy.engine_study_id).first()
    study = found or (place.study if place else None)
    if study is None:  # both came within a moment; or the engine has lost the other, and then less and less often
        now = timezone.now()
        enqueue("study_arrived", copy.engine_study_id)
        wait = min(max(_LOOK_AGAIN, now - copy.received_at), _LOOK_AGAIN_AT_LAST)
        enqueue("tell_of_kept_copy", copy.pk, run_at=now + wait)
        return
    copy.study = study
    copy.save(update_fields=["study"])
    notify("other_image_same_uid", study_id=study.pk)
    record(
        AUTO_MAPPING,
        "study.copy_kept",
        subject=f"study:{study.pk}",
        patient_id=study.patient_id,
        success=False,
        copy=copy.pk,
        difference=copy.difference,
        sender=copy.sender,
    )
    announce("study", study.pk)


def _files(copy: KeptCopy) -> Iterator[bytes]:
    yield copy_file(copy)
    if copy.first_is_kept:
        yield copy_file(copy, first=True)


def _write(copy: KeptCopy, data: FileData, *, of_first: bool) -> None:
    for number, at in zip(count(), range(0, len(data), _PART_BYTES), strict=False):
        KeptCopyPart.objects.create(copy=copy, of_first=of_first, number=number, data=data[at : at + _PART_BYTES])
