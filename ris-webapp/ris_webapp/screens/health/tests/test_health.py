"""Health: what is said when a part is away, and that nothing secret is said."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings as SettingsFixture

from ris_core.jobs.models import WorkerHeartbeat
from ris_core.settings import Automation
from ris_webapp.screens.health import checks

pytestmark = pytest.mark.django_db


def test_all_parts_at_work_is_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_engine_answers", lambda: True)
    WorkerHeartbeat.objects.create(name="w1", at=timezone.now())
    WorkerHeartbeat.objects.create(name="m1", part="mpps", at=timezone.now())
    WorkerHeartbeat.objects.create(name="g1", part="gate", at=timezone.now())
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_without_the_service_that_devices_report_to_it_is_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_engine_answers", lambda: True)
    WorkerHeartbeat.objects.create(name="w1", at=timezone.now())
    for age in (None, timedelta(minutes=10)):
        if age:
            WorkerHeartbeat.objects.create(name="m1", part="mpps", at=timezone.now() - age)
        answer = Client().get("/healthz").json()
        assert (answer["status"], answer["worker"], answer["mpps"]) == ("degraded", True, False)


@pytest.mark.parametrize(
    ("automation", "age", "told"), [(True, None, False), (True, 600, False), (True, 1, True), (False, 600, None)]
)
def test_a_gate_that_takes_no_associations_is_degraded_unless_there_is_none(
    monkeypatch: pytest.MonkeyPatch, settings: SettingsFixture, automation: bool, age: int | None, told: bool | None
) -> None:
    monkeypatch.setattr(checks, "_engine_answers", lambda: True)
    settings.QUANG = msgspec.structs.replace(settings.QUANG, automation=Automation(enabled=automation))
    for name in ("worker", "mpps"):
        WorkerHeartbeat.objects.create(name=name, part=name, at=timezone.now())
    if age is not None:
        WorkerHeartbeat.objects.create(name="gate", part="gate", at=timezone.now() - timedelta(seconds=age))
    answer = Client().get("/healthz").json()
    assert (answer["gate"], answer["status"]) == (told, "degraded" if told is False else "ok")


def test_without_engine_or_worker_the_web_app_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_engine_answers", lambda: False)
    WorkerHeartbeat.objects.create(name="w1", at=timezone.now() - timedelta(minutes=10))
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert (answer.json()["engine"], answer.json()["worker"]) == (False, False)


def test_without_the_database_it_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise DatabaseError("password=secret")

    monkeypatch.setattr(checks, "_engine_answers", lambda: True)
    monkeypatch.setattr(connection, "cursor", away)
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "failed")
    assert "secret" not in answer.content.decode()
