"""Odd use is found by rules and told once, until somebody has looked (P3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.alerts import night_of, open_alerts, rules, save_rule, settle_alert, watch_events
from ris_core.audit.models import AccessAlert, AlertKind, AlertRule, AuditEvent
from ris_core.audit.sealing import seal_events
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, TransitionRefused
from ris_testing.exams import an_exam

pytestmark = pytest.mark.django_db
ADMIN = Actor("admin")


@pytest.fixture
def lan() -> Actor:
    user = User.objects.create_user("bs_lan", None, full_name="Nguyễn Thị Lan", role="RADIOLOGIST")
    return Actor("bs_lan", user_id=user.pk, address="10.0.0.7", role="RADIOLOGIST")


def tuned(kind: AlertKind, threshold: int, **values: object) -> AlertRule:
    """Only this rule watches."""
    rules().update(active=False)
    AlertRule.objects.filter(kind=kind).update(active=True, threshold=threshold, **values)
    return AlertRule.objects.get(kind=kind)


def seen() -> list[tuple[str, int]]:
    seal_events()
    watch_events()
    return [(alert.actor, alert.count) for alert in open_alerts()]


def test_many_patients_in_an_hour_are_one_alert_that_grows_and_ends(lan: Actor) -> None:
    tuned(AlertKind.MANY_PATIENTS, 3)
    exams = [an_exam() for _ in range(4)]
    for exam in (*exams[:2], *exams[:2]):
        record(lan, "exam.opened", patient_id=exam.patient_id)
    assert seen() == []
    record(lan, "patient.viewed", patient_id=exams[2].patient_id)
    assert seen() == [("bs_lan", 3)]
    record(lan, "images.opened", patient_id=exams[3].patient_id)
    assert seen() == [("bs_lan", 4)]
    alert = AccessAlert.objects.get()
    with pytest.raises(InvalidValue):
        settle_alert(alert.pk, " ", ADMIN)
    settle_alert(alert.pk, "Hội chẩn toàn khoa", ADMIN)
    with pytest.raises(TransitionRefused):
        settle_alert(alert.pk, "lần nữa", ADMIN)
    record(lan, "images.opened", patient_id=exams[3].patient_id)
    assert seen() == []
    assert AuditEvent.objects.get(action="audit.alert_settled").reason == "Hội chẩn toàn khoa"


def test_a_burst_long_before_the_last_event_is_found_when_nobody_looked_meanwhile(lan: Actor) -> None:
    tuned(AlertKind.MANY_PATIENTS, 3)
    exams = [an_exam() for _ in range(4)]
    now = timezone.now()
    for hours, exam in ((5, exams[0]), (5, exams[1]), (5, exams[2]), (0, exams[3])):
        AuditEvent.objects.filter(pk=record(lan, "images.read", patient_id=exam.patient_id).pk).update(
            at=now - timedelta(hours=hours)
        )
    assert seen() == [("bs_lan", 3)]


def test_failed_logins_are_counted_by_name_and_by_address() -> None:
    tuned(AlertKind.FAILED_LOGINS, 3)
    for number in range(3):
        record(Actor(f"u{number}", address="10.9.9.9"), "user.login_failed", success=False)
        record(Actor("giam_doc", address=f"10.0.0.{number}"), "user.login_failed", success=False)
    assert sorted(seen()) == [("10.9.9.9", 3), ("giam_doc", 3)]


def test_a_patient_with_the_users_own_name_and_a_watched_one_are_told(lan: Actor) -> None:
    tuned(AlertKind.OWN_NAME, 1)
    exam, other = an_exam(), an_exam()
    exam.patient.full_name = "NGUYEN THI LAN"
    exam.patient.save()
    record(lan, "exam.opened", patient_id=other.patient_id)
    assert seen() == []
    record(lan, "exam.opened", patient_id=exam.patient_id)
    assert seen() == [("bs_lan", 1)]
    watched = tuned(AlertKind.WATCHED_PATIENT, 1)
    save_rule(watched.pk, ADMIN, threshold=1, minutes=60, active=True, patients=[other.patient_id])
    record(lan, "report.viewed", patient_id=other.patient_id)
    assert len(seen()) == 2


def test_refusals_are_told(lan: Actor) -> None:
    tuned(AlertKind.REFUSALS, 2)
    for _ in range(2):
        record(lan, "request.refused", success=False)
    assert seen() == [("bs_lan", 2)]


@pytest.mark.parametrize(
    ("first", "last", "hour", "night"),
    [(22, 5, 23, 22), (22, 5, 3, 22), (22, 5, 5, None), (22, 5, 12, None), (0, 5, 4, 0)],
)
def test_a_night_may_begin_before_midnight(first: int, last: int, hour: int, night: int | None) -> None:
    at = datetime(2026, 11, 22, (hour - 7) % 24, 30, tzinfo=UTC)  # the site is seven hours ahead
    begun = night_of(AlertRule(first_hour=first, last_hour=last), at)
    assert (begun.hour if begun else None) == night
