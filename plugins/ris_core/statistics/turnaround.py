"""How long exams take from one step to the next: counted in classes by the database, so that a year is one query.

Median and 90th percentile are read from the classes, evenly spread within each; a chart shows the classes themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from ris_core.doses.corrected import corrected, is_corrected
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
    performed = _Time(f"{procedure}images_arrived_at", Moment.ACQUIRED)
    read = _Time("approved_at", Moment.READ)
    ordered = _Time(f"{procedure}request__ordered_at")
    of_version = f"{procedure}pk"
    return [
        _stage("performed", exams, "pk", _Time("request__ordered_at"), _Time("images_arrived_at", Moment.ACQUIRED)),
        _stage("read", versions.filter(number=1), of_version, performed, read),
        _stage("approved", final, of_version, ordered, _Time("approved_at")),
        _stage("returned", returned, of_version, _Time("version__approved_at"), _Time("acknowledged_at")),
    ]


@dataclass(frozen=True, slots=True)
class _Time:
    """When something happened."""

    recorded: str
    """The lookup."""
    moment: Moment | None = None
    """As which a person may have put it right."""

    def put_right(self, procedure: str) -> F | Coalesce:
        """The expression of an exam that has corrections."""
        return corrected(procedure, self.moment, self.recorded) if self.moment else F(self.recorded)


def _stage(name: str, rows: QuerySet[Any, Model], procedure: str, begins: _Time, ends: _Time) -> Stage:
    """:param procedure: the lookup of the exam's key"""
    counts = [0] * (len(LIMITS_MINUTES) + 1)
    seconds = 0.0
    for number, count, mean in _classes(rows, procedure, begins, ends):
        counts[number] += count
        seconds += count * mean.total_seconds()
    total = sum(counts)
    return Stage(name, tuple(counts), seconds / total / 60 if total else None)


def _classes(
    rows: QuerySet[Any, Model], procedure: str, begins: _Time, ends: _Time
) -> Iterator[tuple[int, int, timedelta]]:
    """Number of a class, how many exams of ``rows`` are in it and their mean; a class may come twice."""
    moments = [time.moment for time in (begins, ends) if time.moment]
    if moments:
        few = rows.filter(is_corrected(procedure, moments))
        yield from _counted(few, begins.put_right(procedure), ends.put_right(procedure))
        rows = rows.exclude(is_corrected(procedure, moments))
    yield from _counted(rows, F(begins.recorded), F(ends.recorded))


def _counted(
    rows: QuerySet[Any, Model], begins: F | Coalesce, ends: F | Coalesce
) -> Iterator[tuple[int, int, timedelta]]:
    taken = ExpressionWrapper(F("ends") - F("begins"), output_field=DurationField())
    measured = rows.annotate(begins=begins, ends=ends).filter(begins__isnull=False).annotate(taken=taken)
    classes = Case(
        *(When(taken__lte=timedelta(minutes=limit), then=Value(number)) for number, limit in enumerate(LIMITS_MINUTES)),
        default=Value(len(LIMITS_MINUTES)),
        output_field=IntegerField(),
    )
    found = measured.annotate(class_number=classes).order_by().values_list("class_number")
    yield from found.annotate(Count("pk"), Avg("taken"))
