"""What a person does with a study in the queue beside linking it: weigh orders, rule one out, make an order for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.devices.models import Device
from ris_core.errors import IdentityConflict, NotFound, TransitionRefused
from ris_core.identifiers import PatientIdentifier, PlacerOrderNumber
from ris_core.matching.comparing import compare
from ris_core.matching.evidence import Candidate, ReceivedStudy, Verdict
from ris_core.matching.fields import compare_birth_dates, compare_sexes
from ris_core.matching.identity import identity_objection, must_be_justified
from ris_core.matching.models import RejectedCandidate
from ris_core.matching.names import compare_names
from ris_core.matching.oddities import Oddity, Surroundings, oddities
from ris_core.matching.reasons import Reason
from ris_core.matching.rules import decide
from ris_core.matching.services import policy_in_force
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.orders.records import RIS_SOURCE
from ris_core.orders.rules import OrderedStep, OrderRequest
from ris_core.orders.services import place_order
from ris_core.patients.models import PatientIdentifier as KnownIdentifier
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import find_patient
from ris_core.studies.candidates import consider, ordered_procedures, patients_with_id
from ris_core.studies.links import locked_study, received_of
from ris_core.studies.models import QUEUE_STATES, Study, StudyLink, StudyState
from ris_core.studies.received import header_from_json
from ris_core.studies.services import link_study

SHOWN_CANDIDATES = 6


@dataclass(frozen=True, slots=True)
class WeighedOrder:
    """An order beside a study, as a person sees it."""

    candidate: Candidate
    objection: Reason | None
    """Why nobody may link the two; none when a person may decide."""
    needs_reason: bool
    """Whether who links them must say why."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A study in the queue with everything that helps to decide."""

    received: ReceivedStudy
    orders: tuple[WeighedOrder, ...]
    odd: tuple[Oddity, ...]


def weigh(study: Study, procedure_ids: Collection[int] | None = None) -> Weighed:
    """The study against the orders of now, the likeliest first: those that the rules find, or the ones named."""
    policy = policy_in_force()
    received = received_of(study)
    owners = patients_with_id(received)
    if procedure_ids is None:
        considered = consider(received, policy, study)
        plain = {procedure.procedure_id: procedure for procedure in considered.procedures}
        candidates = decide(received, considered.procedures, owners, policy).candidates[:SHOWN_CANDIDATES]
    else:
        rows = RequestedProcedure.objects.select_related("request", "patient").filter(pk__in=procedure_ids)
        plain = {procedure.procedure_id: procedure for procedure in ordered_procedures(rows)}
        compared = [compare(received, procedure, policy) for procedure in plain.values()]
        candidates = tuple(sorted(compared, key=lambda candidate: -candidate.score))
    orders = []
    for candidate in candidates:
        objection = identity_objection(received, plain[candidate.procedure_id], owners)
        needs_reason = must_be_justified(candidate) or study.state == StudyState.CONFLICT
        orders.append(WeighedOrder(candidate, objection, needs_reason))
    orders.sort(key=lambda order: order.objection is not None)
    return Weighed(received, tuple(orders), _oddities(study, received))


def _oddities(study: Study, received: ReceivedStudy) -> tuple[Oddity, ...]:
    others = Study.objects.exclude(pk=study.pk).exclude(state=StudyState.REJECTED)
    same_number = others.none()
    if study.received_accession_number:
        same_number = others.filter(received_accession_number=study.received_accession_number)
    around = Surroundings(
        device_is_registered=Device.objects.filter(ae_title=study.remote_ae_title, active=True).exists(),
        same_uid_elsewhere=others.filter(study_instance_uid=study.study_instance_uid).exists(),
        accession_of_other_patient=same_number.exclude(received_patient_id=study.received_patient_id).exists(),
    )
    return oddities(received, header_from_json(study.as_received).text("00101010"), around)


@transaction.atomic
def reject_candidate(study_id: int, procedure_id: int, actor: Actor) -> RejectedCandidate:
    """The study is not of this order: it is not suggested again, and nothing links it by rule any more.

    Rejecting again changes nothing.

    :raises NotFound: no such study or order
    :raises TransitionRefused: the study is linked already
    """
    study = locked_study(study_id)
    if study.state not in QUEUE_STATES:
        raise TransitionRefused("the study does not wait any more", field="study")
    if not RequestedProcedure.objects.filter(pk=procedure_id).exists():
        raise NotFound("there is no such procedure", field="procedure")
    rejected, made = RejectedCandidate.objects.get_or_create(
        study=study,
        procedure_id=procedure_id,
        withdrawn_at__isnull=True,
        defaults={"rejected_at": timezone.now(), "rejected_by_id": actor.user_id},
    )
    if made:
        record(actor, "study.candidate_rejected", subject=f"study:{study.pk}", procedure=procedure_id)
        announce("study", study.pk)
    return rejected


@transaction.atomic
def withdraw_rejection(rejection_id: int, actor: Actor) -> None:
    """Undo of :func:`reject_candidate`; again changes nothing.

    :raises NotFound: no such rejection
    """
    rejected = RejectedCandidate.objects.select_for_update().filter(pk=rejection_id).first()
    if rejected is None:
        raise NotFound("there is no such rejection", field="rejection")
    if rejected.withdrawn_at is None:
        rejected.withdrawn_at = timezone.now()
        rejected.save(update_fields=["withdrawn_at"])
        record(
            actor, "study.candidate_considered_again", subject=f"study:{rejected.study_id}",
            procedure=rejected.procedure_id,
        )  # fmt: skip
        announce("study", rejected.study_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFromStudy:
    """What a person says of an exam that nobody has ordered: prefilled from the images."""

    patient_number: str
    full_name: str
    birth_date: str
    sex: str
    service_code: str
    service_name: str
    modality: str
    clinical_indication: str = ""


@transaction.atomic
def place_order_for_study(study_id: int, said: OrderFromStudy, actor: Actor) -> StudyLink:
    """Make the order that the images lack, and link them to it.

    The order's number is made from the study, so that doing it twice makes one order; another is made only after that
    has been cancelled. A patient who is known keeps
    name, birth date and sex: what was read off images corrects nobody.

    :raises IdentityConflict: the number is another person's or of several, or the images contradict what was said
    :raises InvalidValue: something is missing or cannot be sent to devices
    :raises TransitionRefused: the study does not wait any more
    """
    study = locked_study(study_id)
    if study.state not in QUEUE_STATES:
        raise TransitionRefused("the study does not wait any more", field="study")
    placed = place_order(
        OrderRequest(
            source=RIS_SOURCE,
            placer_order_number=_number_of_order_for(study),
            patient=_patient_of(said),
            service_code=said.service_code.strip(),
            service_name=said.service_name.strip(),
            modality=said.modality,
            scheduled_at=study.first_received_at,
            clinical_indication=said.clinical_indication.strip() or None,
            steps=(OrderedStep(station_ae_title=study.remote_ae_title[:16], modality=said.modality),),
        ),
        actor,
    )
    return link_study(study.pk, placed.procedure_id, actor=actor, reason="order made from the images")


def _number_of_order_for(study: Study) -> PlacerOrderNumber:
    """``RIS-ST7``; after this one was cancelled ``RIS-ST7-2``."""
    number = base = f"RIS-ST{study.pk}"
    cancelled = RequestedProcedure.objects.filter(source=RIS_SOURCE, exam_state=ExamState.CANCELLED)
    attempt = 1
    while cancelled.filter(placer_order_number=number).exists():
        attempt += 1
        number = f"{base}-{attempt}"
    return PlacerOrderNumber(number)


def _patient_of(said: OrderFromStudy) -> PatientDetails:
    """Whom ``said`` names: the patient who has the number, with what was not known of them; else a new one.

    :raises IdentityConflict: several patients have the number, or who has it is somebody else
    """
    full_name, number = said.full_name.strip(), said.patient_number.strip()
    family, _, given = full_name.partition(" ")
    rows = KnownIdentifier.objects.filter(value=number, retired_at__isnull=True).order_by("-is_primary", "pk")
    known = [PatientIdentifier(row.value, row.issuer, row.kind) for row in rows]
    holders = {patient.pk: patient for patient in map(find_patient, known) if patient is not None}
    if not holders:
        return PatientDetails(
            identifiers=(PatientIdentifier(number),),
            full_name=full_name,
            dicom_name=f"{family}^{given}".rstrip("^"),
            birth_date=said.birth_date or None,
            sex=said.sex or None,
        )
    if len(holders) > 1:
        raise IdentityConflict("several patients have this number; order for one of them by name", field="patient")
    (patient,) = holders.values()
    if (
        compare_names(full_name, patient.full_name).verdict is Verdict.DIFFERENT
        or compare_birth_dates(said.birth_date, patient.birth_date).verdict in (Verdict.CONTRADICTS, Verdict.DIFFERENT)
        or compare_sexes(said.sex, patient.sex).verdict is Verdict.CONTRADICTS
    ):
        raise IdentityConflict("the number is that of a patient with another name, birth date or sex", field="patient")
    return PatientDetails(
        identifiers=(known[0],),
        full_name=patient.full_name,
        dicom_name=patient.dicom_name,
        birth_date=said.birth_date or None,
        sex=patient.sex or said.sex or None,
    )
