"""Several workers at once: on PostgreSQL in parallel, on SQLite one after the other."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from ris_core.audit.models import AuditEvent
from ris_core.studies import handlers
from ris_core.studies.models import Study, StudyLink
from ris_core.studies.tests.conftest import PlaceOrder, Send
from ris_testing.fake_engine import FakeEngine

WORKERS, ROUNDS = 4, 5


@pytest.mark.django_db(transaction=True)
def test_the_same_study_handled_by_several_workers_is_linked_once(
    engine: FakeEngine, order: PlaceOrder, send: Send
) -> None:
    for number in range(ROUNDS):
        order(f"ACC{number}", number=f"PL{number}")
        send(AccessionNumber=f"ACC{number}", study_instance_uid=f"1.2.{number}")
    engine.settle()
    failed: list[Exception] = []

    def work(start: threading.Barrier) -> None:
        try:
            for study in list(engine.studies.values()):
                start.wait(30)
                handlers.follow_study(engine, study.orthanc_id)
        except Exception as error:  # noqa: BLE001 (shown by the test's own thread)
            failed.append(error)
            start.abort()
        finally:
            connection.close()

    if connection.vendor == "postgresql":
        barrier = threading.Barrier(WORKERS)
        threads = [threading.Thread(target=work, args=(barrier,)) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    else:
        # the tests' SQLite database lives in one connection
        for _ in range(WORKERS):
            for study in list(engine.studies.values()):
                handlers.follow_study(engine, study.orthanc_id)
    assert failed == []
    assert Study.objects.count() == StudyLink.objects.count() == ROUNDS
    assert set(Study.objects.values_list("state", flat=True)) == {"READY_TO_READ"}
    assert AuditEvent.objects.filter(action="study.linked").count() == ROUNDS
