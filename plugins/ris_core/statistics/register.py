"""The imaging register (sổ chẩn đoán hình ảnh): one line for each exam that was performed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery, Sum

from ris_core.accounts.models import User
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.models import ReportVersion
from ris_core.sight.seeing import seen_exams
from ris_core.statistics.period import Period
from ris_core.studies.models import StudyLink
from ris_core.studies.sharing import counting_links

MOST_LINES: Final = 100_000
"""In one export: about what a sheet opens with; a longer register is exported month by month."""


@dataclass(frozen=True, slots=True)
class Line:
    """One exam in the register."""

    procedure_id: int
    scheduled_at: datetime
    accession_number: str
    patient_name: str
    patient_identifier: str
    birth_date: str
    sex: str
    patient_class: str
    department: str
    physician: str
    modality: str
    service_code: str
    service_name: str
    images: int
    """Without those of a study that an earlier line counts."""
    state: str
    reader: str
    films: int | None
    """As a person has counted; None: nobody has."""
    exposures: int | None
    dlp_mgy_cm: float | None
    dap_gy_cm2: float | None
    """Dose, like the images, counts once where several exams share a study."""
    shared_with: str
    """Accession number of another exam that has a study of this one; the first of several."""
    approved_at: datetime | None


def line_count(period: Period, user: User | None = None) -> int:
    return _exams(period, user).count()


def lines(period: Period, first: int = 0, count: int = MOST_LINES, user: User | None = None) -> Iterator[Line]:
    """``count`` lines from the line ``first`` (from 0), in the order of time; of what ``user`` sees (None: of all)."""
    newest = ReportVersion.objects.filter(reading__procedure=OuterRef("pk")).order_by("-approved_at", "-pk")
    linked = (
        counting_links()
        .filter(procedure=OuterRef("pk"))
        .order_by()
        .values("procedure")
        .annotate(images=Sum("study__instance_count"))
    )
    others = StudyLink.objects.filter(
        study__links__procedure=OuterRef("pk"), study__links__undone_at__isnull=True, undone_at__isnull=True
    ).exclude(procedure=OuterRef("pk"))
    identifiers = RequestedProcedure.objects.filter(
        pk=OuterRef("pk"), patient__identifiers__is_primary=True, patient__identifiers__retired_at__isnull=True
    ).values("patient__identifiers__value")
    rows = (
        _exams(period, user)
        .annotate(
            identifier=Subquery(identifiers[:1]),
            shared_with=Subquery(others.order_by("pk").values("procedure__request__accession_number")[:1]),
            images=Subquery(linked.values("images")[:1]),
            reader=Subquery(newest.values("approved_by__full_name")[:1]),
            reported_at=Subquery(newest.values("approved_at")[:1]),
        )
        .order_by("scheduled_at", "pk")
        .values_list(
            "pk", "scheduled_at", "request__accession_number", "patient__full_name", "identifier",
            "patient__birth_date", "patient__sex", "request__visit__patient_class",
            "request__requesting_department", "request__requesting_physician", "modality", "service_code",
            "service_name", "images", "exam_state", "reader", "counted__films", "counted__exposures",
            "dose__counted_dlp_mgy_cm", "dose__counted_dap_gy_cm2", "shared_with", "reported_at",
        )[first : first + min(count, MOST_LINES)]
    )  # fmt: skip
    for row in rows.iterator(chunk_size=2000):
        *known, films, exposures, dlp, dap, shared_with, approved_at = row
        values: list[Any] = ["" if value is None else value for value in known]
        values[13] = values[13] or 0
        yield Line(*[*values, films, exposures, dlp, dap, shared_with or "", approved_at])


def _exams(period: Period, user: User | None) -> QuerySet[RequestedProcedure]:
    performed = RequestedProcedure.objects.filter(**period.exams()).exclude(
        exam_state__in=(ExamState.ORDERED, ExamState.CANCELLED)
    )
    return (seen_exams(performed, user) if user else performed).order_by()
