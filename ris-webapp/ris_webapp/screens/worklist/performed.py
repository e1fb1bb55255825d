"""What devices say they did for an exam, as the drawer shows it."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.orders.models import RequestedProcedure
from ris_core.performed import attributes as read
from ris_core.performed.attributes import Exposure
from ris_core.performed.models import ImageCheck, PerformedProcedureStep
from ris_core.performed.rules import Readiness


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One performed step; times of its device's clock as the device wrote them (DA and TM)."""

    step: PerformedProcedureStep
    device_start: tuple[str, str]
    device_end: tuple[str, str]
    reason: str
    """Why it was discontinued."""
    exposure: Exposure

    @property
    def series_count(self) -> int:
        return len(self.step.series)

    @property
    def instance_count(self) -> int:
        return sum(len(series["instances"]) for series in self.step.series)


def performed_steps(procedure: RequestedProcedure) -> list[ShownStep]:
    """In the order in which they began."""
    steps = PerformedProcedureStep.objects.filter(performed_for__procedure=procedure).distinct().order_by("pk")
    return [_shown(step) for step in steps]


def image_check(procedure: RequestedProcedure) -> ImageCheck | None:
    """The last comparison with what has arrived, when it says something that people should know."""
    telling = (Readiness.DEVICE_WORKING, Readiness.INCOMPLETE, Readiness.OVERDUE, Readiness.NO_IMAGES)
    return ImageCheck.objects.filter(procedure=procedure, readiness__in=telling).first()


def _shown(step: PerformedProcedureStep) -> ShownStep:
    attributes = step.attributes
    code, meaning = read.discontinuation(attributes)
    return ShownStep(
        step=step,
        device_start=(read.text(attributes, read.START_DATE), read.text(attributes, read.START_TIME)),
        device_end=(read.text(attributes, read.END_DATE), read.text(attributes, read.END_TIME)),
        reason=meaning or code,
        exposure=read.exposure(attributes),
    )
