"""What is compared: a received study, an ordered procedure, and the verdict on each field, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ris_core.devices.rules import RegisteredDevice


class Verdict(StrEnum):
    """What a comparison of one field says."""

    EQUAL = "EQUAL"
    SIMILAR = "SIMILAR"
    MISSING = "MISSING"
    """One side says nothing."""
    DIFFERENT = "DIFFERENT"
    """Not the same, which alone contradicts nothing."""
    CONTRADICTS = "CONTRADICTS"


class Nuance(StrEnum):
    """In which way two values that are not the same still resemble each other, or how far apart they are."""

    NONE = ""
    FORMAT = "FORMAT"
    """The same number with other zeros, prefix or punctuation."""
    ELSEWHERE = "ELSEWHERE"
    """The same number, in another field of the images."""
    TYPING_ERROR = "TYPING_ERROR"
    PARTIAL = "PARTIAL"
    """Abbreviated, cut, or less of it said: a year without its day."""
    SWAPPED = "SWAPPED"
    """Day and month exchanged."""
    ROOM = "ROOM"
    """Another device in the same room."""
    NEAR = "NEAR"
    SAME_DAY = "SAME_DAY"
    SAME_WEEK = "SAME_WEEK"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field, as the device sent it and as it was ordered."""

    field: str
    """A DICOM keyword, ``ExamKey`` or ``Time``."""
    received: str
    ordered: str
    verdict: Verdict
    nuance: Nuance = Nuance.NONE
    points: int = 0
    """What it adds to the score by the policy in force."""


@dataclass(frozen=True, slots=True)
class ReceivedStudy:
    """What a device wrote into the images. Text as sent, apart from padding."""

    study_instance_uid: str
    accession_number: str = ""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    modalities: tuple[str, ...] = ()
    body_part: str = ""
    description: str = ""
    sender: str = ""
    """Calling AE title of the device."""
    device: RegisteredDevice | None = None
    """The device, where it is registered."""
    room: str = ""
    """Room of the device as registered; empty for one that is not."""
    received_at: datetime | None = None
    acquired_at: datetime | None = None
    """By the device's own clock, which may be wrong."""
    other_ids: tuple[str, ...] = ()
    """Words of other fields that might be an identifier of the patient, typed into the wrong place."""
    key_text: str = ""
    """What stands where an exam key is expected, if it is one or nearly one."""
    keyed: frozenset[int] = frozenset()
    """Procedures whose key it is, or whose number by a rule of the policy."""
    keyed_unchecked: frozenset[int] = frozenset()
    """Those of ``keyed`` that only a number of the HIS names: mistyped it is another order's, unlike our key."""
    nearly_keyed: frozenset[int] = frozenset()
    """Procedures whose key is one wrong character away."""


@dataclass(frozen=True, slots=True)
class OrderedProcedure:
    """A requested procedure with the patient it was ordered for."""

    procedure_id: int
    patient_key: int
    accession_number: str
    study_instance_uid: str
    modality: str
    patient_identifiers: tuple[tuple[str, str], ...]
    """Value and issuer of every identifier of the patient, those of patients merged into them included."""
    sent_accession_number: str = ""
    former_accession_numbers: tuple[str, ...] = ()
    """Those that a person has replaced: a device may still hold one."""
    patient_name: str = ""
    birth_date: str = ""
    sex: str = ""
    cancelled: bool = False
    awaits_images: bool = True
    service_name: str = ""
    body_part: str = ""
    stations: tuple[str, ...] = ()
    """AE titles of its scheduled steps; none: any device of the modality."""
    rooms: tuple[str, ...] = ()
    scheduled_at: datetime | None = None
    exam_key: str = ""
    rejected: bool = False
    """A person has said that the study is not of this order, or has undone the link to it."""
    prior: int = 0
    """How many orders for this place persons chose lately for images of this device: ranks, never decides."""

    @property
    def accession_numbers(self) -> tuple[str, ...]:
        """Every accession number that the order is or was known by."""
        numbers = (self.accession_number, self.sent_accession_number, *self.former_accession_numbers)
        return tuple(number for number in numbers if number)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A procedure that was considered, with what speaks for and against it."""

    procedure_id: int
    comparisons: tuple[Comparison, ...]
    prior: int = 0
    """Orders candidates of the same score (:attr:`OrderedProcedure.prior`)."""

    @property
    def score(self) -> int:
        return sum(comparison.points for comparison in self.comparisons)

    def as_json(self) -> dict[str, Any]:
        """As kept in ``Study.candidates`` and ``StudyLink.explanation``."""
        return {
            "procedure_id": self.procedure_id,
            "score": self.score,
            "comparisons": [
                {
                    "field": c.field,
                    "received": c.received,
                    "ordered": c.ordered,
                    "verdict": c.verdict.value,
                    "nuance": c.nuance.value,
                    "points": c.points,
                }
                for c in self.comparisons
            ],
        }

    def comparison(self, field: str) -> Comparison:
        """The comparison of ``field``; one of nothing with nothing when it was not compared."""
        return next((c for c in self.comparisons if c.field == field), Comparison(field, "", "", Verdict.MISSING))

    def verdict(self, field: str) -> Verdict:
        return self.comparison(field).verdict


@dataclass(frozen=True, slots=True)
class Unscored:
    """A comparison before the policy has put points to it."""

    verdict: Verdict
    nuance: Nuance = Nuance.NONE
