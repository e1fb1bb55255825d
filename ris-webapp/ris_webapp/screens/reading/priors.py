"""Earlier and other exams of the same person, with their reports and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from ris_core.accounts.models import User
from ris_core.delivery.outside import version_in_force
from ris_core.hanging.relevance import relevant
from ris_core.hanging.services import rules_in_force
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.reports.models import ReportVersion
from ris_core.sight.seeing import seen_exams
from ris_core.studies.models import Study
from ris_webapp.screens.viewer_launch.hanging import Hung, compared
from ris_webapp.screens.viewer_launch.results import shown_studies

MAXIMUM_PRIORS = 60
"""The newest that the drawer lists; older ones are found by the worklist's search."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Another exam of the person: its report in force, and whether there are images."""

    exam: RequestedProcedure
    is_related: bool
    """Relevant by the hanging rules' weights: likely the one to compare with."""
    has_report: bool
    has_images: bool


@dataclass(frozen=True, slots=True)
class OpenedPrior:
    """A prior that one looks into."""

    exam: RequestedProcedure
    version: ReportVersion | None
    studies: tuple[Study, ...]

    @property
    def study_uids(self) -> list[str]:
        return list(dict.fromkeys(study.study_instance_uid for study in self.studies))


def same_person(patient: Patient) -> list[int]:
    """Keys of every patient record that was merged into one person with ``patient``, itself among them.

    Walks with a set, so that a cycle (which services refuse) could not hang a page.
    """
    found = {patient.pk}
    survivor = patient
    while survivor.merged_into_id is not None and survivor.merged_into_id not in found:
        found.add(survivor.merged_into_id)
        survivor = Patient.objects.get(pk=survivor.merged_into_id)
    newest: set[int] = set(found)
    while newest:
        newest = set(Patient.objects.filter(merged_into__in=newest).values_list("pk", flat=True)) - found
        found |= newest
    return sorted(found)


def priors_of(exam: RequestedProcedure, user: User) -> list[Prior]:
    """The person's other exams, newest first, cancelled ones left out."""
    others = list(_others(exam, user)[:MAXIMUM_PRIORS])
    keys = [other.pk for other in others]
    reported = set(
        ReportVersion.objects.filter(reading__procedure__in=keys)
        .exclude(reading__procedure__exam_state=ExamState.RECALLED)
        .values_list("reading__procedure_id", flat=True)
    )
    imaged = set(
        Study.objects.filter(links__procedure__in=keys, links__undone_at__isnull=True).values_list(
            "links__procedure_id", flat=True
        )
    )
    weights = rules_in_force().weights
    related = {each.key for each, _score in relevant(compared(exam), [compared(other) for other in others], weights)}
    return [Prior(other, other.pk in related, other.pk in reported, other.pk in imaged) for other in others]


def priors_beside(exam: RequestedProcedure, hung: Hung, user: User) -> list[OpenedPrior]:
    """The earlier exams that are opened with ``exam`` by its hanging protocol: relevant, and with images to show."""
    if hung.protocol is None or not hung.protocol.priors:
        return []
    with_images = _others(exam, user).filter(images_arrived_at__isnull=False)[:MAXIMUM_PRIORS]
    opened = open_priors(exam, hung.beside(exam, with_images), user)
    return [prior for prior in opened if prior.study_uids]


def open_prior(exam: RequestedProcedure, prior_id: int, user: User) -> OpenedPrior | None:
    """The prior with its report and the studies that may be shown; none when it is not of the same person."""
    prior = _others(exam, user).filter(pk=prior_id).first()
    if prior is None:
        return None
    return OpenedPrior(prior, version_in_force(prior.pk), tuple(shown_studies(prior.pk)))


def open_priors(exam: RequestedProcedure, prior_ids: Sequence[int], user: User) -> list[OpenedPrior]:
    """Those of ``prior_ids`` that are of the same person, in the order asked for."""
    return [opened for prior_id in prior_ids if (opened := open_prior(exam, prior_id, user)) is not None]


def _others(exam: RequestedProcedure, user: User) -> QuerySet[RequestedProcedure]:
    person = RequestedProcedure.objects.filter(patient_id__in=same_person(exam.patient))
    return (
        seen_exams(person, user)
        .exclude(pk=exam.pk)
        .exclude(exam_state=ExamState.CANCELLED)
        .select_related("request", "patient")
        .order_by("-scheduled_at", "-id")
    )
