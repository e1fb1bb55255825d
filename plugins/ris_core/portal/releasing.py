"""How exams stand for their patients: asked at each look, for many at once, in a fixed number of queries.

Nothing of the answer is kept: what takes a result back (recall, correction, hold, an unpaid bill, a critical finding,
a rule) takes it from the portal with the next look. Imports nothing that Orthanc's process has not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Min, QuerySet
from django.utils import timezone

from ris_core.critical_results.models import CriticalResult
from ris_core.delivery.holding import blocking_rule, payment_rules
from ris_core.delivery.models import Delivery, DeliveryState, ReturnHold
from ris_core.delivery.under_way import exam_facts_of
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.patients.survivors import doubtful_exams, records_of, survivor_of
from ris_core.portal.models import PortalSlip, PortalVisit, ReleaseRule, ResultDecision
from ris_core.portal.rules import Decision, Facts, ReleaseWhen, ResultState, rule_among, standing
from ris_core.reports.models import ReportRecall, ReportVersion, VersionStatus
from ris_core.sight.models import ConfidentialPatient
from ris_core.signatures.models import Signature
from ris_core.signatures.rules import SignatureState

DEFAULT_WHEN: Final = ReleaseWhen.FINAL
DEFAULT_DELAY_HOURS: Final = 2
"""Of exams that no rule is about: who ordered them reads first."""
MOST_EXAMS: Final = 200


@dataclass(frozen=True, slots=True)
class Result:
    """One exam as its patient sees it."""

    exam: RequestedProcedure
    state: ResultState
    opens_at: datetime | None
    """From when on it is seen, where that is known."""
    version_id: int | None
    """Of the report that is seen; none while none is."""
    with_images: bool
    guidance: str
    guidance_en: str

    @property
    def is_ready(self) -> bool:
        return self.state is ResultState.READY


def is_in_force(slip: PortalSlip, now: datetime) -> bool:
    return slip.withdrawn_at is None and slip.expires_at > now


def patient_of(slip: PortalSlip) -> int | None:
    """The record that has the data of the person who got the slip, as merges stand now; none while that person is
    confidential: nothing of them is outside."""
    patient_id = survivor_of(slip.patient_id)
    return None if ConfidentialPatient.objects.filter(patient_id=patient_id).exists() else patient_id


def identity_of(patient: Patient) -> str:
    """A digest of who a record is: name, birth date, and which records were merged into it. Whoever has shown the birth
    date has shown that of this one: after a merge, its undoing or a correction it has to be shown anew."""
    merged = ",".join(map(str, records_of(patient.pk)))
    return hashlib.sha256(f"{patient.full_name}|{patient.birth_date}|{merged}".encode()).hexdigest()


def is_as_proven(visit: PortalVisit) -> bool:
    """Whether the visit's slip still opens the results of the person who has entered with it."""
    patient = Patient.objects.filter(pk=patient_of(visit.slip) or 0).first()
    return patient is not None and patient.pk == visit.patient_id and identity_of(patient) == visit.proven


def exams_of(slip: PortalSlip, patient_id: int) -> QuerySet[RequestedProcedure]:
    """The exams of ``patient_id`` that the slip is for, the newest first; of those whose they are is in doubt only what
    a person has released since: whoever did before has released it to somebody else."""
    exams = RequestedProcedure.objects.filter(patient_id=patient_id).exclude(exam_state=ExamState.CANCELLED)
    if doubtful := doubtful_exams(Patient.objects.get(pk=patient_id)):
        released = ResultDecision.objects.filter(decision=Decision.RELEASED, procedure__in=doubtful)
        decided = released.values_list("procedure_id", "decided_at")
        exams = exams.exclude(pk__in=doubtful.keys() - {key for key, at in decided if at > doubtful[key]})
    if slip.procedure_id is not None:
        exams = exams.filter(pk=slip.procedure_id)
    return exams.select_related("patient", "request__visit").order_by("-scheduled_at", "-pk")


def results_of_slip(slip: PortalSlip, now: datetime | None = None) -> list[Result]:
    """Everything that the slip opens now; nothing when it is over."""
    at = now or timezone.now()
    patient_id = patient_of(slip) if is_in_force(slip, at) else None
    return [] if patient_id is None else results_of(list(exams_of(slip, patient_id)[:MOST_EXAMS]), at)


def results_of(exams: Sequence[RequestedProcedure], now: datetime) -> list[Result]:
    """The exams in their order, each as it stands.

    :param exams: with request and visit
    """
    ids = [exam.pk for exam in exams]
    versions = _newest_versions(ids)
    facts = _facts(exams, versions)
    rules = list(ReleaseRule.objects.all())
    found = []
    for exam in exams:
        rule: Any = rule_among(rules, exam.service_code, exam.modality)
        when, delay = (rule.when, rule.delay_hours) if rule else (DEFAULT_WHEN, DEFAULT_DELAY_HOURS)
        state, opens_at = standing(facts[exam.pk], when, delay, now)
        version = versions.get(exam.pk)
        found.append(
            Result(
                exam,
                state,
                opens_at,
                version.pk if version and state is ResultState.READY else None,
                rule.with_images if rule else True,
                rule.guidance if rule else "",
                rule.guidance_en if rule else "",
            )
        )
    return found


def _newest_versions(exam_ids: Iterable[int]) -> dict[int, ReportVersion]:
    """Of each exam the newest approved version, recalled or not."""
    versions = ReportVersion.objects.filter(reading__procedure_id__in=exam_ids).order_by("approved_at", "number")
    wanted = versions.select_related("reading").only("number", "status", "approved_at", "reading__procedure_id")
    return {version.reading.procedure_id: version for version in wanted}


def _facts(exams: Sequence[RequestedProcedure], versions: dict[int, ReportVersion]) -> dict[int, Facts]:
    ids, newest = [exam.pk for exam in exams], [version.pk for version in versions.values()]
    recalled = set(ReportRecall.objects.filter(version_id__in=newest).values_list("version_id", flat=True))
    in_force = Signature.objects.filter(version_id__in=newest, state=SignatureState.SIGNED)
    signed = dict(in_force.values_list("version_id", "signed_at"))
    taken = Delivery.objects.filter(
        version_id__in=newest,
        kind=Delivery.Kind.RESULT,
        state=DeliveryState.ACKNOWLEDGED,
        acknowledged_at__isnull=False,
    )
    returned = dict(taken.values_list("version_id").annotate(first=Min("acknowledged_at")))
    critical = CriticalResult.objects.filter(procedure_id__in=ids, acknowledged_at__isnull=True)
    criticals = set(critical.values_list("procedure_id", flat=True))
    decisions = dict(ResultDecision.objects.filter(procedure_id__in=ids).values_list("procedure_id", "decision"))
    unpaid = _unpaid(exams)
    found = {}
    for exam in exams:
        version = versions.get(exam.pk)
        final = version if version is not None and version.status != VersionStatus.PRELIMINARY else None
        found[exam.pk] = Facts(
            performed=exam.images_arrived_at is not None or exam.exam_state != ExamState.ORDERED,
            approved_at=final.approved_at if final else None,
            recalled=version is not None and version.pk in recalled,
            signed_at=signed.get(final.pk) if final else None,
            returned_at=returned.get(final.pk) if final else None,
            unpaid=exam.pk in unpaid,
            open_critical=exam.pk in criticals,
            decision=decisions.get(exam.pk, ""),
        )
    return found


def _unpaid(exams: Sequence[RequestedProcedure]) -> set[int]:
    """Exams whose results are held back until they are paid for, or would be if they were approved now."""
    holds = ReturnHold.objects.filter(procedure__in=[exam.pk for exam in exams])
    open_holds = set(holds.filter(released_at__isnull=True).values_list("procedure_id", flat=True))
    let_go = set(holds.filter(released_by__isnull=False).values_list("procedure_id", flat=True))
    rules = payment_rules()
    blocked = {exam.pk for exam in exams if rules and blocking_rule(exam_facts_of(exam), rules) is not None}
    return open_holds | (blocked - let_go)
