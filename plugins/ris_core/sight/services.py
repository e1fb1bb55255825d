"""Say what a user sees, which patients are confidential, and open one in an emergency (P13, P17).

One transaction each, with its audit event. Who calls decides whether the actor may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.notices.services import notify
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.patients.survivors import records_of, survivor_of
from ris_core.sharing.following import patients_changed
from ris_core.sight.models import ConfidentialPatient, SightGrant, SightLimit

MOST_VALUES = 200
LONGEST_VALUE = 255
LONGEST_GRANT_DAYS = 365
MOST_BEARERS = 20
"""Records looked at that have one number."""
LIMITS = ("departments", "modalities", "rooms", "physicians")


@transaction.atomic
def limit_sight(user_id: int, limits: Mapping[str, Iterable[str]], actor: Actor) -> SightLimit | None:
    """What a user sees from now on; without any value everything.

    :param limits: values by :data:`LIMITS`
    :raises InvalidValue: a value is too long, or there are too many
    :raises NotFound: there is no such account
    """
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound("there is no such account", field="user")
    wanted = checked_limits(limits)
    limit = None
    if any(wanted.values()):
        limit, _ = SightLimit.objects.update_or_create(user=user, defaults=wanted)
    else:
        SightLimit.objects.filter(user=user).delete()
    record(actor, "sight.limited", subject=f"user:{user.pk}", limited=limit is not None, limits=wanted)
    return limit


def checked_limits(limits: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Every one of :data:`LIMITS`, with its values as they are kept.

    :raises InvalidValue: a value is too long, or there are too many
    """
    return {name: _values(name, limits.get(name, ())) for name in LIMITS}


@transaction.atomic
def grant_order(
    user_id: int, accession_number: str, until: datetime, reason: str, actor: Actor, *, service_code: str = ""
) -> list[SightGrant]:
    """Let a user see an order's exams besides, until a time: all of them, or those of one service.

    :raises InvalidValue: ``field`` names what is missing: ``accession_number``, ``until`` or ``reason``
    """
    now = timezone.now()
    exams = RequestedProcedure.objects.filter(request__accession_number=accession_number.strip()).order_by("pk")
    if service_code.strip():
        exams = exams.filter(service_code=service_code.strip())
    if not exams:
        raise InvalidValue("there is no exam with this number", field="accession_number")
    if not now < until <= now + timedelta(days=LONGEST_GRANT_DAYS):
        raise InvalidValue(f"a grant ends within {LONGEST_GRANT_DAYS} days", field="until")
    if not User.objects.filter(pk=user_id).exists():
        raise NotFound("there is no such account", field="user")
    said, grants = _reason(reason), []
    for exam in exams:
        given = {"reason": said, "given_by_id": actor.user_id, "given_at": now, "until": until}
        grants.append(SightGrant.objects.create(user_id=user_id, procedure=exam, whose_id=exam.patient_id, **given))
        record(actor, "sight.granted", subject=f"exam:{exam.pk}", patient_id=exam.patient_id, user=user_id)
    return grants


@transaction.atomic
def end_grant(grant_id: int, actor: Actor) -> SightGrant:
    """The grant is over now.

    :raises NotFound: there is none in force
    """
    now = timezone.now()
    grant = SightGrant.objects.select_for_update().filter(pk=grant_id, until__gt=now).first()
    if grant is None:
        raise NotFound("there is no such grant in force", field="grant")
    grant.until = now
    grant.save(update_fields=["until"])
    record(actor, "sight.ended", subject=f"user:{grant.user_id}", grant=grant.pk)
    return grant


@transaction.atomic
def set_confidential(patient_id: int, confidential: bool, actor: Actor) -> None:
    """Mark a patient as confidential, or no longer; with every record that was merged into this one, which leads here.

    :raises NotFound: there is no such patient
    """
    if not Patient.objects.filter(pk=patient_id).exists():
        raise NotFound("there is no such patient", field="patient")
    action = "patient.made_confidential" if confidential else "patient.made_ordinary"
    records = records_of(patient_id)
    for key in records:
        if confidential:
            _row, changed = ConfidentialPatient.objects.get_or_create(
                patient_id=key, defaults={"marked_by_id": actor.user_id}
            )
        else:
            changed = bool(ConfidentialPatient.objects.filter(patient_id=key).delete()[0])
        if changed:
            record(actor, action, subject=f"patient:{key}", patient_id=key)
    patients_changed(records)


def keep_confidential(merged_id: int, survivor_id: int, actor: Actor) -> None:
    """Of two records that are one person now, one confidential makes both so; in the caller's transaction.

    Undoing the merge leaves both so: who no longer need be is for a person to say.
    """
    if ConfidentialPatient.objects.filter(patient_id__in=(merged_id, survivor_id)).exists():
        set_confidential(survivor_id, True, actor)


def carry_confidential(giver_id: int, receiver_id: int, actor: Actor) -> bool:
    """What went from a confidential record to another is hidden there too: that record is confidential from now on,
    and whoever works with it is told; in the caller's transaction. Whether this was so.

    Whether only what moved should be, and who was meant, is for a person to say.
    """
    marks = ConfidentialPatient.objects
    if not marks.filter(patient_id=giver_id).exists() or marks.filter(patient_id=receiver_id).exists():
        return False
    set_confidential(receiver_id, True, actor)
    notify("patient.now_confidential", patient_id=receiver_id, came_from=giver_id)
    return True


def open_in_emergency(number: str, reason: str, actor: Actor) -> SightGrant:
    """Break the glass: the actor sees the patient with this number, every exam of theirs, for
    ``access.emergency_minutes``.

    :param number: an accession number or a patient's identifier, whole
    :raises InvalidValue: field ``reason``: too short to say anything; field ``number``: nobody has it, which is
        written down too
    """
    said, wanted = _reason(reason), number.strip()
    if actor.user_id is None:
        raise NotFound("only people open anything in an emergency", field="user")
    patient_id = _patient_with(wanted) if wanted else None
    if patient_id is None:
        record(actor, "emergency.not_found", subject=f"user:{actor.user_id}", success=False)
        raise InvalidValue("nobody has this number", field="number")
    now = timezone.now()
    with transaction.atomic():
        grant = SightGrant.objects.create(
            user_id=actor.user_id,
            patient_id=patient_id,
            reason=said,
            given_by_id=actor.user_id,
            given_at=now,
            until=now + timedelta(minutes=settings.QUANG.access.emergency_minutes),
        )
        record(actor, "emergency.opened", subject=f"patient:{patient_id}", patient_id=patient_id, reason=said)
    return grant


def _patient_with(number: str) -> int | None:
    exam = ImagingServiceRequest.objects.filter(accession_number=number).values_list("patient_id", flat=True).first()
    if exam is not None:
        return exam
    bearers = PatientIdentifier.objects.filter(value=number).values_list("patient_id", flat=True).distinct()
    found = {survivor_of(patient_id) for patient_id in bearers[:MOST_BEARERS]}
    return found.pop() if len(found) == 1 else None


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not 10 <= len(reason) <= 255:
        raise InvalidValue("say why, in 10 to 255 characters", field="reason")
    return reason


def _values(name: str, values: Iterable[str]) -> list[str]:
    found = sorted({text for value in values if (text := " ".join(value.split()))})
    if len(found) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in found):
        raise InvalidValue(f"at most {MOST_VALUES} values of {LONGEST_VALUE} characters", field=name)
    return found
