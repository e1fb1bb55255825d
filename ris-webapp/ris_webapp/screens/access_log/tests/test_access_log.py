"""The access log shows who did what, to whoever may see it; looking is recorded too (P3, P16)."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ris_core.audit import verify
from ris_core.audit.alerts import rules, watch_events
from ris_core.audit.models import AccessAlert, AlertKind, AlertRule, AuditEvent
from ris_core.audit.sealing import seal_events
from ris_core.audit.services import Actor, record
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_testing.exams import an_exam
from ris_webapp.screens.access_log import wanted
from ris_webapp.screens.access_log.wanted import Wanted, page_of
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db
LAN = Actor("bs_lan", address="10.0.0.7", role="RADIOLOGIST")


@pytest.fixture
def exam() -> RequestedProcedure:
    """Of somebody whom the doctor has opened."""
    made = an_exam()
    made.patient.full_name, made.patient.search_key = "TRẦN VĂN ĐỨC", "tran van duc"
    made.patient.save()
    record(LAN, "exam.opened", subject=f"exam:{made.pk}", patient_id=made.patient_id)
    record(LAN, "images.opened", subject=f"exam:{made.pk}", patient_id=made.patient_id, reason="=HYPERLINK(1)")
    record(Actor("giam_doc", address="10.9.9.9"), "user.login_failed", success=False)
    return made


@pytest.fixture
def auditor() -> Client:
    return client_as("AUDITOR")


def actions(**asked: str) -> list[str]:
    filters = Wanted.of(asked)
    return [event.action for event in page_of(filters.events(filters.patient_ids()), "").rows]


@pytest.mark.parametrize("typed", ["tran van duc", "Trần Văn Đức", "ĐỨC TRAN", "#{}"])
def test_a_patient_is_found_with_and_without_diacritics(exam: RequestedProcedure, typed: str) -> None:
    assert actions(patient=typed.format(exam.patient_id), actor="bs_lan") == ["images.opened", "exam.opened"]
    assert actions(patient="Trần Văn Đức", actor="giam_doc") == []
    assert actions(patient="khong co ai") == []


def test_records_that_were_merged_one_after_another_belong_together(exam: RequestedProcedure, auditor: Client) -> None:
    second, last = an_exam().patient, an_exam().patient
    Patient.objects.filter(pk=exam.patient_id).update(merged_into=second)
    Patient.objects.filter(pk=second.pk).update(merged_into=last)
    assert actions(patient=f"#{last.pk}") == ["images.opened", "exam.opened"]
    assert "bs_lan" in auditor.get(reverse("access_log:viewers", args=[last.pk])).content.decode()


def test_every_filter_narrows(exam: RequestedProcedure) -> None:
    assert actions(outcome="failed") == ["user.login_failed"]
    assert actions(address_of="10.9.9.9") == ["user.login_failed"]
    assert actions(action="exam.opened") == ["exam.opened"]
    tomorrow = timezone.localtime() + timedelta(days=1)
    assert actions(since=f"{tomorrow:%Y-%m-%dT%H:%M}") == []
    assert len(actions(until=f"{tomorrow:%Y-%m-%dT%H:%M}", actor="bs_lan")) == 2


def test_pages_follow_one_another_without_gap_or_double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted, "PAGE_ROWS", 3)
    now = timezone.now()
    AuditEvent.objects.bulk_create(AuditEvent(at=now, actor="x", action="exam.viewed") for _ in range(8))
    seen: list[int] = []
    before = ""
    while True:
        page = page_of(Wanted().events(None), before)
        seen += [row.pk for row in page.rows]
        before = page.before
        if not before:
            break
    assert seen == sorted(AuditEvent.objects.values_list("pk", flat=True), reverse=True)


@pytest.mark.parametrize("before", ["x", "1-", "99999999999999999999-1", "-5-5", "1e9-1"])
def test_a_position_that_is_none_is_the_first_page(before: str, auditor: Client) -> None:
    assert auditor.get(reverse("access_log:log"), {"before": before}).status_code == 200


def test_the_page_shows_and_records_that_somebody_looked(exam: RequestedProcedure, auditor: Client) -> None:
    page = auditor.get(reverse("access_log:log"), {"patient": f"#{exam.patient_id}"}).content.decode()
    assert "TRẦN VĂN ĐỨC" in page
    looked = AuditEvent.objects.get(action="audit.searched")
    assert (looked.role, looked.patient_id) == ("AUDITOR", exam.patient_id)


def test_who_saw_a_patient_is_a_list_of_people(exam: RequestedProcedure, auditor: Client) -> None:
    for actor, action in (("share:7", "share.viewed"), ("HIS|A [k1]", "api.read"), ("cong_cu", "images.read")):
        record(Actor(actor), action, patient_id=exam.patient_id)
    page = auditor.get(reverse("access_log:viewers", args=[exam.patient_id])).content.decode()
    assert [name for name in ("bs_lan", "share:7", "HIS|A [k1]", "cong_cu") if name not in page] == []
    assert "giam_doc" not in page
    administrator = client_as("ADMINISTRATOR")
    patient = administrator.get(reverse("patients:patient", args=[exam.patient_id])).content.decode()
    assert reverse("access_log:viewers", args=[exam.patient_id]) in patient


def test_exports_are_recorded_hold_no_formula_and_keep_the_hashes(exam: RequestedProcedure, auditor: Client) -> None:
    seal_events()
    book = b"".join(auditor.get(reverse("access_log:export")))
    sheet = ZipFile(BytesIO(book)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    lines = b"".join(auditor.get(reverse("access_log:export"), {"form": "jsonl", "actor": "bs_lan"}))
    found = list(verify.read_lines(lines.decode().splitlines(), "export"))
    assert len(found) == 2
    for facts, where in found:
        verify.check_own_hash(facts, where)
    assert AuditEvent.objects.filter(action="audit.exported").count() == 2


def test_an_alert_waits_until_somebody_says_what_it_was(exam: RequestedProcedure, auditor: Client) -> None:
    rules()
    AlertRule.objects.filter(kind=AlertKind.FAILED_LOGINS).update(threshold=1)
    seal_events()
    watch_events()
    assert "giam_doc" in auditor.get(reverse("access_log:alerts")).content.decode()
    alert = AccessAlert.objects.get(actor="giam_doc")
    assert auditor.post(reverse("access_log:settle", args=[alert.pk])).status_code == 422
    auditor.post(reverse("access_log:settle", args=[alert.pk]), {"reason": "Quên mật khẩu"})
    alert.refresh_from_db()
    assert alert.settled_reason == "Quên mật khẩu"


def test_many_alerts_are_turned_over_page_by_page(auditor: Client) -> None:
    rule, now = next(iter(rules())), timezone.now()
    AccessAlert.objects.bulk_create(
        [
            AccessAlert(
                rule=rule,
                actor=f"ai_{number:03}",
                began_at=now - timedelta(minutes=number),
                at=now - timedelta(minutes=number),
                count=1,
                last_event=number,
            )
            for number in range(120)
        ]
    )
    address = reverse("access_log:alerts")
    pages = [auditor.get(address, {"page": page}).content.decode() for page in (1, 2, 3)]
    shown = [page.count('name="reason"') for page in pages]
    assert shown == [50, 50, 20]
    assert ["ai_000" in page for page in pages] == [True, False, False]
    assert "ai_119" in auditor.get(address, {"page": "99"}).content.decode()


def test_rules_are_changed_by_administrators_only(auditor: Client) -> None:
    rule = rules().get(kind=AlertKind.MANY_PATIENTS)
    typed = {"threshold": "12", "minutes": "30", "active": "on"}
    assert auditor.post(reverse("access_log:rule", args=[rule.pk]), typed).status_code == 403
    client_as("ADMINISTRATOR").post(reverse("access_log:rule", args=[rule.pk]), typed)
    rule.refresh_from_db()
    assert (rule.threshold, rule.minutes, rule.active) == (12, 30, True)
