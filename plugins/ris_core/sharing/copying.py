"""The copies of an anonymous share: made image by image in the worker, looked at by whoever shares, removed at the end.

What has been done is written down after each image, so that a worker that dies goes on where it was; an image that was
stored and not written down is the same again, byte for byte, since pseudonyms follow from the share's secret. A study
that is a copy is known by its row before its first image is stored: nothing else of the suite takes it for an arrival.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import SYSTEM, record
from ris_core.changes.services import announce
from ris_core.deidentification.datasets import Withheld
from ris_core.deidentification.files import CleanFile, deidentified_file
from ris_core.deidentification.pixels import TextRemover
from ris_core.deidentification.profiles import Profile
from ris_core.deidentification.pseudonyms import Pseudonyms, new_secret
from ris_core.delivery.shown import shown_studies
from ris_core.engine.answers import EngineInstance
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.jobs.services import enqueue
from ris_core.orders.models import RequestedProcedure
from ris_core.sharing.models import CopiedImage, CopiedStudy, CopyingState, Share, ShareCopying
from ris_core.sharing.services import COPIES_CHANNEL, COPY_JOB, REMOVE_JOB
from ris_core.sharing.withholding import shown_rows
from ris_core.studies.engine_ids import engine_id
from ris_core.studies.files_on_disk import stored_file

TURN_SECONDS: Final = 120.0
"""After this long other shares have their turn."""
PROFILE: Final = Profile()
_TELLS_EVERY: Final = 10


def run_copy_for_share(subject_id: str) -> None:
    """The job that makes the copies; it asks for itself again until all images are done."""
    share = Share.objects.get(pk=int(subject_id))
    if not share.anonymous or has_ended(share, timezone.now()):
        return
    copying = _copying(share)
    if copying.state != CopyingState.COPYING:
        return
    began, done = time.monotonic(), 0
    pseudonyms = Pseudonyms(bytes(copying.secret))
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        for work in _still_to_do(engine, copying, pseudonyms):
            _copy(engine, work, pseudonyms)
            done += 1
            if done % _TELLS_EVERY == 0:
                announce("share", share.pk)
            if time.monotonic() - began > TURN_SECONDS:
                enqueue(COPY_JOB, share.pk, channel=COPIES_CHANNEL)
                return
            if has_ended(Share.objects.get(pk=share.pk), timezone.now()):
                return
    with transaction.atomic():
        ShareCopying.objects.filter(pk=copying.pk, state=CopyingState.COPYING).update(state=CopyingState.READY)
        images = CopiedImage.objects.filter(copied_study__copying=copying)
        withheld = images.filter(result=CopiedImage.Result.WITHHELD).count()
        record(SYSTEM, "share.copied", subject=f"share:{share.pk}", images=images.count(), withheld=withheld)
        announce("share", share.pk)


def after_copy_for_share_died(subject_id: str, _error: str) -> None:
    """The share shows nothing; its page says so."""
    ShareCopying.objects.filter(share_id=int(subject_id)).update(state=CopyingState.FAILED)
    announce("share", int(subject_id))


def run_remove_share_copies(subject_id: str) -> None:
    """The job that takes the copies of a share that has ended out of the engine; running twice does no harm."""
    share = Share.objects.get(pk=int(subject_id))
    copying = ShareCopying.objects.filter(share=share).first()
    if copying is None or copying.state == CopyingState.REMOVED or not has_ended(share, timezone.now()):
        return
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        for copied in copying.studies.all():
            for instance in engine.instances(copied.orthanc_id):
                try:
                    engine.delete_instance(instance.orthanc_id)
                except NotInEngine:
                    continue
    with transaction.atomic():
        ShareCopying.objects.filter(pk=copying.pk).update(state=CopyingState.REMOVED, secret=b"")
        record(SYSTEM, "share.copies_removed", subject=f"share:{share.pk}")


def remove_ended_copies(_subject_id: str = "") -> None:
    """A duty: ask for the removal of what shares have left that are over."""
    standing = ShareCopying.objects.exclude(state=CopyingState.REMOVED).select_related("share")
    for copying in standing:
        if has_ended(copying.share, timezone.now()):
            enqueue(REMOVE_JOB, copying.share_id, channel=COPIES_CHANNEL)


def has_ended(share: Share, now: datetime) -> bool:
    """Whether nobody may see its copies any more; one that is over does not open again either."""
    return share.revoked_at is not None or share.expires_at <= now


@dataclass(frozen=True, slots=True)
class _Work:
    """One image to be copied, and for whom."""

    copied_study: CopiedStudy
    instance: EngineInstance
    patient: str
    """The pseudonym."""
    known_texts: tuple[str, ...]


def _copying(share: Share) -> ShareCopying:
    return ShareCopying.objects.get_or_create(share=share, defaults={"secret": new_secret()})[0]


def _still_to_do(engine: Engine, copying: ShareCopying, pseudonyms: Pseudonyms) -> list[_Work]:
    """Each copied study has its row from here on, which the arrival of its images is told by."""
    found: list[_Work] = []
    for exam in (row.procedure for row in shown_rows(copying.share)):
        patient, texts = pseudonyms.patient(str(exam.patient_id)), known_texts(exam)
        for study in shown_studies(exam.pk):
            uid = pseudonyms.uid(study.study_instance_uid)
            row = {"study_instance_uid": uid, "orthanc_id": engine_id(patient, uid)}
            copied, _ = CopiedStudy.objects.get_or_create(copying=copying, procedure=exam, study=study, defaults=row)
            found += [_Work(copied, instance, patient, texts) for instance in engine.instances(study.orthanc_id)]
    ShareCopying.objects.filter(pk=copying.pk).update(image_count=len(found))
    announce("share", copying.share_id)
    done = CopiedImage.objects.filter(copied_study__copying=copying)
    done_of = frozenset(done.values_list("copied_study_id", "source_id"))
    return [work for work in found if (work.copied_study.pk, work.instance.orthanc_id) not in done_of]


def _copy(engine: Engine, work: _Work, pseudonyms: Pseudonyms) -> None:
    source = stored_file(engine, work.instance.orthanc_id)
    outcome = deidentified_file(
        source,
        PROFILE,
        pseudonyms,
        known_texts=work.known_texts,
        patient=work.patient,
        pixel_cleaner=TextRemover(),
    )
    row = CopiedImage(copied_study=work.copied_study, source_id=work.instance.orthanc_id)
    if isinstance(outcome, Withheld):
        row.result, row.reason = CopiedImage.Result.WITHHELD, outcome.reason
    else:
        stored = engine.store_instance(outcome.upload())
        if stored.study_id != work.copied_study.orthanc_id:
            engine.delete_instance(stored.orthanc_id)
            raise NotWorthRepeating("a copy lies elsewhere in the engine than it was announced", field="copy")
        row.orthanc_id = stored.orthanc_id
        row.result = _result(outcome)
    CopiedImage.objects.bulk_create([row], ignore_conflicts=True)


def _result(file: CleanFile) -> CopiedImage.Result:
    if file.text_removed:
        return CopiedImage.Result.CLEANED
    return CopiedImage.Result.LOOKED_AT if file.looked_at else CopiedImage.Result.COPIED


def known_texts(exam: RequestedProcedure) -> tuple[str, ...]:
    """By what the patient is known here: devices may have written it where nobody expects it."""
    patient = exam.patient
    numbers = patient.identifiers.values_list("value", flat=True)
    return (patient.full_name, patient.phone, exam.request.accession_number, *numbers)
