"""What a device's report means for what was ordered, decided without database, clock or network."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

WRONG_WORKLIST_ENTRY: Final = "110514"
"""DCM "Incorrect worklist entry selected" (CID 9300): nothing was done of what was scheduled."""

CLOCK_TOLERANCE: Final = timedelta(minutes=10)
"""A device's clock that differs more from ours is pointed out."""


class Oddity(StrEnum):
    """What a person should know of a performed step."""

    CLOCK = "CLOCK"
    """The device's clock differs from ours by more than :data:`CLOCK_TOLERANCE`."""
    ENDED_BEFORE_STARTED = "ENDED_BEFORE_STARTED"
    PATIENT_DIFFERS = "PATIENT_DIFFERS"
    """It names an order, and a PatientID that is not the order's: it was not tied to it."""
    IDENTIFIERS_CONTRADICT = "IDENTIFIERS_CONTRADICT"
    """It names a scheduled step, and a study and an accession number that are not that step's: not tied."""
    UNSCHEDULED = "UNSCHEDULED"
    """It names nothing that was ordered here."""
    ORDER_CANCELLED = "ORDER_CANCELLED"
    """The order it names was cancelled before it began: the work was done all the same, and the exam goes on."""
    STEP_WITHDRAWN = "STEP_WITHDRAWN"
    """The step's appointment was cancelled before it began."""


@dataclass(frozen=True, slots=True)
class PerformedSeries:
    """One item of Performed Series Sequence (0040,0340)."""

    series_instance_uid: str
    description: str
    instance_uids: tuple[str, ...]
    """Of images and of other composite objects."""

    def as_json(self) -> dict[str, Any]:
        return {"uid": self.series_instance_uid, "description": self.description, "instances": list(self.instance_uids)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PerformedSeries:
        return cls(stored["uid"], stored["description"], tuple(stored["instances"]))


@dataclass(frozen=True, slots=True)
class ScheduledReference:
    """One item of Scheduled Step Attributes Sequence (0040,0270): what the device believes it does."""

    study_instance_uid: str
    accession_number: str = ""
    requested_procedure_id: str = ""
    scheduled_procedure_step_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderedWork:
    """A procedure that a device may mean."""

    procedure_id: int
    study_instance_uid: str
    accession_numbers: frozenset[str]
    requested_procedure_id: str
    patient_ids: frozenset[str]
    steps: Mapping[str, int]
    """Key of each scheduled step by its Scheduled Procedure Step ID."""
    steps_of_modality: tuple[int, ...]
    """Keys of the steps that this device may have done, when it does not say which."""


@dataclass(frozen=True, slots=True)
class Tie:
    """What one reference is about; without a procedure, why not."""

    procedure_id: int | None = None
    step_ids: tuple[int, ...] = ()
    objection: Oddity | None = None


def tie(reference: ScheduledReference, patient_id: str, works: Sequence[OrderedWork]) -> Tie:
    """The ordered work that ``reference`` means: by the scheduled step's id, else by StudyInstanceUID, else by an
    accession number that one procedure only has. Exact identifiers only, whatever a device's clock says; whoever they
    contradict is left alone, and so is another patient's order.

    :param works: the procedures that have any of the reference's identifiers
    """
    work, step_ids = _meant(reference, works)
    if work is None:
        return Tie(objection=Oddity.UNSCHEDULED)
    if not _agrees(reference, work):
        return Tie(objection=Oddity.IDENTIFIERS_CONTRADICT)
    if patient_id and patient_id not in work.patient_ids:
        return Tie(objection=Oddity.PATIENT_DIFFERS)
    return Tie(work.procedure_id, step_ids)


def _meant(reference: ScheduledReference, works: Sequence[OrderedWork]) -> tuple[OrderedWork | None, tuple[int, ...]]:
    step_id = reference.scheduled_procedure_step_id
    for work in works:
        if step_id in work.steps:
            return work, (work.steps[step_id],)
    for work in works:
        if reference.study_instance_uid == work.study_instance_uid:
            return work, work.steps_of_modality
    number = reference.accession_number
    named = [work for work in works if number and number in work.accession_numbers]
    exact = [work for work in named if work.requested_procedure_id == reference.requested_procedure_id]
    for found in (named, exact):
        if len(found) == 1:
            return found[0], found[0].steps_of_modality
    return None, ()


def _agrees(reference: ScheduledReference, work: OrderedWork) -> bool:
    """Whether one of the identifiers of study and request is the order's: a device may make up one of them."""
    number = reference.accession_number
    return reference.study_instance_uid == work.study_instance_uid or (
        number in work.accession_numbers if number else reference.requested_procedure_id == work.requested_procedure_id
    )


def odd_times(started: datetime | None, ended: datetime | None, received_start: datetime) -> list[Oddity]:
    """What is odd about the times that a device's clock says.

    :param started: none when it cannot be read
    :param received_start: when N-CREATE came, by our clock
    """
    odd = []
    if started is not None and abs(started - received_start) > CLOCK_TOLERANCE:
        odd.append(Oddity.CLOCK)
    if started is not None and ended is not None and ended < started:
        odd.append(Oddity.ENDED_BEFORE_STARTED)
    return odd


class Readiness(StrEnum):
    """Whether an exam's images are all here."""

    NO_IMAGES = "NO_IMAGES"
    """None of its images have come (yet)."""
    RECEIVING = "RECEIVING"
    """Images are still coming."""
    DEVICE_WORKING = "DEVICE_WORKING"
    """A device has not said that it is done."""
    INCOMPLETE = "INCOMPLETE"
    """A device says that it made images which are not here."""
    COMPLETE = "COMPLETE"
    OVERDUE = "OVERDUE"
    """What is missing has not come in time: ready, with a warning."""


READY: Final = frozenset({Readiness.COMPLETE, Readiness.OVERDUE})


@dataclass(frozen=True, slots=True)
class MissingSeries:
    """A series that a device says it made, of which not everything is here."""

    series_instance_uid: str
    description: str
    made: int
    arrived: int

    def as_json(self) -> dict[str, Any]:
        return {
            "uid": self.series_instance_uid, "description": self.description,
            "made": self.made, "arrived": self.arrived,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reported:
    """A performed step as far as completeness is concerned."""

    finished: bool
    series: tuple[PerformedSeries, ...]


def readiness(
    reported: Sequence[Reported],
    *,
    has_images: bool,
    stable: bool,
    arrived: Collection[str],
    overdue: bool,
) -> tuple[Readiness, tuple[MissingSeries, ...]]:
    """Whether an exam may be read, and which series are not whole. The one rule for devices with MPPS and without.

    :param reported: what devices say of the exam; none: stability alone decides
    :param stable: no image has come for a while, in none of its studies
    :param arrived: SOP Instance UIDs of everything that is here
    :param overdue: what is missing has been waited for long enough
    """
    here = set(arrived)
    missing = tuple(
        MissingSeries(series.series_instance_uid, series.description, len(set(series.instance_uids)), found)
        for step in reported
        if step.finished
        for series in step.series
        if (found := len(here.intersection(series.instance_uids))) < len(set(series.instance_uids))
    )
    if not has_images:
        return Readiness.NO_IMAGES, missing
    if not stable:
        return Readiness.RECEIVING, missing
    working = any(not step.finished for step in reported)
    if (working or missing) and overdue:
        return Readiness.OVERDUE, missing
    if working:
        return Readiness.DEVICE_WORKING, missing
    return (Readiness.INCOMPLETE if missing else Readiness.COMPLETE), missing
