"""A merge, new orders and images at the same moment: on PostgreSQL in parallel, on SQLite one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection, transaction

from ris_core.audit.services import SYSTEM
from ris_core.identifiers import PlacerOrderNumber
from ris_core.orders.models import RequestedProcedure
from ris_core.orders.services import place_order
from ris_core.orders.tests.builders import an_order
from ris_core.patients.merging import merge_patients
from ris_core.patients.models import Patient
from ris_core.patients.services import record_patient
from ris_core.patients.tests.people import details
from ris_core.studies import handlers
from ris_core.studies.models import Study
from ris_core.studies.tests.conftest import Send
from ris_testing.fake_engine import FakeEngine

ROUNDS = 6


@pytest.mark.django_db(transaction=True)
def test_nothing_stays_with_a_record_that_is_merged_meanwhile(engine: FakeEngine, send: Send) -> None:
    for number in range(ROUNDS):
        merged, survivor = (record_patient(details(f"{side}{number}"), SYSTEM)[0] for side in "AB")
        _order(f"A{number}", f"FIRST{number}")
        study = send(
            PatientID=f"A{number}",
            AccessionNumber=f"FIRST{number}",
            PatientBirthDate="19801121",
            study_instance_uid=f"1.2.{number}",
        )
        engine.settle()
        acts: list[Callable[[], object]] = [
            partial(merge_patients, merged.pk, survivor.pk, SYSTEM),
            partial(_order, f"A{number}", f"NEW{number}"),
            partial(handlers.follow_study, engine, study),
        ]
        _at_once(acts)
        patients = set(RequestedProcedure.objects.filter(patient__in=(merged, survivor)).values_list("patient_id"))
        assert patients == {(survivor.pk,)}
        # read half before and half after the merge, the patient is nobody for sure: the study waits, and is linked when
        # it is looked at again (by the sweep, since its patient has changed); it is never the merged record's
        assert Study.objects.get(orthanc_id=study).patient_id in (survivor.pk, None)
        handlers.follow_study(engine, study)
        assert Study.objects.get(orthanc_id=study).patient_id == survivor.pk
    assert Patient.objects.filter(merged_into__isnull=False).count() == ROUNDS


def _order(patient: str, number: str) -> None:
    with transaction.atomic():
        order = an_order(
            patient=details(patient), placer_order_number=PlacerOrderNumber(number), accession_number=number, visit=None
        )
        place_order(order, SYSTEM)


def _at_once(acts: list[Callable[[], object]]) -> None:
    if connection.vendor != "postgresql":  # the tests' SQLite database lives in one connection
        for act in acts:
            act()
        return
    failed: list[Exception] = []
    barrier = threading.Barrier(len(acts))

    def work(act: Callable[[], object]) -> None:
        try:
            barrier.wait(30)
            act()
        except Exception as error:  # noqa: BLE001 (shown by the test's own thread)
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == []
