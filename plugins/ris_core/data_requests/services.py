"""Record what a patient asks about their data, decide, and say what was done (law 91/2025/QH15; P16)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.data_requests.models import AskedBy, DataRequest, Decision, KeptBy, Proof, RequestKind
from ris_core.data_requests.rules import due, kept_until
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.patients.survivors import records_of, survivor_of
from ris_core.settings import Settings
from ris_core.studies.models import Study
from ris_core.teaching.services import erase_cases_of

LONGEST_NAME, LONGEST_TEXT, LONGEST_REASON = 255, 2000, 1000
OLDEST_DAYS = 366
"""A request is recorded at most so long after it was received."""


def today() -> date:
    """At the site."""
    settings: Settings = django_settings.QUANG
    return timezone.now().astimezone(ZoneInfo(settings.site.time_zone)).date()


@transaction.atomic
def record_request(
    patient_id: int, kind: str, actor: Actor, *, asker: str, asked_by: str, proof: str, wanted: str, received_on: date
) -> DataRequest:
    """Somebody has asked; the last day for the answer follows from what is asked.

    :raises InvalidValue: a field says nothing, too much, or a day that cannot be
    :raises NotFound: there is no such patient
    """
    if not Patient.objects.filter(pk=patient_id).exists():
        raise NotFound("there is no such patient", field="patient")
    _one_of(RequestKind, kind, "kind")
    _one_of(AskedBy, asked_by, "asked_by")
    _one_of(Proof, proof, "proof")
    if not today() - timedelta(days=OLDEST_DAYS) <= received_on <= today():
        raise InvalidValue("the day of receipt lies ahead, or more than a year back", field="received_on")
    request = DataRequest.objects.create(
        patient_id=patient_id,
        kind=kind,
        asker=_text(asker, LONGEST_NAME, "asker"),
        asked_by=asked_by,
        proof=proof,
        wanted=_text(wanted, LONGEST_TEXT, "wanted"),
        received_on=received_on,
        due_on=due(received_on, days_for(RequestKind(kind))),
        recorded_at=timezone.now(),
        recorded_by_id=_user(actor),
    )
    _note(request, "data_request.registered", actor)
    return request


@transaction.atomic
def decide(request_id: int, actor: Actor, *, decision: str, kept_by: str, reason: str) -> DataRequest:
    """What the hospital answers; may be decided anew until who asked was told.

    :raises InvalidValue: a refusal, whole or in part, without its rule or reason; everything of a patient would be
        erased whose records must still be kept
    :raises NotFound: there is no such request
    :raises TransitionRefused: it was answered
    """
    request = _open(request_id)
    _one_of(Decision, decision, "decision")
    if decision == Decision.GRANTED:
        kept_by = ""
        until = records_kept_until(request.patient_id)
        if request.kind == RequestKind.ERASURE and until is not None and until >= today():
            raise InvalidValue(
                f"the medical records must be kept until {until:%d/%m/%Y}: grant in part, or refuse", field="decision"
            )
        reason = reason.replace("\0", " ").strip()[:LONGEST_REASON]
    else:
        _one_of(KeptBy, kept_by, "kept_by")
        reason = _text(reason, LONGEST_REASON, "reason")
    request.decision, request.kept_by, request.reason = decision, kept_by, reason
    request.decided_at, request.decided_by_id = timezone.now(), _user(actor)
    request.save()
    _note(request, "data_request.decided", actor, decision=decision, kept_by=kept_by)
    return request


@transaction.atomic
def answer(request_id: int, actor: Actor, *, done: str, answered_on: date) -> DataRequest:
    """What was decided has been done, and who asked was told. Where something was to be erased the patient's teaching
    cases go with this: no term keeps them.

    :raises InvalidValue: it does not say what was done; the day lies ahead, or before the receipt
    :raises NotFound: there is no such request
    :raises TransitionRefused: it was answered, or nothing was decided yet
    """
    request = _open(request_id)
    if not request.decision:
        raise TransitionRefused("decide first", field="decision")
    if not request.received_on <= answered_on <= today():
        raise InvalidValue("the day lies ahead, or before the day of receipt", field="answered_on")
    request.done = _text(done, LONGEST_TEXT, "done")
    request.answered_on, request.answered_by_id = answered_on, _user(actor)
    request.save()
    erased = {"teaching_cases": erase_cases_of(request.patient_id, actor)} if erases(request) else {}
    _note(request, "data_request.answered", actor, in_time=answered_on <= request.due_on, **erased)
    return request


def erases(request: DataRequest) -> bool:
    """Whether something is erased once it is answered."""
    return request.kind == RequestKind.ERASURE and request.decision in (Decision.GRANTED, Decision.PARTLY)


def overdue_count() -> int:
    """How many wait beyond their day."""
    return DataRequest.objects.filter(answered_on=None, due_on__lt=today()).count()


def days_for(kind: RequestKind) -> int:
    """Within how many days a request of this kind is answered."""
    settings: Settings = django_settings.QUANG
    return int(getattr(settings.data_requests, f"{kind.lower()}_days"))


def records_kept_until(patient_id: int) -> date | None:
    """Until when the records of a patient, merged ones too, must stay; none when there are no exams and no images."""
    keys = records_of(survivor_of(patient_id))
    exams = RequestedProcedure.objects.filter(patient_id__in=keys).aggregate(
        planned=Max("scheduled_at"), ordered=Max("request__ordered_at")
    )
    arrived = Study.objects.filter(patient_id__in=keys).aggregate(arrived=Max("last_received_at"))
    moments = [moment for moment in (*exams.values(), *arrived.values()) if moment is not None]
    settings: Settings = django_settings.QUANG
    if not moments:
        return None
    latest = max(moments).astimezone(ZoneInfo(settings.site.time_zone)).date()
    return kept_until(latest, settings.data_requests.records_years)


def _open(request_id: int) -> DataRequest:
    request = DataRequest.objects.select_for_update().filter(pk=request_id).first()
    if request is None:
        raise NotFound("there is no such request", field="request")
    if request.answered_on is not None:
        raise TransitionRefused("it was answered already", field="request")
    return request


def _note(request: DataRequest, action: str, actor: Actor, **details: Any) -> None:
    subject = f"data_request:{request.pk}"
    record(actor, action, subject=subject, patient_id=request.patient_id, kind=request.kind, **details)


def _user(actor: Actor) -> int:
    if actor.user_id is None:
        raise InvalidValue("only a person records what patients ask", field="actor")
    return actor.user_id


def _text(text: str, longest: int, field: str) -> str:
    stripped = text.replace("\0", " ").strip()
    if not stripped or len(stripped) > longest:
        raise InvalidValue(f"between 1 and {longest} characters", field=field)
    return stripped


def _one_of(kinds: type[RequestKind | AskedBy | Proof | Decision | KeptBy], value: str, field: str) -> None:
    if value not in kinds.values:
        raise InvalidValue("choose one", field=field)
