"""The worker's jobs about studies: ask the engine first, then one transaction of :mod:`ris_core.studies.services`.

All may be run again at any time, in any order and together; the subject is the study's Orthanc identifier.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Final

from django.conf import settings
from django.utils import timezone

from ris_core.engine import Engine, EngineStudy, NotInEngine, first_instances
from ris_core.identifiers import OrthancId
from ris_core.jobs.services import enqueue
from ris_core.studies import services, sweeper
from ris_core.studies.elements import HeaderIncomplete, HeaderUnreadable
from ris_core.studies.models import Study
from ris_core.studies.received import (
    Header,
    header_from_json,
    header_read_by_engine,
    read_header,
)

FIRST_READ_BYTES: Final = 64 * 1024
LONGEST_READ_BYTES: Final = 4 * 1024 * 1024
"""Patient and study attributes lie at the beginning; a private block before them may be large."""
LOOK_AGAIN = timedelta(seconds=2)
"""How often the counts of an arriving study are brought up to date."""
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
            found = engine.study(OrthancId(study.orthanc_id))
        except NotInEngine:
            found = None
        if found is not None and not found.is_stable and not study.being_arranged and not _only_we_changed(study, found):
            enqueue("correct_study", study.pk, channel=CHANNEL, run_at=timezone.now() + LOOK_AGAIN)
            return
        Arranger(engine, study).run()
    for orthanc_id in study.places.values_list("orthanc_id", flat=True):
        enqueue("study_arrived", orthanc_id)
    enqueue("study_arrived", study.orthanc_id)


def sweep_studies(_subject_id: str) -> None:
    """Find studies whose event was lost, and studies that the engine has no more."""
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        sweeper.sweep(engine, timezone.now())


def follow_study(engine: Engine, orthanc_id: OrthancId) -> None:
    """Bring the study's row up to date; ask to be called again while it is still arriving."""
    try:
        found = engine.study(orthanc_id)
    except NotInEngine:
        services.note_gone([orthanc_id])
        return
    as_received = Study.objects.filter(orthanc_id=orthanc_id).values_list("as_received", flat=True).first()
    if as_received is None:
        headers = _headers(engine, found, series=SERIES_LOOKED_INTO if found.is_stable else 1)
        services.note_study(found, headers, _sender(engine, found))
    else:
        others = _headers(engine, found, series=SERIES_LOOKED_INTO) if found.is_stable else []
        services.note_study(found, [header_from_json(as_received), *others])
    if not found.is_stable:
        enqueue("study_arrived", orthanc_id, run_at=timezone.now() + LOOK_AGAIN)


def _headers(engine: Engine, found: EngineStudy, series: int) -> list[Header]:
    """The header of one instance in each of the first ``series`` series; at least one."""
    instances = islice(first_instances(engine, found), series)
    return [_header(engine, found, instance) for instance in instances] or [header_read_by_engine(found.main_tags)]


def _header(engine: Engine, found: EngineStudy, instance: OrthancId) -> Header:
    """The header as sent; as the engine read it when the file's structure is beyond us."""
    byte_count = FIRST_READ_BYTES
    while byte_count <= LONGEST_READ_BYTES:
        data = engine.instance_head(instance, byte_count)
        try:
            return read_header(data)
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
