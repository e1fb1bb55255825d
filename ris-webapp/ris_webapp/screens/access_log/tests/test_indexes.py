"""Questions to an audit trail of years are answered by an index, never by reading all of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.alerts import OPENING
from ris_core.audit.models import AuditEvent
from ris_webapp.screens.access_log.views import SEEING
from ris_webapp.screens.access_log.wanted import PAGE_ROWS

pytestmark = [pytest.mark.django_db, pytest.mark.once]

SINCE = timezone.now() - timedelta(days=7)
NEWEST = AuditEvent.objects.order_by("-at", "-pk")
LATELY = {"at__range": (SINCE, SINCE + timedelta(hours=1))}


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (NEWEST.filter(at__gte=SINCE)[:PAGE_ROWS], "_at_"),
        (NEWEST.filter(actor="bs_an")[:PAGE_ROWS], "audit_by_actor"),
        (NEWEST.filter(action="report.approved")[:PAGE_ROWS], "audit_by_action"),
        (NEWEST.filter(address="10.0.0.5")[:PAGE_ROWS], "audit_by_address"),
        (NEWEST.filter(patient_id__in=[1])[:PAGE_ROWS], "audit_by_patient"),
        (AuditEvent.objects.filter(patient_id__in=[1, 2], action__in=SEEING, success=True), "audit_by_patient"),
        (AuditEvent.objects.filter(subject="exam:1").order_by("-at"), "audit_by_subject"),
        (AuditEvent.objects.filter(actor="bs_an", action__in=OPENING, patient__isnull=False, **LATELY), "audit_by_"),
        (AuditEvent.objects.filter(address="10.0.0.5", action="user.login_failed", **LATELY), "audit_by_"),
        (AuditEvent.objects.filter(sequence__gt=1_000_000).order_by("sequence")[:100], "sequence"),
        (AuditEvent.objects.filter(sequence__isnull=True).order_by("pk")[:100], "audit_"),
    ],
)
def test_every_question_of_the_access_log_and_of_the_alerts_has_its_index(
    asked: QuerySet[AuditEvent], index: str
) -> None:
    """P20: as SQLite plans it; PostgreSQL would rather read all of a table as empty as this one."""
    plan = asked.explain()
    assert index in plan, plan
    assert "SCAN " not in plan
