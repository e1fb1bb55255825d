"""The worker's jobs about studies: ask the engine first, then one transaction of :mod:`ris_core.studies.services`.

All may be run again at any time, in any order and together; the subject is the study's Orthanc identifier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Final

from django.conf import settings
from django.utils import timezone

from ris_core.engine import Engine, EngineStudy, NotInEngine, first_instances
from ris_core.identifiers import OrthancId
from ris_core.jobs.services import enqueue
from ris_core.studies import services, sweeper
from ris_core.studies.arranging import Problem, arrange, tell_of_problem
from ris_core.studies.corrections import CHANNEL, owe_correction
from ris_core.studies.elements import HeaderIncomplete, HeaderUnreadable
from ris_core.studies.models import CopyDecision, Study, StudyPlace
from ris_core.studies.operations_under_way import operations_waiting_for
from ris_core.studies.received import (
    Header,
    header_from_json,
    header_read_by_engine,
    read_header,
)
from ris_core.studies.rewriting import received_header
from ris_core.studies.wanted import identifies_otherwise, plan_for

FIRST_READ_BYTES: Final = 64 * 1024
LONGEST_READ_BYTES: Final = 4 * 1024 * 1024
"""Patient and study attributes lie at the beginning; a private block before them may be large."""
LOOK_AGAIN = timedelta(seconds=2)
"""How often the counts of an arriving study are brought up to date."""
CLOCK_STEP = timedelta(seconds=1)
"""The engine's times have no fractions."""
SERIES_LOOKED_INTO: Final = 200
"""In a study with more series, the rest is not searched for another patient's attributes."""


def study_arrived(subject_id: str) -> None:
    """A study has begun to arrive: show it, link it, and look again while images keep coming."""
    with Engine.from_settings(settings.QUANG, "worker") as engine:
        follow_study(engine, OrthancId(subject_id))


def study_stable(subject_id: str) -> None:
    """No image has come for a while: the study is complete, or waits in a queue."""
    study_arrived(subject_id)


def correct_study(subject_id: str) -> None:
    """Bring the stored images of a study (by its key) into line with its order and with what persons did to it."""
    study = Study.objects.get(pk=int(subject_id))
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        try:
            found = _undisturbed(study, engine.study(study.orthanc_id))
        except NotInEngine:
            found = None
        if found is None or study.being_arranged:
            arrange(engine, study)
        elif not found.is_stable:
            enqueue("correct_study", study.pk, channel=CHANNEL, run_at=timezone.now() + LOOK_AGAIN)
        elif operations_waiting_for(study).exists() or _is_out_of_line(
            study, found, _headers(engine, found, SERIES_LOOKED_INTO, study)
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


def follow_study(engine: Engine, orthanc_id: OrthancId) -> None:
    """Bring the study's row up to date; ask to be called again while it is still arriving."""
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
        headers = _headers(engine, found, series=SERIES_LOOKED_INTO if found.is_stable else 1)
        study = services.note_study(found, headers, _sender(engine, found))
    else:
        found = _undisturbed(study, found)
        headers = [header_from_json(study.as_received)]
        if found.is_stable:
            headers += _headers(engine, found, SERIES_LOOKED_INTO, study)
        study = services.note_study(found, headers)
    if not found.is_stable:
        enqueue("study_arrived", orthanc_id, run_at=timezone.now() + LOOK_AGAIN)
    elif _is_out_of_line(study, found, headers):
        owe_correction(study.pk)


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


def _headers(engine: Engine, found: EngineStudy, series: int, study: Study | None = None) -> list[Header]:
    """The header of one instance in each of the first ``series`` series, as received; at least one.

    :param study: the row, when files of it may have been corrected
    """
    read = read_header if study is None or study.corrected_at is None else received_header
    instances = islice(first_instances(engine, found), series)
    headers = [_header(engine, found, instance, read) for instance in instances]
    return headers or [header_read_by_engine(found.main_tags)]


def _header(engine: Engine, found: EngineStudy, instance: OrthancId, read: Callable[[bytes], Header]) -> Header:
    """The header as sent; as the engine read it when the file's structure is beyond us."""
    byte_count = FIRST_READ_BYTES
    while byte_count <= LONGEST_READ_BYTES:
        data = engine.instance_head(instance, byte_count)
        try:
            return read(data)
        except HeaderIncomplete:
            if len(data) < byte_count:
                break
            byte_count *= 8
        except HeaderUnreadable:
            break
    return header_read_by_engine(found.main_tags)


def _sender(engine: Engine, found: EngineStudy) -> str:
    """Calling AE title of the study's first instance; empty when it did not come by C-STORE."""
    for instance in first_instances(engine, found):
        return engine.remote_ae_title(instance)
    return ""
