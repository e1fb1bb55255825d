"""The worker's jobs about studies: ask the engine first, then one transaction of :mod:`ris_core.studies.services`.

All may be run again at any time, in any order and together; the subject is the study's Orthanc identifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from ris_core.engine.answers import EngineStudy
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.engine.finding import first_instances
from ris_core.identifiers import OrthancId
from ris_core.jobs.services import enqueue
from ris_core.sharing.models import CopiedStudy
from ris_core.studies import services, sweeper
from ris_core.studies.arranging import arrange
from ris_core.studies.corrections import CHANNEL, owe_correction
from ris_core.studies.headers import SERIES_LOOKED_INTO, first_headers, other_headers
from ris_core.studies.models import CopyDecision, Study, StudyPlace
from ris_core.studies.operations_under_way import operations_waiting_for
from ris_core.studies.problems import Problem, tell_of_problem
from ris_core.studies.received import Header, header_from_json
from ris_core.studies.wanted import identifies_otherwise, plan_for

BURST_LOOKED_AT_AFTER = timedelta(seconds=8)
"""A new study that comes image after image is looked at so much later: linking it costs as much as some thirty images,
which a device would wait for, and small studies are there in the two seconds before."""
LOOK_AGAIN = timedelta(seconds=2)
"""How often the counts of an arriving study are brought up to date, at first."""
LOOK_AGAIN_AT_LEAST_EVERY = timedelta(seconds=10)
"""So often while it goes on arriving: a look costs as much as a few images."""
QUIET = timedelta(seconds=5)
"""Nothing has come from any device for so long: now files of new studies are corrected."""
PUT_OFF_AT_MOST = timedelta(seconds=60)
"""After its last image a study's correction waits no longer, however busy devices are."""
CLOCK_STEP = timedelta(seconds=1)
"""The engine's times have no fractions."""


def study_arrived(subject_id: str) -> None:
    """A study has begun to arrive: show it, link it, and look again while images keep coming. Of a new one that comes
    in a burst the first look is put off, once."""
    with Engine.from_settings(settings.QUANG, "worker") as engine:
        follow_study(engine, OrthancId(subject_id), may_wait=True)


def study_keeps_arriving(subject_id: str) -> None:
    """The first look that was put off."""
    with Engine.from_settings(settings.QUANG, "worker") as engine:
        follow_study(engine, OrthancId(subject_id))


def study_stable(subject_id: str) -> None:
    """No image has come for a while: the study is complete, or waits in a queue."""
    with Engine.from_settings(settings.QUANG, "worker") as engine:
        follow_study(engine, OrthancId(subject_id))


def compare_images(subject_id: str) -> None:
    """Look into every image of a stable study (by its key): one of another patient makes it a conflict."""
    study = Study.objects.get(pk=int(subject_id))
    if study.being_arranged:
        return  # it is followed again when that has ended
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        compare_every_image(engine, study)


def correct_study(subject_id: str) -> None:
    """Bring the stored images of a study (by its key) into line with its order and with what persons did to it."""
    study = Study.objects.get(pk=int(subject_id))
    if _devices_come_first(study):
        enqueue("correct_study", study.pk, channel=CHANNEL, run_at=timezone.now() + QUIET)
        return
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        try:
            found = _undisturbed(study, engine.study(study.orthanc_id))
        except NotInEngine:
            found = None
        if found is None or study.being_arranged:
            arrange(engine, study)
        elif not found.is_stable:
            enqueue("correct_study", study.pk, channel=CHANNEL, run_at=timezone.now() + LOOK_AGAIN)
        elif (
            operations_waiting_for(study).exists()
            # given up before: what was done by then only a look at every image tells
            or study.correction_problem == Problem.FAILED
            or _is_out_of_line(study, found, first_headers(engine, found, SERIES_LOOKED_INTO, study))
        ):
            arrange(engine, study)


def after_correction_died(subject_id: str, _error: str) -> None:
    """The study can be used as it is; its page, and that of its exam, says that its images could not be corrected."""
    study = Study.objects.get(pk=int(subject_id))
    Study.objects.filter(pk=study.pk).update(correction_problem=Problem.FAILED)
    tell_of_problem(study)
    Study.objects.filter(being_arranged=True).update(being_arranged=False)  # one at a time is rewritten


def sweep_studies(_subject_id: str) -> None:
    """Find studies whose event was lost, and studies that the engine has no more."""
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        sweeper.sweep(engine, timezone.now())


def follow_study(engine: Engine, orthanc_id: OrthancId, *, may_wait: bool = False) -> None:
    """Bring the study's row up to date; ask to be called again while it is still arriving. Of a copy that was made for
    a share there is no row.

    :param may_wait: a study that nobody has seen yet, and that comes in a burst, is looked at later
    """
    if CopiedStudy.objects.filter(orthanc_id=orthanc_id).exists():
        return
    study = _study_at(orthanc_id)
    if study is not None and study.being_arranged:
        enqueue("study_arrived", orthanc_id, run_at=timezone.now() + LOOK_AGAIN)
        return
    try:
        found = engine.study(orthanc_id)
    except NotInEngine:
        services.note_gone([orthanc_id])
        return
    if study is not None and study.orthanc_id != orthanc_id:
        _take_what_came_late(study, found)
        return
    if study is None:
        if may_wait and _comes_in_a_burst(found):
            enqueue("study_keeps_arriving", orthanc_id, run_at=timezone.now() + BURST_LOOKED_AT_AFTER)
            return
        headers = first_headers(engine, found, series=SERIES_LOOKED_INTO if found.is_stable else 1)
        study = services.note_study(found, headers, _sender(engine, found))
    else:
        found = _undisturbed(study, found)
        headers = [header_from_json(header) for header in (study.as_received, *study.other_headers)]
        if found.is_stable:
            headers += first_headers(engine, found, SERIES_LOOKED_INTO, study)
        study = services.note_study(found, headers)
    if not found.is_stable:
        enqueue("study_arrived", orthanc_id, run_at=_next_look(study, timezone.now()))
        return
    if study.compared_count != found.instance_count:
        enqueue("compare_images", study.pk)
    if _is_out_of_line(study, found, headers):
        owe_correction(study.pk)


def _comes_in_a_burst(found: EngineStudy) -> bool:
    """Whether its last image has come within this second or the last one."""
    return not found.is_stable and timedelta() <= timezone.now() - found.last_update < 2 * CLOCK_STEP


def _next_look(study: Study, now: datetime) -> datetime:
    """Rarer the longer it has been arriving; when it is complete, an event tells."""
    arriving = now - study.first_received_at
    return now + min(max(LOOK_AGAIN, arriving / 4), LOOK_AGAIN_AT_LEAST_EVERY)


def compare_every_image(engine: Engine, study: Study) -> None:
    """Note on the row how all images describe their patient; if otherwise than was known, the study is placed anew."""
    try:
        found = engine.study(study.orthanc_id)
        others = other_headers(engine, found, study)
    except NotInEngine:
        return
    services.note_images_compared(study.pk, found.instance_count, [header.as_json() for header in others])


def _study_at(orthanc_id: OrthancId) -> Study | None:
    """The study whose images lie there, or have lain there before they were corrected."""
    place = StudyPlace.objects.select_related("study").filter(orthanc_id=orthanc_id).first()
    return Study.objects.filter(orthanc_id=orthanc_id).first() or (place.study if place else None)


def _take_what_came_late(study: Study, found: EngineStudy) -> None:
    """Images that a device sends as it always did, when those before them have been corrected: they follow."""
    if not found.is_stable:
        enqueue("study_arrived", found.orthanc_id, run_at=timezone.now() + LOOK_AGAIN)
        return
    Study.objects.filter(pk=study.pk).update(arrangement="")
    owe_correction(study.pk)


def _devices_come_first(study: Study) -> bool:
    """Whether devices are storing other studies: rewriting every image of this new one would slow them down, and can be
    done a moment later. It is linked, looked into and shown meanwhile; operations of persons on its images never wait.

    A time that lies ahead, of an engine whose clock was wrong, holds nothing back."""
    now = timezone.now()
    if study.corrected_at is not None or study.being_arranged:
        return False
    if not timedelta() <= now - study.last_received_at <= PUT_OFF_AT_MOST or operations_waiting_for(study).exists():
        return False
    return Study.objects.filter(last_received_at__range=(now - QUIET, now)).exclude(pk=study.pk).exists()


def _undisturbed(study: Study, found: EngineStudy) -> EngineStudy:
    """For the engine every correction is an arrival; when nothing else has come, the study is as complete as before."""
    if study.corrected_at is None or not study.complete or found.instance_count != study.instance_count:
        return found
    if found.last_update > study.corrected_at + CLOCK_STEP:
        return found
    return replace(found, is_stable=True, last_update=study.last_received_at)


def _is_out_of_line(study: Study, found: EngineStudy, headers: Iterable[Header]) -> bool:
    """Whether files may have to be changed. Of a study that never was, ``headers`` tell it."""
    plan = plan_for(study)
    digest = plan.digest(found.instance_count)
    if study.arrangement == digest:
        return False
    touched = study.corrected_at is not None or study.places.exists() or study.placements_here.exists()
    touched = touched or study.kept_copies.exclude(decision=CopyDecision.WAITING).exists()
    if (
        touched
        or study.restated
        or plan.placements
        or any(identifies_otherwise(header, plan.wanted) for header in headers)
    ):
        return True
    Study.objects.filter(pk=study.pk).update(arrangement=digest)
    return False


def _sender(engine: Engine, found: EngineStudy) -> str:
    """Calling AE title of the study's first instance; empty when it did not come by C-STORE."""
    for instance in first_instances(engine, found):
        return engine.remote_ae_title(instance)
    return ""
