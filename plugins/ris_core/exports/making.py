"""The job ``make_export``: fetch, pack, hand over. Killed at any moment it begins anew, and nothing is there twice."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.changes.services import announce
from ris_core.engine.client import Engine
from ris_core.errors import NotPermitted
from ris_core.exports import rules
from ris_core.exports.contents import ExamContent, content_of, exams_for, refuse_case, waits_for_corrections
from ris_core.exports.disc import Disc, disc_files, readme, reports_of
from ris_core.exports.errors import ExportInvalid, NoRoomForExport, NothingToExport
from ris_core.exports.folders import delete_files, folder_of, work_folder_of
from ris_core.exports.gathering import Gathering
from ris_core.exports.missing import missing_list
from ris_core.exports.models import UNDER_WAY, Export, ExportedExam, ExportFile, ExportState, Form
from ris_core.exports.packing import Named, directory_of, write_iso, write_zip
from ris_core.exports.services import ATTEMPTS, CHANNEL, JOB_KIND, refuse_beyond_room, tell_of_export
from ris_core.exports.sheets import contact_sheet
from ris_core.exports.staged import Staged, StagedImage, StagedSeries
from ris_core.exports.videos import write_video
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.jobs.services import enqueue
from ris_core.teaching.package import dicom_of, page_of, pictures_of, sources_of

WORKER: Final = Actor("worker")
MOST_NAMED: Final = 200
"""Of what is missing; the list in the files has all."""
LOOK_AGAIN: Final = timedelta(seconds=5)
"""While images are brought into line with their order: nobody is given a name on a disc that is known to be wrong."""
TELL_SECONDS: Final = 1.0
"""How often is told how far it is, and asked whether it is still wanted."""

Pair = tuple[StagedSeries, StagedImage]


class _Cancelled(Exception):
    """Whoever asked does not want it any more."""


def run_make_export(subject_id: str) -> None:
    """One that is ready, cancelled or over is not made again.

    :raises NotWorthRepeating: it may not be made as things are
    """
    export = Export.objects.select_related("asked_by").filter(pk=int(subject_id), state__in=UNDER_WAY).first()
    if export is None:
        return
    if waits_for_corrections(export):
        enqueue(JOB_KIND, export.pk, channel=CHANNEL, max_attempts=ATTEMPTS, run_at=timezone.now() + LOOK_AGAIN)
        return
    delete_files(export.pk)
    work = work_folder_of(export.pk)
    work.mkdir(mode=0o700)
    try:
        if export.form == Form.TEACHING:
            _make_of_case(export, work)
        else:
            _make(export, work)
    except _Cancelled:
        delete_files(export.pk)
    except (NotPermitted, NothingToExport, ExportInvalid, NoRoomForExport) as refusal:
        raise NotWorthRepeating(f"{refusal.code} {refusal.detail}") from refusal
    finally:
        shutil.rmtree(work, ignore_errors=True)


def after_export_died(subject_id: str, error: str) -> None:
    """Whoever asked is told on the page."""
    export = Export.objects.filter(pk=int(subject_id), state__in=UNDER_WAY).first()
    if export is None:
        return
    code = next((word for word in error.split() if word.startswith("QUANG-") and word != NotWorthRepeating.code), "")
    Export.objects.filter(pk=export.pk).update(state=ExportState.FAILED, problem=code or "FAILED")
    tell_of_export(export, WORKER, "failed", success=False, reason=code)


def _make(export: Export, work: Path) -> None:
    user, made_from = export.asked_by, timezone.now()
    exams = exams_for(user, list(export.exams.values_list("procedure_id", flat=True)))
    contents = [content_of(exam, user, with_report=export.with_report) for exam in exams]
    step = _Steps(export)
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=120.0) as engine:
        gathering = Gathering(engine, export.form, work, step)
        counted = gathering.count(contents)
        step.begin(sum(len(instances) for _, _, instances in counted))
        for content, _, instances in counted:
            gathering.fetch(content, instances)
        if export.with_report:
            for content in contents:
                gathering.add_report(content)
    staged = gathering.staged
    if not staged.series:
        raise NothingToExport("nothing of these exams can be given out in this form", field="form")
    files = _PACKERS[Form(export.form)](export, staged)
    _hand_over(export, contents, files, staged, made_from)


def _make_of_case(export: Export, work: Path) -> None:
    case, made_from = refuse_case(export.teaching_case, export.asked_by), timezone.now()
    step = _Steps(export)

    def image_done(written: int) -> None:
        refuse_beyond_room(written)
        step()

    wanted = len(sources_of(case)) if export.with_dicom else 0
    step.begin(1 + wanted)
    pictures, dicom = pictures_of(case, work), []
    if wanted:
        with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=120.0) as engine:
            dicom = dicom_of(case, engine, work, image_done)
    names = [name for name, _ in pictures]
    hospital, missing = settings.QUANG.site.name, wanted - len(dicom)
    page = page_of(case, names, hospital=hospital, missing=missing, target=work / "index.html")
    staged = Staged(work)
    write_zip(work / "all.zip", [("index.html", page), *pictures, *dicom])
    Export.objects.filter(pk=export.pk).update(case_version=case.version)
    _hand_over(export, (), [(f"teaching-case-{case.pk}.zip", work / "all.zip")], staged, made_from)


class _Steps:
    """Counts images; at each second tells how far it is and looks whether it is still wanted."""

    def __init__(self, export: Export) -> None:
        self._export, self._done, self._told = export, 0, 0.0

    def begin(self, count: int) -> None:
        changed = Export.objects.filter(pk=self._export.pk, state__in=UNDER_WAY).update(
            state=ExportState.MAKING, step_count=count, steps_done=0
        )
        if not changed:
            raise _Cancelled
        announce("image_export", self._export.pk)

    def __call__(self) -> None:
        self._done += 1
        if time.monotonic() - self._told < TELL_SECONDS:
            return
        self._told = time.monotonic()
        changed = Export.objects.filter(pk=self._export.pk, state=ExportState.MAKING).update(steps_done=self._done)
        if not changed:
            raise _Cancelled
        announce("image_export", self._export.pk)


def _hand_over(
    export: Export, contents: Sequence[ExamContent], files: Sequence[Named], staged: Staged, made_from: object
) -> None:
    """The folder first, the rows then: a worker killed between leaves a folder that the next run throws away."""
    folder = folder_of(export.pk)
    folder.mkdir(mode=0o700)
    rows = []
    for number, (name, path) in enumerate(files, 1):
        path.replace(folder / str(number))
        size, digest = _digest(folder / str(number))
        rows.append(ExportFile(export=export, number=number, name=name, byte_count=size, sha256=digest))
    now = timezone.now()
    with transaction.atomic():
        current = Export.objects.select_for_update().filter(pk=export.pk, state__in=UNDER_WAY).first()
        if current is None:
            raise _Cancelled
        ExportFile.objects.filter(export=export).delete()
        ExportFile.objects.bulk_create(rows)
        for content in contents:
            ExportedExam.objects.filter(export=export, procedure=content.exam).update(
                study_ids=[study.pk for study in content.studies],
                report_version_id=content.report.pk if content.report else None,
            )
        Export.objects.filter(pk=export.pk).update(
            state=ExportState.READY, ready_at=now, made_from=made_from, left_out=staged.left_out,
            incomplete=staged.is_incomplete, missing=[list(astuple(gap)) for gap in staged.gaps[:MOST_NAMED]],
            steps_done=current.step_count, kept_until=now + timedelta(hours=settings.QUANG.exports.kept_hours),
        )  # fmt: skip
        tell_of_export(
            export, WORKER, "made", files=len(rows), bytes=sum(row.byte_count for row in rows), left_out=staged.left_out
        )


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


# ---- what each form is made of ----


def _as_dicom(export: Export, staged: Staged) -> list[Named]:
    images = list(staged.images())
    directory_of(staged.folder / "DICOMDIR", images, "QUANG")
    files: list[Named] = [("DICOMDIR", staged.folder / "DICOMDIR")]
    files.append(("README.TXT", readme(staged.folder, _disc(1, 1, staged))))
    files += missing_list(staged)
    files += [("/".join(image.file_id), image.dicom) for _, image in images if image.dicom is not None]
    return _one_zip(export, staged, files + reports_of(images))


def _as_discs(export: Export, staged: Staged) -> list[Named]:
    images = list(staged.images())
    parts = [images]
    if export.disc_bytes:
        parts = rules.on_discs(
            images,
            lambda pair: pair[1].bytes_on_disc(),
            (lambda pair: pair[0].patient.key, lambda pair: pair[0].study.number, lambda pair: pair[0].number),
            export.disc_bytes - rules.OF_A_DISC_ITSELF,
        )
    found: list[Named] = []
    for number, part in enumerate(parts, 1):
        files = disc_files(staged.folder / f"disc-{number}", part, _disc(number, len(parts), staged))
        files += missing_list(staged)
        target = staged.folder / f"disc-{number}.iso"
        write_iso(target, files, f"QUANG_{export.pk}_{number}")
        found.append((f"export-{export.pk}-disc-{number}.iso", target))
    return found


def _as_pictures(export: Export, staged: Staged) -> list[Named]:
    files: list[Named] = []
    for series in staged.series:
        pictures = [frame[0] for image in series.in_order() for frame in image.pictures]
        files += [(f"{_folder(series)}/{place:05d}{path.suffix}", path) for place, path in enumerate(pictures, 1)]
    return _one_zip(export, staged, files + missing_list(staged) + reports_of(list(staged.images())))


def _as_videos(export: Export, staged: Staged) -> list[Named]:
    files: list[Named] = []
    for series in staged.series:
        pictures = [frame[0] for image in series.in_order() for frame in image.pictures]
        if len(pictures) == 1:
            files.append((f"{_folder(series)}.jpg", pictures[0]))
        elif pictures:
            target = staged.folder / f"series-{series.number}.mp4"
            write_video(target, pictures, series.frames_per_second)
            files.append((f"{_folder(series)}.mp4", target))
    return _one_zip(export, staged, files + missing_list(staged) + reports_of(list(staged.images())))


def _as_sheets(export: Export, staged: Staged) -> list[Named]:
    by_study: dict[int, list[Pair]] = {}
    for series, image in staged.images():
        by_study.setdefault(series.study.number, []).append((series, image))
    found: list[Named] = []
    for number, images in by_study.items():
        target = staged.folder / f"sheet-{number}.pdf"
        target.write_bytes(contact_sheet(images, settings.QUANG.site.name, staged.left_out))
        found.append((f"export-{export.pk}-images-{number}.pdf", target))
        for place, path in enumerate(images[0][0].study.reports, 1):
            found.append((f"export-{export.pk}-report-{number}-{place}.pdf", path))
    return found


_PACKERS: Final[dict[Form, Callable[[Export, Staged], list[Named]]]] = {
    Form.DICOM: _as_dicom,
    Form.DISC: _as_discs,
    Form.JPEG: _as_pictures,
    Form.PNG: _as_pictures,
    Form.VIDEO: _as_videos,
    Form.SHEET: _as_sheets,
}


def _one_zip(export: Export, staged: Staged, files: Sequence[Named]) -> list[Named]:
    target = staged.folder / "all.zip"
    write_zip(target, files)
    return [(f"export-{export.pk}-{export.form.lower()}.zip", target)]


def _folder(series: StagedSeries) -> str:
    """Numbers only: names of files tell nothing of the patient."""
    return f"patient-{series.patient.number}/study-{series.study.number}/series-{series.number}"


def _disc(number: int, count: int, staged: Staged) -> Disc:
    site = settings.QUANG.site
    made = timezone.now().astimezone(ZoneInfo(site.time_zone)).strftime("%d/%m/%Y %H:%M")
    return Disc(number, count, site.name, made, staged.left_out, staged.is_incomplete)
