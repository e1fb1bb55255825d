"""What the page of a study shows: its words as received beside those stored now, its series, its lock, its history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db.models import Q

from ris_core.engine.answers import EngineSeries
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineError
from ris_core.errors import NotFound
from ris_core.studies.locks import Lock, lock_of
from ris_core.studies.models import KeptCopy, OperationState, Study, StudyLink, StudyOperation, StudyState
from ris_core.studies.operations import operations_of
from ris_core.studies.problems import stuck_operation
from ris_core.studies.received import header_from_json
from ris_webapp.screens.studies.copies import copies_of

MOST_SERIES: Final = 60
MOST_OTHERS: Final = 20
COMPARED: Final = {
    "PatientName": "00100010",
    "PatientID": "00100020",
    "IssuerOfPatientID": "00100021",
    "PatientBirthDate": "00100030",
    "PatientSex": "00100040",
    "AccessionNumber": "00080050",
    "StudyDescription": "00081030",
    "StudyDate": "00080020",
    "StudyID": "00200010",
    "StudyInstanceUID": "0020000D",
}
"""Keyword → tag of what is shown side by side."""


@dataclass(frozen=True, slots=True)
class ShownAttribute:
    keyword: str
    received: str
    present: str

    @property
    def differs(self) -> bool:
        return self.received.rstrip("^ ") != self.present.rstrip("^ ")


@dataclass(frozen=True, slots=True)
class ShownOperation:
    operation: StudyOperation
    can_be_undone: bool


@dataclass(frozen=True, slots=True)
class StudyPage:
    """Everything on one page; of the engine only what answered in time."""

    study: Study
    attributes: list[ShownAttribute]
    series: list[EngineSeries]
    more_series: int
    engine_silent: bool
    links: list[StudyLink]
    lock: Lock | None
    operations: list[ShownOperation]
    stuck: StudyOperation | None
    """An operation under way that nothing works on any more."""
    copies: list[KeptCopy]
    """Other images that came under the UIDs of stored ones."""
    others: list[Study]
    """Studies of the same patient, into which images may go."""


def study_page(study_id: int) -> StudyPage:
    """:raises NotFound: there is no such study"""
    study = Study.objects.select_related("patient").filter(pk=study_id).first()
    if study is None:
        raise NotFound("there is no such study", field="study")
    tags, series, more, silent = _from_engine(study)
    header = header_from_json(study.as_received)
    attributes = [
        ShownAttribute(keyword, header.text(tag), tags.get(keyword, "") if tags else header.text(tag))
        for keyword, tag in COMPARED.items()
    ]
    stuck = stuck_operation(study)
    links = study.links.filter(undone_at__isnull=True).select_related("procedure__patient", "procedure__request")
    return StudyPage(
        study,
        attributes,
        series,
        more,
        silent,
        list(links),
        lock_of(study, apart_from=stuck.pk if stuck else None),
        _operations(study, stuck),
        stuck,
        copies_of(study),
        _others(study),
    )


def _from_engine(study: Study) -> tuple[dict[str, str], list[EngineSeries], int, bool]:
    try:
        with Engine.from_settings(settings.QUANG, "web", timeout_seconds=8) as engine:
            found = engine.study(study.orthanc_id)
            series = [engine.series(series_id) for series_id in found.series_ids[:MOST_SERIES]]
    except (EngineError, NotFound):
        return {}, [], 0, True
    series.sort(key=lambda one: (len(one.number), one.number, one.series_instance_uid))
    return dict(found.main_tags), series, max(0, len(found.series_ids) - MOST_SERIES), False


def _operations(study: Study, stuck: StudyOperation | None) -> list[ShownOperation]:
    """Only the latest that holds can be undone: when it is done, or when nothing works on it."""
    shown, latest = [], True
    for operation in operations_of(study):
        holds = operation.undone_at is None
        shown.append(
            ShownOperation(
                operation, latest and holds and (operation.state == OperationState.DONE or operation == stuck)
            )
        )
        latest = latest and not holds
    return shown


def _others(study: Study) -> list[Study]:
    same = Q(received_patient_id=study.received_patient_id) & ~Q(received_patient_id="")
    if study.patient_id is not None:
        same |= Q(patient_id=study.patient_id)
    rows = Study.objects.filter(same, gone_from_engine_at__isnull=True).exclude(pk=study.pk)
    return list(rows.exclude(state=StudyState.REJECTED).order_by("-last_received_at")[:MOST_OTHERS])
