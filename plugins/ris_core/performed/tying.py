"""Finds the ordered work that a performed step is about, and ties the two: in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from ris_core.orders.finding import lock_procedures
from ris_core.orders.models import (
    FormerNumber,
    OrderLink,
    RequestedProcedure,
    ScheduledProcedureStep,
    StepStatus,
)
from ris_core.performed import attributes as read
from ris_core.performed.models import PerformedFor, PerformedProcedureStep
from ris_core.performed.rules import Oddity, OrderedWork, ScheduledReference, Tie, tie
from ris_core.studies.candidates import ordered_procedure


def tie_to_orders(performed: PerformedProcedureStep) -> tuple[list[RequestedProcedure], list[Oddity]]:
    """Tie a performed step to every procedure that it means (the group case has several), each locked; what it names
    and is not tied to is an oddity."""
    patient_id = read.text(performed.attributes, read.PATIENT_ID)
    ties = [
        tie(reference, patient_id, _works(reference, performed)) for reference in read.references(performed.attributes)
    ]
    ties = [_absorbing(found, performed) for found in ties]
    procedures = locked_procedures({found.procedure_id for found in ties if found.procedure_id})
    odd = {found.objection for found in ties if found.objection}
    for found in ties:
        if found.procedure_id:
            _keep(performed, found)
    return procedures, sorted(odd)


def _absorbing(found: Tie, performed: PerformedProcedureStep) -> Tie:
    """Work on an order that has since been linked to another one is work on the one that has the steps now."""
    link = (
        OrderLink.objects.filter(absorbed_id=found.procedure_id, undone_at__isnull=True)
        .select_related("procedure")
        .first()
    )
    if link is None:
        return found
    return Tie(link.procedure_id, tuple(step.pk for step in _steps_done_by(link.procedure, performed)))


def tie_unscheduled(study_instance_uid: str, procedure: RequestedProcedure) -> None:
    """Tie to ``procedure`` (locked) what devices reported under a StudyInstanceUID whose images belong to it now, and
    which was tied to nothing."""
    untied = PerformedProcedureStep.objects.filter(study_instance_uid=study_instance_uid, performed_for__isnull=True)
    for performed in untied.order_by("pk"):
        if Oddity.UNSCHEDULED in performed.warnings:
            PerformedFor.objects.get_or_create(performed=performed, procedure=procedure, step=None)


def locked_procedures(keys: Iterable[int]) -> list[RequestedProcedure]:
    """With their requests and patients, in the order in which everybody locks them."""
    # locked first and read then: one that a merge, waited for, has given another patient would be found by no join
    wanted = list(keys)
    lock_procedures(wanted)
    found = RequestedProcedure.objects.select_related("request", "patient").filter(pk__in=wanted)
    return list(found.order_by("pk"))


def _works(reference: ScheduledReference, performed: PerformedProcedureStep) -> list[OrderedWork]:
    # each identifier by its own index: one OR across the joins would read every exam there is
    every = RequestedProcedure.objects
    named = [every.filter(study_instance_uid=reference.study_instance_uid)]
    if reference.accession_number:
        named.append(every.filter(request__accession_number=reference.accession_number))
        named.append(every.filter(request__sent_accession_number=reference.accession_number))
        former = FormerNumber.objects.filter(kind=FormerNumber.Kind.ACCESSION, value=reference.accession_number)
        named.append(every.filter(request__in=former.values("request")))
    if reference.scheduled_procedure_step_id:
        named.append(every.filter(steps__scheduled_procedure_step_id=reference.scheduled_procedure_step_id))
    keys = {key for found in named for key in found.values_list("pk", flat=True)}
    rows = every.select_related("request", "patient").filter(pk__in=keys).order_by("pk")
    return [_work(row, performed) for row in rows]


def _work(procedure: RequestedProcedure, performed: PerformedProcedureStep) -> OrderedWork:
    known = ordered_procedure(procedure)
    return OrderedWork(
        procedure_id=procedure.pk,
        study_instance_uid=procedure.study_instance_uid,
        accession_numbers=frozenset(known.accession_numbers),
        requested_procedure_id=procedure.requested_procedure_id,
        patient_ids=frozenset(value for value, _ in known.patient_identifiers),
        steps={step.scheduled_procedure_step_id: step.pk for step in procedure.steps.all()},
        steps_of_modality=tuple(step.pk for step in _steps_done_by(procedure, performed)),
    )


def _steps_done_by(procedure: RequestedProcedure, performed: PerformedProcedureStep) -> list[ScheduledProcedureStep]:
    """Which steps a device does that does not say which: those of its modality, else all; those that were withdrawn
    only when there are no others."""
    every = list(procedure.steps.order_by("pk"))
    planned = [step for step in every if step.status != StepStatus.CANCELLED] or every
    return [step for step in planned if step.modality == performed.modality] or planned


def _keep(performed: PerformedProcedureStep, found: Tie) -> None:
    for step_id in found.step_ids or (None,):
        PerformedFor.objects.get_or_create(performed=performed, procedure_id=found.procedure_id, step_id=step_id)


def steps_of(performed: PerformedProcedureStep) -> list[ScheduledProcedureStep]:
    """The scheduled steps that it fulfils, locked."""
    steps = ScheduledProcedureStep.objects.select_for_update(of=("self",)).select_related("procedure__request__visit")
    fulfilled = PerformedFor.objects.filter(performed=performed, step__isnull=False).values("step_id")
    return list(steps.filter(pk__in=fulfilled).order_by("pk"))
