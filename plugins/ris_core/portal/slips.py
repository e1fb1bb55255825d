"""Slips are made, renewed and withdrawn; what a patient sees of one exam is decided; rules are set.

One transaction each, with its audit event; who calls decides whether the actor may.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import NotFound, NotPermitted, TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.patients.survivors import records_of
from ris_core.portal.entering import asks_for_code
from ris_core.portal.errors import PortalInvalid
from ris_core.portal.models import PortalSlip, ReleaseRule, ResultDecision
from ris_core.portal.rules import LONGEST_GUIDANCE, MOST_DELAY_HOURS, Decision, ReleaseWhen, new_slip_code
from ris_core.portal.secrets import slip_digest
from ris_core.sharing.services import revoke_share
from ris_core.sight.models import ConfidentialPatient


@transaction.atomic
def make_slip(patient_id: int, exam_id: int | None, actor: Actor) -> tuple[PortalSlip, str]:
    """A new slip and its code: printed now, kept nowhere. The former one for the same opens nothing any more.

    :param exam_id: the one exam it is for; none: all of the patient's
    :raises NotFound: no such patient, or exam of theirs
    :raises PortalInvalid: field ``portal``: it is shut; ``patient``: merged into another, or confidential;
        ``birth_date``: it is not known, so that the code alone would open
    """
    if actor.user_id is None:
        raise NotPermitted("only people print slips", field="actor")
    patient = Patient.objects.select_for_update().filter(pk=patient_id).first()
    if patient is None:
        raise NotFound("there is no such patient", field="patient")
    if exam_id is not None and not RequestedProcedure.objects.filter(pk=exam_id, patient=patient).exists():
        raise NotFound("the patient has no such exam", field="exam")
    _check_may_have(patient)
    records = records_of(patient.pk)  # their slips open the same
    former = PortalSlip.objects.filter(patient__in=records, withdrawn_at__isnull=True, procedure_id=exam_id)
    if exam_id is not None:  # one printed when the exam was another record's
        former = PortalSlip.objects.filter(withdrawn_at__isnull=True, procedure_id=exam_id)
    renewed = [_withdraw(slip, actor) for slip in former.select_for_update()]
    now, code = timezone.now(), new_slip_code()
    slip = PortalSlip.objects.create(
        patient=patient,
        procedure_id=exam_id,
        digest=slip_digest(code),
        made_by_id=actor.user_id,
        made_at=now,
        expires_at=now + timedelta(days=settings.QUANG.portal.slip_days),
    )
    record(
        actor, "portal.slip_made", subject=f"portal_slip:{slip.pk}", patient_id=patient.pk, exam=exam_id,
        renewed=renewed, until=slip.expires_at.isoformat(),
    )  # fmt: skip
    announce("portal", slip.pk)
    return slip, code


@transaction.atomic
def withdraw_slip(slip_id: int, actor: Actor) -> PortalSlip:
    """It opens nothing any more; who is at the portal with it is out at once, images stop within seconds, and what was
    shared with it is revoked.

    :raises NotFound: no such slip
    :raises TransitionRefused: it is withdrawn already
    """
    slip = PortalSlip.objects.select_for_update(of=("self",)).filter(pk=slip_id).first()
    if slip is None:
        raise NotFound("there is no such slip", field="slip")
    if slip.withdrawn_at is not None:
        raise TransitionRefused("the slip is withdrawn already", field="slip")
    _withdraw(slip, actor)
    return slip


@transaction.atomic
def decide_result(exam_id: int, decision: Decision | None, reason: str, actor: Actor) -> None:
    """Hold an exam's result back from its patient, let it go at once, or (none) leave it to the rules again.

    :raises NotFound: no such exam
    :raises PortalInvalid: field ``reason``: none is given
    """
    said = " ".join(reason.split())
    if not 3 <= len(said) <= 255:
        raise PortalInvalid("say why, in 3 to 255 characters", field="reason")
    exam = RequestedProcedure.objects.select_for_update(of=("self",)).filter(pk=exam_id).first()
    if exam is None:
        raise NotFound("there is no such exam", field="exam")
    if actor.user_id is None:
        raise NotPermitted("only people decide this", field="actor")
    if decision is None:
        ResultDecision.objects.filter(procedure=exam).delete()
    else:
        ResultDecision.objects.update_or_create(
            procedure=exam,
            defaults={
                "decision": decision,
                "reason": said,
                "decided_by_id": actor.user_id,
                "decided_at": timezone.now(),
            },
        )
    action = {Decision.HELD: "portal.result_held", Decision.RELEASED: "portal.result_released", None: "portal.by_rule"}
    record(actor, action[decision], subject=f"exam:{exam.pk}", patient_id=exam.patient_id, reason=said)
    announce("exam", exam.pk)


@transaction.atomic
def save_release_rule(
    actor: Actor,
    *,
    service_code: str,
    modality: str,
    when: str,
    delay_hours: int,
    with_images: bool,
    guidance: str,
    guidance_en: str,
) -> ReleaseRule:
    """When patients see results of such exams; takes the place of the rule for the same.

    :raises PortalInvalid: ``field`` names what cannot be
    """
    if when not in set(ReleaseWhen):
        raise PortalInvalid("there is no such moment", field="when")
    if not 0 <= delay_hours <= MOST_DELAY_HOURS:
        raise PortalInvalid(f"a delay is 0 to {MOST_DELAY_HOURS} hours", field="delay_hours")
    for field, text in (("guidance", guidance), ("guidance_en", guidance_en)):
        if len(text) > LONGEST_GUIDANCE:
            raise PortalInvalid(f"guidance has at most {LONGEST_GUIDANCE} characters", field=field)
    rule, _made = ReleaseRule.objects.update_or_create(
        service_code=service_code.strip(),
        modality=modality.strip().upper(),
        defaults={
            "when": when,
            "delay_hours": delay_hours,
            "with_images": with_images,
            "guidance": guidance.strip(),
            "guidance_en": guidance_en.strip(),
        },
    )
    record(
        actor, "portal.rule_saved", subject=f"portal_rule:{rule.pk}", service_code=rule.service_code,
        modality=rule.modality, when=when, delay_hours=delay_hours, with_images=with_images,
    )  # fmt: skip
    return rule


@transaction.atomic
def remove_release_rule(rule_id: int, actor: Actor) -> None:
    """:raises NotFound: no such rule"""
    rule = ReleaseRule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NotFound("there is no such rule", field="rule")
    rule.delete()
    record(
        actor, "portal.rule_removed", subject=f"portal_rule:{rule_id}", service_code=rule.service_code,
        modality=rule.modality,
    )  # fmt: skip


def _check_may_have(patient: Patient) -> None:
    if not settings.QUANG.portal.enabled:
        raise PortalInvalid("the portal is shut: set portal.enabled", field="portal")
    if patient.merged_into_id is not None:
        raise PortalInvalid("the record was merged into another", field="patient")
    if ConfidentialPatient.objects.filter(patient=patient).exists():
        raise PortalInvalid("nothing of a confidential patient is shown outside", field="patient")
    if not patient.birth_date and not asks_for_code(patient):
        raise PortalInvalid("the birth date is not known: the code alone would open everything", field="birth_date")


def _withdraw(slip: PortalSlip, actor: Actor) -> int:
    slip.withdrawn_at, slip.withdrawn_by_id = timezone.now(), actor.user_id
    slip.save(update_fields=["withdrawn_at", "withdrawn_by"])
    for made in slip.shares.filter(share__revoked_at__isnull=True):
        revoke_share(made.share_id, actor)
    record(actor, "portal.slip_withdrawn", subject=f"portal_slip:{slip.pk}", patient_id=slip.patient_id)
    announce("portal", slip.pk)
    return slip.pk
