"""Which exams, patients and studies a user sees: the one place that lists, pages, pictures and grants ask (P13, P17).

Who has no limits and may see confidential patients costs nothing; nor does anybody while no patient is confidential
but one look into a table of none. A limit is a condition on columns with an index; what an exam's reader holds, what
was granted, and a patient opened in an emergency is seen besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.roles import may, sees_own_only
from ris_core.accounts.rules import Function
from ris_core.delivery.models import ReturnHold
from ris_core.delivery.rules import RELEASED
from ris_core.exam_lists.models import Assignment
from ris_core.external_results.models import ExternalDocument
from ris_core.orders.models import (
    ExamState,
    ImagingServiceRequest,
    NamedPractitioner,
    RequestedProcedure,
    ScheduledProcedureStep,
)
from ris_core.patients.models import Patient
from ris_core.referrers.models import PractitionerLink
from ris_core.reports.models import Reading, ReportVersion
from ris_core.sight.models import ConfidentialPatient, SightGrant, SightLimit
from ris_core.signatures.models import Signature
from ris_core.studies.models import Study

_STILL_THEIRS = (
    Q(procedure__patient=F("whose"))
    | Q(procedure__patient=F("whose__merged_into"))
    | Q(procedure__patient=F("whose__merged_into__merged_into"))
)
"""Of grants: the exam is still the patient's, as merges stand now; after three merges it is granted anew."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a user does not see, if anything."""

    limit: SightLimit | None
    hides_confidential: bool
    named_only: bool = False
    """Only exams whose result is released and whose order names the user by their number."""

    @property
    def is_limited(self) -> bool:
        """The user sees a part of the archive."""
        return self.limit is not None or self.named_only

    @property
    def is_whole(self) -> bool:
        """Nothing is hidden from the user."""
        return not self.is_limited and not self.hides_confidential


def sight_of(user: User) -> Sight:
    """What the user sees now."""
    limit = SightLimit.objects.filter(user_id=user.pk).first()
    blind = not may(user.role, Function.VIEW_CONFIDENTIAL) and ConfidentialPatient.objects.exists()
    return Sight(limit, blind, named_only=sees_own_only(user.role))


def is_limited(user: User) -> bool:
    """Whether the user sees only a part of the archive."""
    return sees_own_only(user.role) or SightLimit.objects.filter(user_id=user.pk).exists()


def seen_exams(
    exams: QuerySet[RequestedProcedure], user: User, sight: Sight | None = None
) -> QuerySet[RequestedProcedure]:
    """Those of ``exams`` that the user sees."""
    sight = sight or sight_of(user)
    return exams if sight.is_whole else exams.filter(_condition(user, sight))


def exams_within(exams: QuerySet[RequestedProcedure], limits: Mapping[str, list[str]]) -> QuerySet[RequestedProcedure]:
    """Those of ``exams`` within limits that are nobody's account but a program's key; it reads nothing besides them."""
    return exams.filter(_within(SightLimit(**limits))) if any(limits.values()) else exams


def sees_exam(user: User, exam_id: int) -> bool:
    """Whether the user sees the exam; one that is not there is nobody's secret."""
    sight, exams = sight_of(user), RequestedProcedure.objects.filter(pk=exam_id)
    return sight.is_whole or seen_exams(exams, user, sight).exists() or not exams.exists()


def sees_request(user: User, request_id: int) -> bool:
    """Whether the user sees every exam of an order."""
    sight, exams = sight_of(user), RequestedProcedure.objects.filter(request_id=request_id)
    return sight.is_whole or seen_exams(exams, user, sight).count() == exams.count()


def sees_document(user: User, document_id: int) -> bool:
    """Whether the user sees the exam to which a document came with a result made elsewhere."""
    exam = ExternalDocument.objects.filter(pk=document_id).values_list("result__procedure_id", flat=True).first()
    return exam is None or sees_exam(user, exam)


def sees_signature(user: User, signature_id: int) -> bool:
    """Whether the user sees the exam whose report was signed."""
    exams = Signature.objects.filter(pk=signature_id).values_list("version__reading__procedure_id", flat=True)
    return all(sees_exam(user, exam) for exam in exams)


def sees_patient(user: User, patient_id: int) -> bool:
    """Whether the user sees the patient's record: with every exam, so never under a limit but by a grant."""
    sight = sight_of(user)
    if sight.is_whole or _granted(user).filter(patient_id=patient_id).exists():
        return True
    return not sight.is_limited and not ConfidentialPatient.objects.filter(patient_id=patient_id).exists()


def seen_patients(patients: QuerySet[Patient], user: User) -> QuerySet[Patient]:
    """Those of ``patients`` whose record the user sees."""
    sight = sight_of(user)
    if sight.is_whole:
        return patients
    granted = Q(pk__in=_granted(user).filter(patient__isnull=False).values("patient_id"))
    if sight.is_limited:
        return patients.filter(granted)
    return patients.filter(~Q(pk__in=ConfidentialPatient.objects.values("patient_id")) | granted)


def sees_study(user: User, study_id: int) -> bool:
    """Whether the user sees a study: an exam of it that they see; one without an exam unless they are limited."""
    sight = sight_of(user)
    if sight.is_whole:
        return True
    linked = Study.objects.filter(pk=study_id, links__undone_at__isnull=True, links__isnull=False)
    exams = list(linked.values_list("links__procedure_id", flat=True))
    if not exams:
        return not sight.is_limited
    return seen_exams(RequestedProcedure.objects.filter(pk__in=exams), user, sight).count() == len(set(exams))


def named_in(user: User) -> Q:
    """Of exams: those whose order names the user by a number that an administrator has linked to them."""
    named = Q(pk__in=())
    for identifier, issuer in PractitionerLink.objects.filter(user_id=user.pk, ended_at__isnull=True).values_list(
        "identifier", "issuer"
    ):
        named |= Q(identifier=identifier, issuer=issuer)
    return Q(request_id__in=NamedPractitioner.objects.filter(named).values("request_id"))


def _released() -> Q:
    """Of exams: those that have a final or corrected report in force, which nothing holds back."""
    versions = ReportVersion.objects.filter(reading__procedure=OuterRef("pk"), status__in=RELEASED, recall__isnull=True)
    holds = ReturnHold.objects.filter(procedure=OuterRef("pk"), released_at__isnull=True)
    hidden = Q(exam_state__in=(ExamState.RECALLED, ExamState.CANCELLED)) | Q(Exists(holds))
    return Q(Exists(versions)) & ~hidden


def _condition(user: User, sight: Sight) -> Q:
    allowed, limit = Q(), sight.limit
    if limit is not None:
        allowed &= _within(limit)
    if sight.named_only:
        allowed &= named_in(user) & _released()
    if sight.hides_confidential:
        allowed &= ~Q(patient_id__in=ConfidentialPatient.objects.values("patient_id"))
    besides = _besides(user)
    if sight.named_only or (limit is not None and (limit.physicians or limit.departments or limit.rooms)):
        # few of many: collected by their indexes, or a list of a million would be walked until a page is full
        within = RequestedProcedure.objects.filter(allowed).order_by().values("pk")
        collected = within.union(*(RequestedProcedure.objects.filter(each).order_by().values("pk") for each in besides))
        return Q(pk__in=collected)
    for each in besides:
        allowed |= each
    return allowed


def _besides(user: User) -> list[Q]:
    """What is seen whatever the limits: granted, opened in an emergency, asked to read, held."""
    granted = _granted(user)
    return [
        Q(pk__in=granted.filter(_STILL_THEIRS, procedure__isnull=False).values("procedure_id")),
        Q(patient_id__in=granted.filter(patient__isnull=False).values("patient_id")),
        Q(pk__in=Assignment.objects.filter(reader_id=user.pk).values("procedure_id")),
        Q(pk__in=Reading.objects.filter(claimed_by_id=user.pk).values("procedure_id")),
    ]


def _within(limit: SightLimit) -> Q:
    within = Q()
    if limit.modalities:
        within &= Q(modality__in=limit.modalities)
    if limit.departments or limit.physicians:
        requests = ImagingServiceRequest.objects.all()
        if limit.departments:
            requests = requests.filter(requesting_department__in=limit.departments)
        if limit.physicians:
            requests = requests.filter(requesting_physician__in=limit.physicians)
        within &= Q(request_id__in=requests.values("pk"))
    if limit.rooms:
        within &= Q(pk__in=ScheduledProcedureStep.objects.filter(room__in=limit.rooms).values("procedure_id"))
    return within


def _granted(user: User) -> QuerySet[SightGrant]:
    return SightGrant.objects.filter(user_id=user.pk, until__gt=timezone.now())
