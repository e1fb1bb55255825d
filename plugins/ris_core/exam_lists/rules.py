"""How long an exam may wait for its report. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

USUAL_MINUTES: Final = {"STAT": 30, "HIGH": 60, "ROUTINE": 240, "MEDIUM": 240, "LOW": 480}
"""Where no target fits, by priority."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target with its conditions; an empty one fits every exam."""

    priority: str
    patient_class: str
    modality: str
    service_code: str
    minutes: int

    @property
    def weight(self) -> tuple[bool, bool, bool, bool]:
        """The more particular of two targets is the greater: service before modality before class before priority."""
        return bool(self.service_code), bool(self.modality), bool(self.patient_class), bool(self.priority)

    def fits(self, priority: str, patient_class: str, modality: str, service_code: str) -> bool:
        """Whether every condition holds."""
        return (
            self.priority in ("", priority)
            and self.patient_class in ("", patient_class)
            and self.modality in ("", modality)
            and self.service_code in ("", service_code)
        )


def target_minutes(
    targets: Iterable[Target], *, priority: str, patient_class: str, modality: str, service_code: str
) -> int:
    """The minutes of the most particular target that fits, else what is usual for the priority."""
    fitting = [target for target in targets if target.fits(priority, patient_class, modality, service_code)]
    if fitting:
        return max(fitting, key=lambda target: target.weight).minutes
    return USUAL_MINUTES.get(priority, USUAL_MINUTES["ROUTINE"])
