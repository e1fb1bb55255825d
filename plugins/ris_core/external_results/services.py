"""Keep results that were made elsewhere with their exam. They never touch the exam's state or our own report."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import IdentityConflict
from ris_core.external_results.models import ExternalDocument, ExternalResult
from ris_core.external_results.rules import StatedResult
from ris_core.orders.errors import UnknownOrder
from ris_core.orders.finding import requests_numbered
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.services import identifiers_of


def record_result(stated: StatedResult, actor: Actor) -> ExternalResult:
    """Keep ``stated`` with its exam, in the caller's transaction; what the sender stated before stays as history.

    :raises UnknownOrder: when its order is not here, or several exams may be meant
    :raises IdentityConflict: when the order is another patient's
    """
    procedure = _procedure_of(stated)
    digest = stated.digest()
    in_force = (
        ExternalResult.objects.select_for_update()
        .filter(procedure=procedure, source=stated.source, result_number=stated.number, replaced_at__isnull=True)
        .first()
    )
    if in_force and in_force.digest == digest:
        return in_force
    now = timezone.now()
    if in_force:
        in_force.replaced_at = now
        in_force.save(update_fields=["replaced_at"])
    result = ExternalResult.objects.create(
        procedure=procedure,
        source=stated.source,
        result_number=stated.number,
        status=stated.status,
        observed_at=stated.observed_at,
        interpreter=stated.interpreter,
        text=stated.text,
        digest=digest,
        received_at=now,
    )
    for document in stated.documents:
        ExternalDocument.objects.create(
            result=result, title=document.title, media_type=document.media_type, content=document.content
        )
    announce("exam", procedure.pk)
    record(
        actor,
        "external_result.replaced" if in_force else "external_result.received",
        subject=f"procedure:{procedure.pk}",
        patient_id=procedure.patient_id,
        result=result.pk,
        status=stated.status,
    )
    return result


def _procedure_of(stated: StatedResult) -> RequestedProcedure:
    """The one exam that is meant, locked: by its numbers, and among its order's services by the code."""
    named = Q(pk__in=[])
    if stated.placer_order_number:
        named |= Q(placer_order_number=stated.placer_order_number)
    if stated.filler_order_number:
        named |= Q(filler_order_number=stated.filler_order_number)
    if stated.accession_number:
        named |= Q(request_id__in=requests_numbered(stated.accession_number))
    locked = RequestedProcedure.objects.select_for_update(of=("self",)).filter(named).order_by("pk")
    sent = {identifier.value for identifier in stated.patient_identifiers}
    found = list(locked)
    theirs = [
        procedure
        for procedure in found
        if not sent.isdisjoint(identifier.value for identifier in identifiers_of(procedure.patient_id))
    ]
    if found and not theirs:
        raise IdentityConflict("the order is another patient's than the result", field="patient_identifier")
    theirs = [procedure for procedure in theirs if procedure.service_code == stated.service_code] or theirs
    own = [procedure for procedure in theirs if procedure.source == stated.source] or theirs
    if len(own) != 1:
        raise UnknownOrder(
            "no order with these numbers is here" if not own else "several exams have these numbers; name the service",
            field="placer_order_number",
        )
    return own[0]
