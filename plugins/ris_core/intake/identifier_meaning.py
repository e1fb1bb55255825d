"""Profile edits that change what a number means: which ones, and what becomes of what is stored under the old meaning.

Patients and orders are recognised by their numbers. When a profile takes a number from elsewhere, or says that somebody
else issued it, the same patient comes again as another one, and a cancellation finds no order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Final

from ris_core.errors import QuangError
from ris_core.intake.profile import Profile
from ris_core.orders.models import ExamState, RequestedProcedure, Visit


class MeaningOf(StrEnum):
    """Whose recognition a number serves."""

    PATIENTS = "PATIENTS"
    VISITS = "VISITS"
    ORDERS = "ORDERS"
    """By the placer's or filler's number: what changes and cancellations name."""
    EXAMS = "EXAMS"
    """By the accession number and the ids of procedure, step and study: what devices have been told."""


_MEANING: Final[Mapping[MeaningOf, tuple[str, ...]]] = {
    MeaningOf.PATIENTS: (
        "patient.identifiers", "patient.default_issuer", "words.identifier_kinds", "words.issuers",
    ),
    MeaningOf.VISITS: ("visit.visit_number", "words.issuers"),
    MeaningOf.ORDERS: ("order.placer_order_number", "order.filler_order_number"),
    MeaningOf.EXAMS: (
        "order.accession_number", "order.requested_procedure_id", "order.study_instance_uid", "step.step_id",
    ),
}  # fmt: skip
"""Parts of a profile by which something is recognised."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What an edit means for what is stored."""

    of: MeaningOf
    paths: tuple[str, ...]
    """The parts of the profile that differ."""
    stored: int
    """Patients and visits with orders of these senders; orders and exams that are not finished. They keep their present
    numbers."""


class MeaningChanges(QuangError):
    """The profile would give numbers another meaning while patients or orders are stored under the present one."""

    code = "QUANG-7006"

    def __init__(self, consequences: tuple[Consequence, ...]) -> None:
        super().__init__(
            "patients or orders that are stored would no longer be recognised by their numbers; compare, then confirm",
            field="confirmed",
        )
        self.consequences = consequences


def changed_meanings(before: Profile, after: Profile) -> dict[MeaningOf, tuple[str, ...]]:
    """What is recognised otherwise by ``after`` than by ``before``, and the parts that differ."""
    found = {
        meaning: tuple(path for path in paths if attrgetter(path)(before) != attrgetter(path)(after))
        for meaning, paths in _MEANING.items()
    }
    return {meaning: paths for meaning, paths in found.items() if paths}


def consequences(before: Profile, after: Profile, senders: Collection[str]) -> tuple[Consequence, ...]:
    """What it means for what is stored that ``senders`` (``MSH-3|MSH-4``) are read by ``after`` from now on."""
    if not senders:
        return ()
    return tuple(
        Consequence(meaning, paths, _stored(meaning, senders))
        for meaning, paths in changed_meanings(before, after).items()
    )


def check_meanings(before: Profile, after: Profile, senders: Collection[str], *, confirmed: bool) -> None:
    """
    :raises MeaningChanges: something is stored that would be recognised no more, and nobody has confirmed it
    """
    found = consequences(before, after, senders)
    if not confirmed and any(each.stored for each in found):
        raise MeaningChanges(found)


def _stored(meaning: MeaningOf, senders: Collection[str]) -> int:
    theirs = RequestedProcedure.objects.filter(source__in=senders)
    match meaning:
        case MeaningOf.PATIENTS:
            return theirs.order_by().values("patient_id").distinct().count()
        case MeaningOf.VISITS:
            return Visit.objects.filter(pk__in=theirs.order_by().values("request__visit_id")).count()
        case MeaningOf.ORDERS | MeaningOf.EXAMS:
            return theirs.exclude(exam_state__in=(ExamState.RETURNED, ExamState.CANCELLED)).count()
