"""Exports asked for, cancelled, taken, forgotten. One transaction each, with its audit event."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.services import SYSTEM, Actor, record
from ris_core.changes.services import announce
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.errors import NotFound, TransitionRefused
from ris_core.exports.contents import content_of, exams_for, refuse_outdated, refuse_outdated_case
from ris_core.exports.errors import ExportInvalid, NoRoomForExport
from ris_core.exports.folders import delete_files, folder_of, free_bytes
from ris_core.exports.models import EXAM_FORMS, UNDER_WAY, Export, ExportedExam, ExportFile, ExportState, Form
from ris_core.exports.rules import MOST_EXAMS, NOTHING, Amount, expected_bytes
from ris_core.jobs.services import enqueue

JOB_KIND: Final = "make_export"
CHANNEL: Final = "exports"
"""One at a time: each fills disks and keeps the engine busy."""
_GIBIBYTE: Final = 1024**3
ATTEMPTS: Final = 3


def amount_of(engine: Engine, exam_ids: Collection[int], user: User) -> Amount:
    """What the exams hold, as the engine counts it.

    :raises NothingToExport: one has no images that may be given out
    :raises NotPermitted: the user may not export one
    """
    amount = NOTHING
    studies = {
        study.pk: study
        for exam in exams_for(user, exam_ids)
        for study in content_of(exam, user, with_report=False).studies
    }
    for study in studies.values():
        try:
            amount += Amount(*engine.amount_in(study.orthanc_id))
        except NotInEngine:
            continue  # the sweeper has not noticed yet; making it will
    return amount


@transaction.atomic
def ask_for_export(
    exam_ids: Collection[int], form: str, user: User, actor: Actor, amount: Amount, *,
    with_report: bool = False, disc_bytes: int = 0,
) -> Export:  # fmt: skip
    """Have exams given out as files by the worker. Asking for the same while it is being made changes nothing.

    :raises ExportInvalid: too many exams, or no such form
    :raises NotPermitted, NothingToExport: of an exam
    :raises NoRoomForExport: it would be larger than one may be, or than there is room for
    """
    if form not in EXAM_FORMS or len(set(exam_ids)) > MOST_EXAMS:
        raise ExportInvalid(f"choose a form, and {MOST_EXAMS} exams at most", field="form")
    exams = exams_for(user, exam_ids)
    for exam in exams:
        content_of(exam, user, with_report=with_report)
    for waiting in exports_of(user.pk).filter(
        form=form, with_report=with_report, disc_bytes=disc_bytes, state__in=UNDER_WAY
    ):
        if {part.procedure_id for part in waiting.exams.all()} == set(exam_ids):
            return waiting
    expected = expected_bytes(form, amount)
    refuse_without_room(expected)
    export = Export.objects.create(
        asked_by=user, asked_at=timezone.now(), form=form, with_report=with_report, disc_bytes=disc_bytes,
        expected_bytes=expected,
    )  # fmt: skip
    ExportedExam.objects.bulk_create(ExportedExam(export=export, procedure=exam) for exam in exams)
    enqueue(JOB_KIND, export.pk, channel=CHANNEL, max_attempts=ATTEMPTS)
    tell_of_export(export, actor, "asked", form=form, with_report=with_report, exams=[exam.pk for exam in exams])
    return export


def exports_of(user_id: int) -> QuerySet[Export]:
    """A person's, the newest first."""
    mine = Export.objects.filter(asked_by_id=user_id).order_by("-asked_at", "-pk")
    return mine.select_related("teaching_case").prefetch_related("files", "exams__procedure__patient")


def export_of(export_id: int, user_id: int) -> Export:
    """:raises NotFound: there is none, or it is another person's"""
    export = exports_of(user_id).filter(pk=export_id).first()
    if export is None:
        raise NotFound("there is no such export", field="export")
    return export


@transaction.atomic
def cancel_export(export_id: int, user_id: int, actor: Actor) -> None:
    """Stop making it, or delete what was made. Again changes nothing.

    :raises NotFound: it is another person's
    """
    export = Export.objects.select_for_update().filter(pk=export_id, asked_by_id=user_id).first()
    if export is None:
        raise NotFound("there is no such export", field="export")
    if export.state in (ExportState.CANCELLED, ExportState.OVER):
        return
    export.state = ExportState.CANCELLED
    export.save(update_fields=["state"])
    tell_of_export(export, actor, "cancelled")
    transaction.on_commit(lambda: delete_files(export_id))


def open_file(export_id: int, number: int, user: User) -> tuple[ExportFile, Path]:
    """A finished file and where it lies.

    :raises NotFound: another person's, not ready, over, or no such file
    :raises NotPermitted, ExportOutdated: as :func:`~ris_core.exports.contents.refuse_outdated`
    """
    export = export_of(export_id, user.pk)
    if export.state != ExportState.READY or (export.kept_until and export.kept_until <= timezone.now()):
        raise NotFound("the export is not ready, or no longer kept", field="export")
    if export.form == Form.TEACHING:
        refuse_outdated_case(export, user)
    else:
        refuse_outdated(export, user)
    file = next((file for file in export.files.all() if file.number == number), None)
    path = folder_of(export_id) / str(number)
    if file is None or not path.is_file():
        raise NotFound("the export has no such file", field="file")
    return file, path


@transaction.atomic
def note_download(file: ExportFile, actor: Actor, first_byte: int) -> None:
    """One download, or a part of one: each is written down before the first byte goes out."""
    ExportFile.objects.filter(pk=file.pk).update(download_count=F("download_count") + 1)
    tell_of_export(file.export, actor, "downloaded", file=file.number, from_byte=first_byte)


def forget_exports(_subject_id: str) -> None:
    """The periodic job: delete the files of those whose time is over, of teaching cases that are no more, and what
    belongs to none."""
    over = Q(kept_until__lte=timezone.now()) | Q(form=Form.TEACHING, teaching_case=None)
    for export in Export.objects.filter(over, state=ExportState.READY):
        with transaction.atomic():
            if Export.objects.filter(pk=export.pk, state=ExportState.READY).update(state=ExportState.OVER):
                tell_of_export(export, SYSTEM, "forgotten")
        delete_files(export.pk)
    ended = Export.objects.filter(state__in=(ExportState.CANCELLED, ExportState.FAILED, ExportState.OVER))
    for key in ended.filter(asked_at__gt=timezone.now() - timedelta(days=30)).values_list("pk", flat=True):
        delete_files(key)


@transaction.atomic
def ask_again(export_id: int, user: User, actor: Actor) -> None:
    """One that failed, or lacks something, is made anew, its files with it.

    :raises NotFound: it is another person's
    :raises TransitionRefused: nothing is missing from it
    """
    export = Export.objects.select_for_update().filter(pk=export_id, asked_by=user).first()
    if export is None:
        raise NotFound("there is no such export", field="export")
    lacks_something = export.state == ExportState.READY and export.incomplete
    if export.state != ExportState.FAILED and not lacks_something:
        raise TransitionRefused("it is under way, or whole", field="state")
    Export.objects.filter(pk=export.pk).update(
        state=ExportState.WAITING, problem="", steps_done=0, incomplete=False, missing=[], left_out=0
    )
    enqueue(JOB_KIND, export.pk, channel=CHANNEL, max_attempts=ATTEMPTS)
    tell_of_export(export, actor, "asked", form=export.form, again=True)


def refuse_without_room(expected: int) -> None:
    """:raises NoRoomForExport: settings or disk do not allow for so many bytes more"""
    limits = settings.QUANG.exports
    if expected > limits.largest_gibibytes * _GIBIBYTE:
        raise NoRoomForExport("one export may not be so large: choose fewer exams", field="largest")
    kept = ExportFile.objects.filter(export__state=ExportState.READY).aggregate(sum=Sum("byte_count"))["sum"] or 0
    coming = Export.objects.filter(state__in=UNDER_WAY).aggregate(sum=Sum("expected_bytes"))["sum"] or 0
    if kept + coming + expected > limits.kept_gibibytes * _GIBIBYTE:
        raise NoRoomForExport("exports that are kept leave no room: delete one, or wait", field="kept")
    if 2 * expected + _GIBIBYTE > free_bytes():
        raise NoRoomForExport("the disk has no room for it", field="disk")


def refuse_beyond_room(written: int) -> None:
    """What was estimated may become larger: asked again while it is made, before as much is written once more as ZIP.

    :raises NoRoomForExport: it has become larger than one may be, or the disk has no room for the ZIP
    """
    if written > settings.QUANG.exports.largest_gibibytes * _GIBIBYTE:
        raise NoRoomForExport("one export may not be so large: take fewer images", field="largest")
    if written + _GIBIBYTE > free_bytes():
        raise NoRoomForExport("the disk has no room for it", field="disk")


def tell_of_export(export: Export, actor: Actor, what: str, **facts: Any) -> None:
    """One audit event for each patient in it, and the live screens. Of a teaching case nobody is told whose it is."""
    if export.form == Form.TEACHING:
        subject = f"teaching_case:{export.teaching_case_id or ''}"
        record(actor, f"export.{what}", subject=subject, export=export.pk, **facts)
    patients = export.exams.values_list("procedure__patient_id", flat=True).distinct()
    for patient_id in sorted(patients):
        record(actor, f"export.{what}", subject=f"export:{export.pk}", patient_id=patient_id, **facts)
    announce("image_export", export.pk)
