"""Which orders are looked at: bounded, but never one of two that are alike without the other (F5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ris_core.matching.evidence import ReceivedStudy
from ris_core.matching.policy import DEFAULT_POLICY
from ris_core.names import folded
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import PatientIdentifier
from ris_core.studies import candidate_search
from ris_core.studies.candidate_search import possible_procedures
from ris_testing.exams import an_exam

pytestmark = pytest.mark.django_db


def an_order(name: str = "LÊ VĂN AN", birth_date: str = "19700101", **procedure: Any) -> RequestedProcedure:
    exam = an_exam(state="ORDERED", images=False, **procedure)
    exam.patient.full_name, exam.patient.search_key = name, folded(name)
    exam.patient.birth_date = birth_date
    exam.patient.save()
    return exam


def number_of(exam: RequestedProcedure) -> str:
    return str(PatientIdentifier.objects.get(patient=exam.patient, is_primary=True).value)


def received(**attributes: Any) -> ReceivedStudy:
    return ReceivedStudy("1.2.3", received_at=timezone.now(), modalities=("CT",), **attributes)


def test_who_is_found_by_one_order_is_looked_at_with_every_order_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    first = an_order()
    second = an_order(scheduled_at=timezone.now() - timedelta(days=1))
    RequestedProcedure.objects.filter(pk=second.pk).update(patient=first.patient)
    monkeypatch.setattr(candidate_search, "_NEAR_IN_TIME", 1)
    assert possible_procedures(received(), DEFAULT_POLICY) == {first.pk, second.pk}


def test_of_the_likeliest_patients_every_order_is_looked_at_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [an_order(modality="US", scheduled_at=timezone.now() - timedelta(hours=hour)) for hour in range(4)]
    RequestedProcedure.objects.filter(pk__in=[exam.pk for exam in mine]).update(patient=mine[0].patient)
    an_order("LÊ VĂN AN", modality="US")
    monkeypatch.setattr(candidate_search, "_OF_PATIENTS", 2)
    found = possible_procedures(received(patient_id=number_of(mine[0]), patient_name="LE VAN AN"), DEFAULT_POLICY)
    assert found == {exam.pk for exam in mine}


def test_numbers_that_are_nearly_the_one_received_do_not_crowd_out_namesakes(monkeypatch: pytest.MonkeyPatch) -> None:
    namesake = an_order("TRẦN THỊ BÌNH", modality="US")
    PatientIdentifier.objects.filter(patient=namesake.patient).update(value="77000001")
    for last in range(5):
        near = an_order("ĐỖ VĂN KHÁC", modality="US")
        PatientIdentifier.objects.filter(patient=near.patient, is_primary=True).update(value=f"1234567{last}")
    monkeypatch.setattr(candidate_search, "_PATIENTS", 3)
    found = possible_procedures(received(patient_id="12345679", patient_name="TRAN^THI BINH"), DEFAULT_POLICY)
    assert namesake.pk in found
