"""How long exams take from one step to the next: counted in classes by the database, so that a year is one query.

Median and 90th percentile are read from the classes, evenly spread within each; a chart shows the classes themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import (
    Avg,
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    IntegerField,
    Model,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from ris_core.delivery.models import Delivery, DeliveryState
from ris_core.doses.corrected import corrected
from ris_core.doses.models import Moment
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import ReportVersion, VersionStatus
from ris_core.statistics.period import Period

LIMITS_MINUTES: Final = (5, 10, 15, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1440, 2880, 4320, 10080)
"""Upper limits of the classes; a further class holds what is above."""


@dataclass(frozen=True, slots=True)
class Stage:
    """From one step to the next."""

    name: str
    counts: tuple[int, ...]
    """Exams in each class of :data:`LIMITS_MINUTES`, and above."""
    mean_minutes: float | None

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def median_minutes(self) -> float | None:
        return self.percentile(0.5)

    @property
    def p90_minutes(self) -> float | None:
        return self.percentile(0.9)

    def percentile(self, share: float) -> float | None:
        """Minutes below which ``share`` of the exams lies; none without exams, or when it lies above all limits."""
        wanted, below, lower = share * self.total, 0, 0.0
        for count, upper in zip(self.counts, LIMITS_MINUTES, strict=False):
            if count and below + count >= wanted:
                return lower + (upper - lower) * (wanted - below) / count
            below, lower = below + count, float(upper)
        return None


def stages(period: Period) -> list[Stage]:
    """Ordered to performed, performed to read (first version), read to approved, approved to returned, and the whole
    way from the order to the approved report; first readings only."""
    exams = RequestedProcedure.objects.filter(**period.exams(), images_arrived_at__isnull=False)
    versions = ReportVersion.objects.filter(reading__ordinal=1, **period.exams("reading__procedure__"))
    final = versions.filter(status=VersionStatus.FINAL)
    returned = Delivery.objects.filter(
        kind=Delivery.Kind.RESULT,
        state=DeliveryState.ACKNOWLEDGED,
        version__status=VersionStatus.FINAL,
        **period.exams("reading__procedure__"),
    )
    procedure = "reading__procedure__"
    performed = corrected("pk", Moment.ACQUIRED, "images_arrived_at")
    performed_of_version = corrected(f"{procedure}pk", Moment.ACQUIRED, f"{procedure}images_arrived_at")
    read = corrected(f"{procedure}pk", Moment.READ, "approved_at")
    return [
        _stage("performed", exams, "request__ordered_at", performed),
        _stage("read", versions.filter(number=1), performed_of_version, read),
        _stage("approved", final, f"{procedure}request__ordered_at", "approved_at"),
        _stage("returned", returned, "version__approved_at", "acknowledged_at"),
    ]


def _stage(name: str, rows: QuerySet[Any, Model], begins: str | Coalesce, ends: str | Coalesce) -> Stage:
    rows = rows.annotate(begins=F(begins) if isinstance(begins, str) else begins)
    rows = rows.annotate(ends=F(ends) if isinstance(ends, str) else ends)
    taken = ExpressionWrapper(F("ends") - F("begins"), output_field=DurationField())
    measured = rows.filter(begins__isnull=False).annotate(taken=taken)
    classes = Case(
        *(When(taken__lte=timedelta(minutes=limit), then=Value(number)) for number, limit in enumerate(LIMITS_MINUTES)),
        default=Value(len(LIMITS_MINUTES)),
        output_field=IntegerField(),
    )
    found = measured.annotate(class_number=classes).order_by().values_list("class_number")
    counts = [0] * (len(LIMITS_MINUTES) + 1)
    seconds = 0.0
    for number, count, mean in found.annotate(Count("pk"), Avg("taken")):
        counts[number] = count
        seconds += count * mean.total_seconds()
    total = sum(counts)
    return Stage(name, tuple(counts), seconds / total / 60 if total else None)
