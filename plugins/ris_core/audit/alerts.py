"""Odd use, found in the sealed chain by rules that are data, for a person to look at (P3, P16).

Each sealed event is looked at once, within a minute; an alert of a rule about somebody stays one alert, which grows,
until a person has said what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.models import AccessAlert, ActorKind, AlertKind, AlertProgress, AlertRule, AuditEvent
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.names import folded
from ris_core.patients.models import Patient

OPENING: Final = (
    "exam.opened", "exam.viewed", "exam.compared", "images.opened", "prior.opened", "patient.viewed",
    "patient.history_viewed", "report.viewed", "report.history_viewed", "study.viewed", "order.viewed",
    "external_result.viewed", "signed_report.viewed", "launch.opened", "result_link.opened", "key_image.viewed",
    "images.read", "share.opened", "share.viewed", "share.downloaded", "peer_review.opened", "report.previewed",
)  # fmt: skip
"""Actions by which somebody sees a patient's data."""
EVENTS_AT_ONCE: Final = 2_000
BATCHES_A_RUN: Final = 50

DEFAULTS: Final = (
    (AlertKind.MANY_PATIENTS, 80, 60),
    (AlertKind.AT_NIGHT, 40, 60),
    (AlertKind.FAILED_LOGINS, 10, 15),
    (AlertKind.REFUSALS, 20, 60),
    (AlertKind.OWN_NAME, 1, 60),
    (AlertKind.WATCHED_PATIENT, 1, 60),
)
"""Rules of a new site: kind, threshold, minutes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule is met."""

    actor: str
    began_at: datetime
    last: AuditEvent
    count: int


def rules() -> QuerySet[AlertRule]:
    """All rules; those of a new site are made at the first look."""
    if not AlertRule.objects.exists():
        AlertRule.objects.bulk_create(
            AlertRule(kind=kind, threshold=threshold, minutes=minutes) for kind, threshold, minutes in DEFAULTS
        )
    return AlertRule.objects.order_by("pk")


def watch_events() -> int:
    """Look at what was sealed since the last time; returns how many events that were."""
    seen = 0
    for _ in range(BATCHES_A_RUN):
        looked = _watch_batch()
        seen += looked
        if looked < EVENTS_AT_ONCE:
            break
    return seen


def run_watch_audit(_subject_id: str) -> None:
    """The periodic job ``watch_audit``."""
    watch_events()


def open_alerts() -> QuerySet[AccessAlert]:
    """What nobody has looked at yet, the newest first."""
    return AccessAlert.objects.filter(settled_at__isnull=True).select_related("rule").order_by("-at", "-pk")


@transaction.atomic
def settle_alert(alert_id: int, reason: str, actor: Actor) -> None:
    """Somebody has looked and says what it was.

    :raises InvalidValue: no reason
    :raises NotFound: there is no such alert
    :raises TransitionRefused: it is settled already
    """
    if not reason.strip():
        raise InvalidValue("say what it was", field="reason")
    alert = AccessAlert.objects.select_for_update().filter(pk=alert_id).first()
    if alert is None:
        raise NotFound("there is no such alert", field="alert")
    if alert.settled_at is not None:
        raise TransitionRefused("somebody has settled it already", field="alert")
    alert.settled_at, alert.settled_by_id = timezone.now(), actor.user_id
    alert.settled_reason = reason.strip()[:255]
    alert.save()
    record(actor, "audit.alert_settled", subject=f"access_alert:{alert.pk}", reason=alert.settled_reason)


@transaction.atomic
def save_rule(rule_id: int, actor: Actor, *, threshold: int, minutes: int, active: bool, patients: list[int]) -> None:
    """Change a rule; what it has found stays.

    :raises NotFound: there is no such rule
    """
    rule = AlertRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None:
        raise NotFound("there is no such rule", field="rule")
    rule.threshold, rule.minutes, rule.active, rule.patients = threshold, minutes, active, sorted(set(patients))
    rule.save()
    record(
        actor, "audit.rule_saved", subject=f"alert_rule:{rule.pk}", kind=rule.kind,
        threshold=threshold, minutes=minutes, active=active, patients=rule.patients,
    )  # fmt: skip


@transaction.atomic
def _watch_batch() -> int:
    progress, _made = AlertProgress.objects.select_for_update().get_or_create(pk=1)
    fresh = AuditEvent.objects.filter(sequence__gt=progress.sequence).select_related("user").order_by("sequence")
    events = list(fresh[:EVENTS_AT_ONCE])
    if events:
        for rule in rules().filter(active=True):
            for finding in _FINDERS[AlertKind(rule.kind)](rule, events):
                _raise(rule, finding)
        progress.sequence = events[-1].sequence or 0
        progress.save()
    return len(events)


def _raise(rule: AlertRule, finding: Finding) -> None:
    """A new alert, or the open one grown; one that was settled is raised anew only by what came later."""
    last_event = finding.last.sequence or 0
    settled = AccessAlert.objects.filter(rule=rule, actor=finding.actor, settled_at__gte=finding.began_at)
    if settled.exists():
        return
    values = {"at": finding.last.at, "count": finding.count, "last_event": last_event}
    AccessAlert.objects.update_or_create(
        rule=rule,
        actor=finding.actor[:128],
        settled_at=None,
        defaults=values,
        create_defaults={**values, "began_at": finding.began_at},
    )


def _many_patients(rule: AlertRule, events: list[AuditEvent]) -> Iterator[Finding]:
    for last in _latest_by_actor(event for event in events if _opens(rule, event)):
        since = last.at - timedelta(minutes=rule.minutes)
        yield from _if_enough(rule, last, since, _patients_opened(last.actor, since, last.at))


def _at_night(rule: AlertRule, events: list[AuditEvent]) -> Iterator[Finding]:
    opened = (event for event in events if _opens(rule, event) and night_of(rule, event.at) is not None)
    for last in _latest_by_actor(opened):
        since = night_of(rule, last.at)
        assert since is not None  # noqa: S101 - filtered above
        yield from _if_enough(rule, last, since, _patients_opened(last.actor, since, last.at))


def _failed_logins(rule: AlertRule, events: list[AuditEvent]) -> Iterator[Finding]:
    failed = [event for event in events if event.action in ("user.login_failed", "user.locked_out")]
    for field in ("actor", "address"):
        named = [event for event in failed if getattr(event, field)]
        latest = {(getattr(event, field), event.at.replace(second=0, microsecond=0)): event for event in named}
        for (who, _minute), last in latest.items():
            since = last.at - timedelta(minutes=rule.minutes)
            found = AuditEvent.objects.filter(**{field: who}, action="user.login_failed", at__range=(since, last.at))
            yield from _if_enough(rule, last, since, found.count(), who)


def _refusals(rule: AlertRule, events: list[AuditEvent]) -> Iterator[Finding]:
    for last in _latest_by_actor(event for event in events if event.action == "request.refused"):
        since = last.at - timedelta(minutes=rule.minutes)
        found = AuditEvent.objects.filter(actor=last.actor, action="request.refused", at__range=(since, last.at))
        yield from _if_enough(rule, last, since, found.count())


def _own_name(rule: AlertRule, events: list[AuditEvent]) -> Iterator[Finding]:
    opened = [event for event in events if _opens(rule, event)]
    names = dict(Patient.objects.filter(pk__in={event.patient_id for event in opened}).values_list("pk", "full_name"))
    for last in _latest_by_actor(
        event for event in opened if folded(names[event.patient_id or 0]) == folded(_name_of(event.user))
    ):
        yield Finding(last.actor, last.at, last, 1)


def _watched_patient(rule: AlertRule, events: list[AuditEvent]) -> Iterator[Finding]:
    watched = set(rule.patients)
    for last in _latest_by_actor(event for event in events if event.patient_id in watched and event.action in OPENING):
        yield Finding(last.actor, last.at, last, 1)


_FINDERS = {
    AlertKind.MANY_PATIENTS: _many_patients,
    AlertKind.FAILED_LOGINS: _failed_logins,
    AlertKind.REFUSALS: _refusals,
    AlertKind.AT_NIGHT: _at_night,
    AlertKind.OWN_NAME: _own_name,
    AlertKind.WATCHED_PATIENT: _watched_patient,
}


def night_of(rule: AlertRule, at: datetime) -> datetime | None:
    """When the night began that ``at`` lies in; none by day. A night that begins before midnight ends after it."""
    local = at.astimezone(ZoneInfo(settings.QUANG.site.time_zone))
    first, last = rule.first_hour, rule.last_hour
    begins = local.replace(hour=first, minute=0, second=0, microsecond=0)
    if first > last:
        if local.hour >= first:
            return begins
        return begins - timedelta(days=1) if local.hour < last else None
    return begins if first <= local.hour < last else None


def _if_enough(
    rule: AlertRule, last: AuditEvent, since: datetime, count: int, who: str | None = None
) -> Iterator[Finding]:
    if count >= rule.threshold:
        yield Finding(who or last.actor, since, last, count)


def _opens(rule: AlertRule, event: AuditEvent) -> bool:
    roles = rule.roles.split()
    of_somebody = event.kind == ActorKind.USER and event.patient_id is not None
    return of_somebody and event.action in OPENING and (not roles or event.role in roles)


def _patients_opened(actor: str, since: datetime, until: datetime) -> int:
    events = AuditEvent.objects.filter(actor=actor, at__range=(since, until), action__in=OPENING)
    return events.filter(patient__isnull=False).values("patient").distinct().count()


def _latest_by_actor(events: Iterable[AuditEvent]) -> Iterator[AuditEvent]:
    """Each actor's last in each minute: a batch may be of hours when nobody has looked for hours."""
    yield from {(event.actor, event.at.replace(second=0, microsecond=0)): event for event in events}.values()


def _name_of(user: User | None) -> str:
    return user.full_name if user else ""
