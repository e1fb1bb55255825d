"""The rows of the worklist: a fixed number of queries for a page, however many exams it shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from ris_core.notices.services import open_notices_by_exam
from ris_core.orders.models import RequestedProcedure, ScheduledProcedureStep
from ris_core.patients.models import PatientIdentifier
from ris_core.reports.models import Document, Reading
from ris_core.studies.models import StudyLink
from ris_webapp.screens.notices.sentences import sentence_of
from ris_webapp.screens.worklist.filters import FINISHED, FINISHED_GROUP, UNFINISHED, Cursor, Filter
from ris_webapp.screens.worklist.search import narrowed

PAGE_ROWS = 50

TARGET_MINUTES = {0: 30, 1: 60, 2: 240, 3: 480}
"""From images to report, by priority rank: what the waiting bar is measured against."""

MOST_CLAIMED = 1000
"""Nobody has more unfinished readings."""

_BY_TIME = Coalesce("scheduled_at", Value(None, output_field=DateTimeField()))
"""The scheduled time, so written that SQLite finds the few unfinished exams by their state and sorts those, and does
not walk all exams in the order of time."""

_COLUMNS = (
    "pk", "patient_id", "patient__full_name", "patient__birth_date", "patient__sex", "request__accession_number",
    "request__visit__patient_class", "request__requesting_department", "placer_order_number", "service_name",
    "modality", "priority", "priority_rank", "scheduled_at", "exam_state", "images_arrived_at",
)  # fmt: skip


@dataclass(slots=True)
class ExamRow:
    """One exam as the list shows it."""

    procedure_id: int
    patient_key: int
    patient_name: str
    birth_date: str
    sex: str
    accession_number: str
    patient_class: str
    department: str
    placer_order_number: str
    service_name: str
    modality: str
    priority: str
    priority_rank: int
    scheduled_at: datetime
    exam_state: str
    images_arrived_at: datetime | None
    patient_id: str = ""
    citizen_id: str = ""
    rooms: list[str] = field(default_factory=list)
    stations: list[str] = field(default_factory=list)
    instance_count: int = 0
    reader: str = ""
    notices: list[str] = field(default_factory=list)
    """What has changed under the users' hands, a sentence each."""

    @property
    def cursor(self) -> Cursor:
        group = FINISHED_GROUP if self.exam_state in FINISHED else self.priority_rank
        return Cursor(group, self.scheduled_at, self.procedure_id)

    @property
    def age(self) -> str:
        """Age in years; the year of birth alone is enough for it."""
        if len(self.birth_date) < 4 or not self.birth_date[:4].isdigit():
            return ""
        today = timezone.localdate()
        years = today.year - int(self.birth_date[:4])
        if len(self.birth_date) == 8 and self.birth_date[4:] > f"{today:%m%d}":
            years -= 1
        return str(years) if 0 <= years < 130 else ""

    @property
    def waited_minutes(self) -> int | None:
        """How long the images have waited for a reader; none when nobody waits."""
        if self.images_arrived_at is None or self.exam_state not in ("READY_TO_READ", "CLAIMED", "DRAFT"):
            return None
        return max(0, int((timezone.now() - self.images_arrived_at).total_seconds() // 60))

    @property
    def waited_share(self) -> int:
        """The waiting time as a share of its target, in percent, at most 100."""
        target = TARGET_MINUTES.get(self.priority_rank, 480)
        return min(100, (self.waited_minutes or 0) * 100 // target)


@dataclass(frozen=True, slots=True)
class ExamPage:
    """One page of exams, and where the next begins (none on the last)."""

    rows: list[ExamRow]
    next_cursor: Cursor | None


def claimed_by(user_id: int) -> QuerySet[Reading]:
    """The readings that a user has claimed and not finished."""
    return Reading.objects.filter(claimed_by_id=user_id, state__in=("CLAIMED", "DRAFT", "PRELIMINARY"))


def filtered(wanted: Filter, user_id: int) -> QuerySet[RequestedProcedure]:
    """The exams of the filter but for its states and priorities, which their order knows; in no order."""
    exams = RequestedProcedure.objects.all()
    period = wanted.period()
    if period:
        exams = exams.filter(scheduled_at__gte=period[0], scheduled_at__lt=period[1])
    if wanted.modality:
        exams = exams.filter(modality=wanted.modality)
    if wanted.mine:
        exams = exams.filter(pk__in=list(claimed_by(user_id).values_list("procedure_id", flat=True)[:MOST_CLAIMED]))
    if wanted.query:
        exams = narrowed(exams, wanted.query)
    return exams


def exam_page(wanted: Filter, user_id: int, after: Cursor | None = None, size: int = PAGE_ROWS) -> ExamPage:
    """The ``size`` exams that follow ``after`` in the filter's order.

    By priority: unfinished exams of each rank from the longest waiting on, then finished ones from the latest back.
    Each of these groups is asked by itself in the order of an index: a database that is asked for all at once sorts
    them all.
    """
    exams = filtered(wanted, user_id)
    ids: list[int] = []
    if wanted.newest_first:
        if wanted.exam_states:
            exams = exams.filter(exam_state__in=wanted.exam_states)
        if wanted.priority_ranks:
            exams = exams.filter(priority_rank__in=wanted.priority_ranks)
        ids = _from_latest(exams, after, size + 1)
    else:
        for group in (*(wanted.priority_ranks or (0, 1, 2, 3)), FINISHED_GROUP):
            if (after is None or group >= after.group) and len(ids) <= size:
                start = after if after and group == after.group else None
                ids += _of_group(exams, wanted, group, start, size + 1 - len(ids))
    rows = rows_of(ids[:size])
    return ExamPage(rows, rows[-1].cursor if rows and len(ids) > size else None)


def _of_group(
    exams: QuerySet[RequestedProcedure], wanted: Filter, group: int, after: Cursor | None, limit: int
) -> list[int]:
    of_group = FINISHED if group == FINISHED_GROUP else UNFINISHED
    states = [state for state in of_group if not wanted.exam_states or state in wanted.exam_states]
    if not states:
        return []
    exams = exams.filter(exam_state__in=states)
    if group == FINISHED_GROUP:
        if wanted.priority_ranks:
            exams = exams.filter(priority_rank__in=wanted.priority_ranks)
        return _from_latest(exams, after, limit)
    if after:
        later = Q(scheduled_at__gt=after.scheduled_at) | Q(pk__gt=after.procedure_id)
        exams = exams.filter(later, scheduled_at__gte=after.scheduled_at)
    return list(exams.filter(priority_rank=group).order_by(_BY_TIME, "pk").values_list("pk", flat=True)[:limit])


def _from_latest(exams: QuerySet[RequestedProcedure], after: Cursor | None, limit: int) -> list[int]:
    if after:
        earlier = Q(scheduled_at__lt=after.scheduled_at) | Q(pk__lt=after.procedure_id)
        exams = exams.filter(earlier, scheduled_at__lte=after.scheduled_at)
    return list(exams.order_by("-scheduled_at", "-pk").values_list("pk", flat=True)[:limit])


def rows_of(procedure_ids: Collection[int]) -> list[ExamRow]:
    """The rows of these exams, in this order; ids that are none are left out."""
    if not procedure_ids:
        return []
    found = RequestedProcedure.objects.filter(pk__in=procedure_ids).values_list(*_COLUMNS)
    rows = {values[0]: _row(list(values)) for values in found}
    _add_identifiers(rows.values())
    _add_steps(rows)
    _add_images(rows)
    _add_readers(rows)
    _add_notices(rows)
    return [rows[procedure_id] for procedure_id in procedure_ids if procedure_id in rows]


def _row(values: list[Any]) -> ExamRow:
    """A row of the columns in :data:`_COLUMNS`; an exam without a visit has no patient class."""
    values[6] = values[6] or ""
    return ExamRow(*values)


def _add_identifiers(rows: Iterable[ExamRow]) -> None:
    by_patient: dict[int, list[ExamRow]] = {}
    for row in rows:
        by_patient.setdefault(row.patient_key, []).append(row)
    wanted = PatientIdentifier.objects.filter(
        Q(is_primary=True) | Q(kind="NI"), patient_id__in=by_patient, retired_at__isnull=True
    )
    for patient_key, value, kind, is_primary in wanted.values_list("patient_id", "value", "kind", "is_primary"):
        for row in by_patient[patient_key]:
            if is_primary:
                row.patient_id = value
            if kind == "NI":
                row.citizen_id = value


def _add_steps(rows: dict[int, ExamRow]) -> None:
    steps = ScheduledProcedureStep.objects.filter(procedure_id__in=rows).order_by("pk")
    for procedure_id, station, room in steps.values_list("procedure_id", "station_ae_title", "room"):
        row = rows[procedure_id]
        if room and room not in row.rooms:
            row.rooms.append(room)
        if station and station not in row.stations:
            row.stations.append(station)


def _add_images(rows: dict[int, ExamRow]) -> None:
    links = StudyLink.objects.filter(procedure_id__in=rows, undone_at__isnull=True)
    for procedure_id, count in links.values_list("procedure_id", "study__instance_count"):
        rows[procedure_id].instance_count += count
    # our own reports are stored in the study too, and are no images
    reports = Document.objects.filter(version__reading__procedure_id__in=rows).exclude(orthanc_instance_id="")
    for (procedure_id,) in reports.values_list("version__reading__procedure_id"):
        rows[procedure_id].instance_count = max(0, rows[procedure_id].instance_count - 1)


def _add_readers(rows: dict[int, ExamRow]) -> None:
    readings = Reading.objects.filter(procedure_id__in=rows, claimed_by__isnull=False).order_by("-ordinal")
    for procedure_id, name in readings.values_list("procedure_id", "claimed_by__full_name"):
        rows[procedure_id].reader = name


def _add_notices(rows: dict[int, ExamRow]) -> None:
    for procedure_id, notices in open_notices_by_exam({key: row.patient_key for key, row in rows.items()}).items():
        rows[procedure_id].notices = [sentence_of(notice) for notice in notices]
