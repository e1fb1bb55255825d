"""Visits as the HIS tells of them (ADT), and a visit that was another patient's."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.errors import IdentityConflict, InvalidValue, NotFound
from ris_core.orders.models import Visit, VisitState
from ris_core.orders.records import record_visit, refresh_worklist_of_patient
from ris_core.orders.rules import VisitDetails
from ris_core.patients.belongings import move, take_out, with_what_hangs_on
from ris_core.patients.consequences import records_changed
from ris_core.patients.errors import UnknownPatient
from ris_core.patients.merging import locked_survivor
from ris_core.patients.models import Patient
from ris_core.patients.services import identifiers_of
from ris_core.patients.survivors import merges_into
from ris_core.sight.services import carry_confidential


def note_visit(
    details: VisitDetails,
    patient: Patient,
    actor: Actor,
    *,
    state: VisitState | None = None,
    at: datetime | None = None,
    must_be_known: bool = False,
) -> Visit:
    """A visit has come to ``state`` (none: what it is stays), in the caller's transaction; devices learn of the ward.

    :raises UnknownPatient: ``must_be_known`` and it is not: there is nothing to cancel
    :raises IdentityConflict: the visit number is that of another patient's visit
    """
    before = Visit.objects.filter(visit_number=details.visit_number, issuer=details.issuer).first()
    if before is None and must_be_known:
        raise UnknownPatient("no visit with this number is here", field="visit_number")
    visit = record_visit(details, patient)
    changes = _state_changes(before, state, at)
    if changes:
        Visit.objects.filter(pk=visit.pk).update(**changes)
        record(
            actor,
            "visit.changed",
            subject=f"visit:{visit.pk}",
            patient_id=patient.pk,
            before=before.state if before else "",
            state=changes.get("state", before.state if before else ""),
        )
    if before is not None and before.ward != visit.ward:
        refresh_worklist_of_patient(patient, identifiers_of(patient.pk))
    return visit


def _state_changes(before: Visit | None, state: VisitState | None, at: datetime | None) -> dict[str, object]:
    wanted: dict[str, object] = {}
    if state is not None:
        wanted["state"] = state
        if state in (VisitState.ADMITTED, VisitState.REGISTERED):
            wanted["discharged_at"] = None
            if at is not None:
                wanted["admitted_at"] = at
        elif state == VisitState.DISCHARGED and at is not None:
            wanted["discharged_at"] = at
    return {name: value for name, value in wanted.items() if getattr(before or Visit(), name) != value}


@transaction.atomic
def move_visit(visit_id: int, receiver_id: int, actor: Actor, *, reason: str = "") -> Visit:
    """A visit was registered for the wrong patient: it goes to the right one, with its orders, exams, reports and
    images. What leaves a confidential record stays hidden (``sight``). The same again changes nothing.

    :raises NotFound: no such visit or patient
    :raises IdentityConflict: images of the visit are linked to exams of another visit too
    """
    visit = Visit.objects.filter(pk=visit_id).first()
    if visit is None:
        raise NotFound("there is no such visit", field="visit")
    expected_id = visit.patient_id
    receiver_id = locked_survivor(expected_id, receiver_id)
    visit.refresh_from_db()
    giver_id = visit.patient_id
    if giver_id == receiver_id:
        return visit
    if giver_id != expected_id:
        raise InvalidValue("the visit has just been moved; look again", field="visit")
    moved = move(with_what_hangs_on({"visits": [visit.pk]}), giver_id, receiver_id)
    for merge in merges_into(giver_id):
        take_out(merge, moved)
    visit.patient_id = receiver_id
    record(
        actor,
        "visit.moved",
        subject=f"visit:{visit.pk}",
        patient_id=receiver_id,
        came_from=giver_id,
        moved=moved,
        reason=reason.strip()[:255],
    )
    record(actor, "visit.given_away", subject=f"visit:{visit.pk}", patient_id=giver_id, went_to=receiver_id)
    records_changed("visit.moved", (giver_id, receiver_id), visit=visit.pk)
    carry_confidential(giver_id, receiver_id, actor)
    return visit


def renumber_visit(visit_id: int, visit_number: str, issuer: str, actor: Actor) -> None:
    """The visit has another number from now on, in the caller's transaction; the same number changes nothing.

    :raises IdentityConflict: another visit has the number
    """
    visit = Visit.objects.select_for_update().get(pk=visit_id)
    if (visit.visit_number, visit.issuer) == (visit_number, issuer):
        return
    if Visit.objects.filter(visit_number=visit_number, issuer=issuer).exists():
        raise IdentityConflict("another visit has the new number; send the visit's own", field="visit_number")
    before = [visit.visit_number, visit.issuer]
    Visit.objects.filter(pk=visit_id).update(visit_number=visit_number, issuer=issuer)
    record(actor, "visit.renumbered", subject=f"visit:{visit_id}", patient_id=visit.patient_id, before=before)
