"""Orders made at the counter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.audit.services import SYSTEM
from ris_core.devices.models import ImagingService
from ris_core.errors import IdentityConflict, InvalidValue, NotFound
from ris_core.orders.ending import end_procedure
from ris_core.orders.errors import OrderRefused
from ris_core.orders.making import Amendment, NewOrder, NewPatient, amend_order, duplicates, make_order
from ris_core.orders.models import RefusalRule, RequestedProcedure, ScheduledProcedureStep
from ris_core.orders.services import place_order
from ris_core.orders.tests.builders import an_order
from ris_core.patients.models import Patient, PatientIdentifier

pytestmark = pytest.mark.django_db

BINH = NewPatient(full_name="trần thị  bình", birth_date="1990", sex="F", citizen_number="001190000001")


@pytest.fixture
def head() -> ImagingService:
    return ImagingService.objects.create(code="CT.SN", name="CT sọ não", modality="CT")


@pytest.fixture
def chest() -> ImagingService:
    return ImagingService.objects.create(code="CT.NG", name="CT ngực", modality="CT")


def test_several_services_for_a_new_patient_are_one_request(head: ImagingService, chest: ImagingService) -> None:
    new = NewOrder(service_ids=(head.pk, chest.pk), priority="STAT", room="P305", clinical_indication="Chấn thương")
    one, two = make_order(BINH, new, SYSTEM)
    assert one.request_id == two.request_id
    patient = Patient.objects.get()
    assert (patient.full_name, patient.dicom_name) == ("TRẦN THỊ BÌNH", "TRẦN^THỊ BÌNH")
    assert {row.kind for row in PatientIdentifier.objects.all()} == {"MR", "NI"}
    assert PatientIdentifier.objects.get(is_primary=True).issuer == "RIS"
    exams = RequestedProcedure.objects.order_by("pk")
    assert [(exam.service_code, exam.priority, exam.source) for exam in exams] == [
        ("CT.SN", "STAT", "RIS"), ("CT.NG", "STAT", "RIS"),
    ]  # fmt: skip
    assert {step.room for step in ScheduledProcedureStep.objects.all()} == {"P305"}


def test_an_order_for_a_patient_who_is_here_changes_nothing_of_them(head: ImagingService) -> None:
    known = RequestedProcedure.objects.get(pk=place_order(an_order(), SYSTEM).procedure_id).patient
    before = Patient.objects.values().get()
    make_order(known.pk, NewOrder(service_ids=(head.pk,)), SYSTEM)
    assert Patient.objects.values().get() == before
    assert RequestedProcedure.objects.filter(patient=known).count() == 2


def test_a_new_patient_with_somebody_elses_card_is_refused(head: ImagingService) -> None:
    make_order(BINH, NewOrder(service_ids=(head.pk,)), SYSTEM)
    other = NewPatient(full_name="LÊ VĂN CƯỜNG", birth_date="1950", sex="M", citizen_number="001190000001")
    with pytest.raises(IdentityConflict):
        make_order(other, NewOrder(service_ids=(head.pk,)), SYSTEM)


def test_what_cannot_be_ordered_is_refused(head: ImagingService) -> None:
    with pytest.raises(InvalidValue):
        make_order(BINH, NewOrder(service_ids=()), SYSTEM)
    with pytest.raises(InvalidValue):
        make_order(NewPatient(full_name="BÌNH"), NewOrder(service_ids=(head.pk,)), SYSTEM)
    ImagingService.objects.update(active=False)
    with pytest.raises(NotFound):
        make_order(BINH, NewOrder(service_ids=(head.pk,)), SYSTEM)
    assert not Patient.objects.exists()


def test_a_refused_service_refuses_the_whole_order(head: ImagingService, chest: ImagingService) -> None:
    RefusalRule.objects.create(reason="Không làm", service_code="CT.NG")
    with pytest.raises(OrderRefused):
        make_order(BINH, NewOrder(service_ids=(head.pk, chest.pk)), SYSTEM)
    assert not RequestedProcedure.objects.exists()


def test_a_second_order_of_the_same_service_is_worth_a_question(head: ImagingService, chest: ImagingService) -> None:
    (placed,) = make_order(BINH, NewOrder(service_ids=(head.pk,)), SYSTEM)
    patient_id = Patient.objects.get().pk
    assert [row.pk for row in duplicates(patient_id, [head.pk], None)] == [placed.procedure_id]
    assert duplicates(patient_id, [chest.pk], None) == []
    assert duplicates(patient_id, [head.pk], timezone.now() + timedelta(days=3)) == []
    end_procedure(placed.procedure_id, "nhập nhầm", SYSTEM)
    assert duplicates(patient_id, [head.pk], None) == []
    assert RequestedProcedure.objects.get().ended_reason == "nhập nhầm"


def test_an_order_of_the_his_is_amended_here(head: ImagingService) -> None:
    placed = place_order(an_order(), SYSTEM)
    later = timezone.now().replace(microsecond=0) + timedelta(days=1)
    changed = amend_order(
        placed.procedure_id, Amendment(priority="STAT", scheduled_at=later, room="P9", comments="Dị ứng thuốc"), SYSTEM
    )
    assert changed
    step = ScheduledProcedureStep.objects.select_related("procedure__request").get()
    assert (step.room, step.scheduled_at, step.procedure.priority) == ("P9", later, "STAT")
    assert (step.procedure.request.comments, step.procedure.service_code) == ("Dị ứng thuốc", "CT.SONAO")
    assert not amend_order(placed.procedure_id, Amendment(), SYSTEM)
