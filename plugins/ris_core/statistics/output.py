"""What was done: exams, patients and images by service, department, kind of device and day. One grouped query each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.statistics.period import Period
from ris_core.studies.models import LINKED_STATES, QUEUE_STATES, Study
from ris_core.studies.sharing import counting_links

MOST_GROUPS: Final = 2000
_REPORTED: Final = (ExamState.FINAL, ExamState.RETURNED, ExamState.RECALLED)


@dataclass(frozen=True, slots=True)
class Output:
    """The exams of one group."""

    key: tuple[str, ...]
    ordered: int
    """Without those that were cancelled."""
    performed: int
    """Whose images have come."""
    reported: int
    returned: int
    cancelled: int
    patients: int
    images: int = 0


@dataclass(frozen=True, slots=True)
class Images:
    """The studies of one kind of device that came in a period."""

    modalities: str
    linked: int
    waiting: int
    """In the queue of those that no order was found for, or of conflicts."""
    other: int
    """Still coming, or rejected."""
    images: int


def by_service(period: Period) -> list[Output]:
    """Key: modality, code and name of the service."""
    return _grouped(period, "modality", "service_code", "service_name")


def by_department(period: Period) -> list[Output]:
    """Key: the department that ordered."""
    return _grouped(period, "request__requesting_department")


def by_modality(period: Period) -> list[Output]:
    return _grouped(period, "modality")


def by_day(period: Period) -> list[tuple[date, int, int]]:
    """Exams without the cancelled ones, and those with images, for each day that has any."""
    days = _exams(period).annotate(day=TruncDate("scheduled_at", tzinfo=period.zone))
    rows = days.values_list("day").annotate(
        ordered=Count("pk", filter=~Q(exam_state=ExamState.CANCELLED)),
        performed=Count("pk", filter=Q(images_arrived_at__isnull=False)),
    )
    return list(rows.order_by("day"))


def total(period: Period) -> Output:
    """All of them as one."""
    values = _exams(period).aggregate(**_COUNTS)
    return _output((), [values[name] or 0 for name in _COUNTS], _image_counts(period, ()).get((), 0))


def images_received(period: Period) -> list[Images]:
    """Studies that came in the period, linked to an order or not; departments and services are not known of those."""
    received = Study.objects.filter(first_received_at__gte=period.begins_at, first_received_at__lt=period.ends_at)
    if period.modality:
        received = received.filter(modalities__contains=period.modality)
    linked, waiting = Q(state__in=LINKED_STATES), Q(state__in=QUEUE_STATES)
    rows = received.values_list("modalities").annotate(
        linked=Count("pk", filter=linked),
        waiting=Count("pk", filter=waiting),
        other=Count("pk", filter=~linked & ~waiting),
        images=Sum("instance_count"),
    )
    return [
        Images(kind, linked_count, waiting_count, other, images or 0)
        for kind, linked_count, waiting_count, other, images in rows.order_by("modalities")[:MOST_GROUPS]
    ]


def departments() -> list[str]:
    """Those that have ordered lately, for the filter."""
    recent = RequestedProcedure.objects.order_by("-scheduled_at").values("request__requesting_department")[:5000]
    names = {row["request__requesting_department"] for row in recent}
    return sorted(filter(None, names))


_COUNTS: Final = {
    "ordered": Count("pk", filter=~Q(exam_state=ExamState.CANCELLED)),
    "performed": Count("pk", filter=Q(images_arrived_at__isnull=False)),
    "reported": Count("pk", filter=Q(exam_state__in=_REPORTED)),
    "returned": Count("pk", filter=Q(exam_state=ExamState.RETURNED)),
    "cancelled": Count("pk", filter=Q(exam_state=ExamState.CANCELLED)),
    "patients": Count("patient", distinct=True, filter=~Q(exam_state=ExamState.CANCELLED)),
}


def _exams(period: Period) -> QuerySet[RequestedProcedure]:
    return RequestedProcedure.objects.filter(**period.exams()).order_by()


def _grouped(period: Period, *fields: str) -> list[Output]:
    rows = _exams(period).values_list(*fields).annotate(**_COUNTS).order_by(*fields)[:MOST_GROUPS]
    images = _image_counts(period, fields)
    size = len(fields)
    return [_output(row[:size], row[size:], images.get(tuple(row[:size]), 0)) for row in rows]


def _image_counts(period: Period, fields: tuple[str, ...]) -> dict[tuple[str, ...], int]:
    """Images of the studies that are linked, each study once; asked apart, since a join would count an exam once for
    each study."""
    linked = counting_links().filter(**period.exams("procedure__")).order_by()
    if not fields:
        return {(): linked.aggregate(images=Sum("study__instance_count"))["images"] or 0}
    rows = linked.values_list(*(f"procedure__{field}" for field in fields)).annotate(
        images=Sum("study__instance_count")
    )
    return {tuple(row[:-1]): row[-1] or 0 for row in rows}


def _output(key: Iterable[Any], counts: Iterable[int], images: int) -> Output:
    ordered, performed, reported, returned, cancelled, patients = counts
    return Output(tuple(key), ordered, performed, reported, returned, cancelled, patients, images)
