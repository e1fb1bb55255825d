"""The rows of the worklist: a fixed number of queries for a page, however many exams it shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from ris_core.exam_lists.models import Assignment, ExamTag
from ris_core.exam_lists.targets import WAITING
from ris_core.notices.services import open_notices_by_exam
from ris_core.orders.models import RequestedProcedure, ScheduledProcedureStep
from ris_core.patients.models import PatientIdentifier
from ris_core.reports.models import Document, Reading
from ris_core.second_readings.models import ReadingPlan
from ris_core.second_readings.rules import Progress
from ris_core.signatures.listing import signatures_of
from ris_core.studies.models import StudyLink
from ris_webapp.screens.notices.sentences import sentence_of
from ris_webapp.screens.worklist.filters import UNFINISHED, Cursor

_COLUMNS = (
    "pk", "patient_id", "patient__full_name", "patient__birth_date", "patient__sex", "request__accession_number",
    "request__visit__patient_class", "request__requesting_department", "placer_order_number", "service_name",
    "modality", "priority", "priority_rank", "scheduled_at", "exam_state", "images_arrived_at", "urgency", "due_at",
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
    urgency: int
    due_at: datetime
    """When its report is wanted."""
    patient_id: str = ""
    citizen_id: str = ""
    rooms: list[str] = field(default_factory=list)
    stations: list[str] = field(default_factory=list)
    instance_count: int = 0
    reader: str = ""
    assigned_to: str = ""
    """Who is asked to read it, while nobody does."""
    tags: list[str] = field(default_factory=list)
    signature: str = ""
    """State of the signature of what was approved last; empty when nobody asked for one."""
    position: int = 0
    """Where several read it: the how manieth reading is due; 0: one reader is enough."""
    notices: list[str] = field(default_factory=list)
    """What has changed under the users' hands, a sentence each."""

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.urgency, self.due_at, self.scheduled_at, self.procedure_id)

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
        if self.images_arrived_at is None or self.exam_state not in WAITING:
            return None
        return max(0, _minutes(timezone.now() - self.images_arrived_at))

    @property
    def target_minutes(self) -> int:
        """How long it may wait for its report, at least a minute."""
        return max(1, round((self.due_at - (self.images_arrived_at or self.scheduled_at)).total_seconds() / 60))

    @property
    def late_minutes(self) -> int | None:
        """For how long it has waited more than it may; none while it is in time, or when nobody waits."""
        late = None if self.waited_minutes is None else _minutes(timezone.now() - self.due_at)
        return late if late is not None and late >= 0 else None

    @property
    def waited_share(self) -> int:
        """The waiting time as a share of its target, in percent, at most 100."""
        return min(100, (self.waited_minutes or 0) * 100 // self.target_minutes)


def _minutes(duration: timedelta) -> int:
    """Whole minutes that have passed; below zero when they have not."""
    return duration // timedelta(minutes=1)


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
    _add_marks(rows)
    _add_signatures(rows)
    _add_positions(rows)
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


def _add_marks(rows: dict[int, ExamRow]) -> None:
    tags = ExamTag.objects.filter(procedure_id__in=rows).order_by("tag__name")
    for procedure_id, name in tags.values_list("procedure_id", "tag__name"):
        rows[procedure_id].tags.append(name)
    assigned = Assignment.objects.filter(procedure_id__in=rows, procedure__exam_state__in=UNFINISHED)
    for procedure_id, name in assigned.values_list("procedure_id", "reader__full_name"):
        if not rows[procedure_id].reader:
            rows[procedure_id].assigned_to = name


def _add_signatures(rows: dict[int, ExamRow]) -> None:
    for procedure_id, signature in signatures_of(rows).items():
        row = rows[procedure_id]
        row.signature = signature.state
        row.instance_count = max(0, row.instance_count - signature.stored_files)


def _add_positions(rows: dict[int, ExamRow]) -> None:
    plans = ReadingPlan.objects.filter(procedure_id__in=rows, procedure__exam_state__in=UNFINISHED)
    counted = plans.annotate(concluded=Count("procedure__opinions"))
    for procedure_id, readings, blinded, concluded in counted.values_list(
        "procedure_id", "readings", "blinded", "concluded"
    ):
        rows[procedure_id].position = Progress(readings, blinded, concluded).position


def _add_notices(rows: dict[int, ExamRow]) -> None:
    for procedure_id, notices in open_notices_by_exam({key: row.patient_key for key, row in rows.items()}).items():
        rows[procedure_id].notices = [sentence_of(notice) for notice in notices]
