"""Placing, changing and cancelling orders: what is in the tables afterwards, and what is refused."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import connection, transaction
from pydicom import dcmread
from pydicom.dataset import Dataset

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.changes.models import Change
from ris_core.devices.models import Device, ImagingService
from ris_core.errors import IdentityConflict, InvalidValue, QuangError, TransitionRefused
from ris_core.identifiers import PatientIdentifier, PlacerOrderNumber, StudyInstanceUID
from ris_core.orders.ending import cancel_order
from ris_core.orders.errors import OrderExists, UnknownOrder
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep, Visit
from ris_core.orders.numbers import accession_numbers
from ris_core.orders.renumbering import change_accession_number
from ris_core.orders.rules import OrderedStep, VisitDetails
from ris_core.orders.services import change_order, place_order
from ris_core.orders.tests.builders import AN, AT, BINH, an_order
from ris_core.patients.models import Patient
from ris_core.patients.rules import PatientDetails
from ris_core.worklist.models import WorklistEntry
from ris_core.worklist.services import take_off_worklist

pytestmark = pytest.mark.django_db


def place(**said: object) -> RequestedProcedure:
    placed = place_order(an_order(**said), SYSTEM)
    return RequestedProcedure.objects.select_related("request").get(id=placed.procedure_id)


def answer() -> Dataset:
    """The only worklist entry, as a device gets it."""
    return dcmread(BytesIO(bytes(WorklistEntry.objects.get().answer)))


def set_status(status: str) -> None:
    ScheduledProcedureStep.objects.update(status=status)


# ---- placing ----


def test_an_order_is_everything_it_has_to_be() -> None:
    procedure = place()
    request = procedure.request
    assert (request.accession_number, request.sent_accession_number, request.source) == ("ACC1", "", "HIS|BVX")
    assert (procedure.placer_order_number, procedure.modality, procedure.exam_state) == ("P1", "CT", "ORDERED")
    assert (procedure.priority_rank, procedure.scheduled_at) == (2, AT)
    assert procedure.study_instance_uid.startswith("2.25.")
    step = ScheduledProcedureStep.objects.get()
    assert (step.status, step.modality, step.scheduled_at) == ("SCHEDULED", "CT", AT)
    assert (Visit.objects.get().visit_number, Patient.objects.get().full_name) == ("V1", "NGUYỄN VĂN AN")
    assert Change.objects.get().subject_id == procedure.id
    assert AuditEvent.objects.get().action == "order.placed"


def test_devices_find_it_at_once() -> None:
    procedure = place()
    found = answer()
    assert found.AccessionNumber == "ACC1"
    assert (found.PatientID, str(found.PatientName)) == ("BN1", "NGUYỄN^VĂN AN")
    assert found.StudyInstanceUID == procedure.study_instance_uid
    assert found.RequestedProcedureID == procedure.requested_procedure_id
    (step,) = found.ScheduledProcedureStepSequence
    assert (step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime) == ("20261121", "083000")


def test_the_same_order_again_changes_nothing() -> None:
    first = place_order(an_order(), SYSTEM)
    again = place_order(an_order(), SYSTEM)
    assert (again.procedure_id, again.changed) == (first.procedure_id, False)
    assert RequestedProcedure.objects.count() == AuditEvent.objects.count() == 1


@pytest.mark.parametrize(
    "said",
    [
        {"priority": "STAT"},
        {"scheduled_at": AT + timedelta(hours=1)},
        {"clinical_indication": "Ngã"},
        {"accession_number": "OTHER"},
    ],
)
def test_a_new_order_that_says_otherwise_is_refused(said: dict[str, object]) -> None:
    place()
    with pytest.raises(OrderExists, match=next(iter(said))):
        place(**said)


def test_a_cancelled_order_does_not_come_back_as_new() -> None:
    place()
    cancel_order("HIS|BVX", "P1", SYSTEM)
    with pytest.raises(OrderExists, match="cancelled"):
        place()


def test_an_order_number_of_another_patient_is_refused() -> None:
    place()
    with pytest.raises(IdentityConflict) as caught:
        place(patient=BINH, visit=None)
    assert caught.value.field == "placer_order_number"


def test_the_same_number_from_another_sender_is_another_order() -> None:
    assert place().id != place(source="HIS2|BVX", accession_number="").id


def test_a_second_service_joins_the_request() -> None:
    first, second = place(), place(service_code="CT.BUNG")
    assert first.request_id == second.request_id
    assert first.study_instance_uid != second.study_instance_uid
    assert WorklistEntry.objects.count() == 2


@pytest.mark.parametrize("sent", ["A" * 17, "ACC1"])
def test_an_accession_number_that_cannot_be_used_is_kept_beside_ours(sent: str) -> None:
    place()
    request = place(placer_order_number=PlacerOrderNumber("P2"), accession_number=sent).request
    assert request.accession_number == f"Q{request.id:08d}"
    assert request.sent_accession_number == sent


def test_ours_gives_way_to_a_number_of_the_same_form() -> None:
    first = place(accession_number="Q09000001").request
    assert accession_numbers("", 9_000_001) == ("Q09000001-1", "")
    change_accession_number(first.id, "NEW1", "typing error", SYSTEM)
    assert accession_numbers("", 9_000_001) == ("Q09000001-1", "")


def test_the_sender_may_give_every_number() -> None:
    uid = StudyInstanceUID("1.2.840.999.1")
    procedure = place(
        filler_order_number="F1", requested_procedure_id="RP1", study_instance_uid=uid,
        steps=(OrderedStep(scheduled_procedure_step_id="SPS1", modality="CT", station_ae_title="CT9", room="P9"),),
    )  # fmt: skip
    assert (procedure.filler_order_number, procedure.requested_procedure_id) == ("F1", "RP1")
    assert procedure.study_instance_uid == uid
    step = ScheduledProcedureStep.objects.get()
    assert (step.scheduled_procedure_step_id, step.station_ae_title, step.room) == ("SPS1", "CT9", "P9")


def test_numbers_that_are_taken_or_too_long_are_replaced_by_ours() -> None:
    place(filler_order_number="F1", requested_procedure_id="RP1")
    second = place(
        placer_order_number=PlacerOrderNumber("P2"), filler_order_number="F1", requested_procedure_id="R" * 17
    )
    assert second.requested_procedure_id == second.filler_order_number == f"QP{second.request_id}-1"


def test_a_study_instance_uid_belongs_to_one_procedure() -> None:
    uid = StudyInstanceUID("1.2.840.999.1")
    place(study_instance_uid=uid)
    with pytest.raises(OrderExists):
        place(placer_order_number=PlacerOrderNumber("P2"), study_instance_uid=uid)


def test_the_catalogue_tells_modality_and_device() -> None:
    device = Device.objects.create(ae_title="CT1", name="CT", modality="CT", room="P.CT 1")
    ImagingService.objects.create(
        code="CT.SONAO", coding_system="BVX", name="CT sọ não", modality="CT", default_device=device
    )
    procedure = place(modality="", service_name="")
    step = ScheduledProcedureStep.objects.get()
    assert (procedure.service_name, procedure.modality) == ("CT sọ não", "CT")
    assert (step.station_ae_title, step.room) == ("CT1", "P.CT 1")


def test_a_service_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidValue) as caught:
        place(modality="")
    assert caught.value.field == "service_code"


def test_a_visit_of_another_patient_is_refused() -> None:
    place()
    with pytest.raises(IdentityConflict) as caught:
        place(patient=BINH, placer_order_number=PlacerOrderNumber("P2"), accession_number="")
    assert caught.value.field == "visit_number"


def test_a_visit_is_brought_up_to_date() -> None:
    place()
    place(
        placer_order_number=PlacerOrderNumber("P2"),
        visit=VisitDetails(visit_number="V1", issuer="BVX", patient_class="I"),
    )
    assert Visit.objects.values_list("patient_class", "ward").get() == ("I", "KKB")


def test_a_corrected_name_reaches_the_worklist_of_older_orders() -> None:
    place()
    corrected = an_order(placer_order_number=PlacerOrderNumber("P2"), patient=_renamed("NGUYỄN^VĂN ANH"))
    place_order(corrected, SYSTEM)
    assert set(WorklistEntry.objects.values_list("patient_name", flat=True)) == {"nguyen van anh"}


def _renamed(dicom_name: str) -> PatientDetails:
    return replace(AN, dicom_name=dicom_name, full_name=dicom_name.replace("^", " "))


# ---- changing ----


def change(**said: object) -> RequestedProcedure:
    placed = change_order(an_order(**said), SYSTEM)
    return RequestedProcedure.objects.select_related("request").get(id=placed.procedure_id)


def test_a_change_reaches_the_tables_and_the_worklist() -> None:
    before = place()
    later = AT + timedelta(days=1)
    after = change(
        priority="STAT", scheduled_at=later, clinical_indication="Ngã", service_code="CT.BUNG", service_name="CT bụng"
    )
    assert (after.priority, after.priority_rank, after.scheduled_at) == ("STAT", 0, later)
    assert (after.service_code, after.service_name) == ("CT.BUNG", "CT bụng")
    assert after.request.clinical_indication == "Ngã"
    assert after.study_instance_uid == before.study_instance_uid
    found = answer()
    assert found.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate == "20261122"
    assert found.RequestedProcedureDescription == "CT bụng"
    assert found.RequestedProcedurePriority == "STAT"
    event = AuditEvent.objects.get(action="order.changed")
    assert event.details["fields"] == ["clinical_indication", "priority", "scheduled_at", "service_code"]


def test_a_change_that_changes_nothing_is_no_event() -> None:
    place()
    assert not change_order(an_order(), SYSTEM).changed
    assert not AuditEvent.objects.filter(action="order.changed").exists()


def test_an_accession_number_sent_later_is_kept_beside_ours() -> None:
    place(accession_number="")
    request = change(accession_number="LATE1").request
    assert request.accession_number.startswith("Q")
    assert request.sent_accession_number == "LATE1"


def test_steps_are_changed_by_their_ids() -> None:
    place(steps=(OrderedStep(scheduled_procedure_step_id="S1"), OrderedStep(scheduled_procedure_step_id="S2")))
    change(steps=(OrderedStep(scheduled_procedure_step_id="S2", station_ae_title="CT2"),))
    stations = dict(ScheduledProcedureStep.objects.values_list("scheduled_procedure_step_id", "station_ae_title"))
    assert stations == {"S1": "", "S2": "CT2"}


def test_a_change_of_an_unknown_order_is_refused() -> None:
    with pytest.raises(UnknownOrder):
        change()


def test_a_change_for_another_patient_is_refused() -> None:
    place()
    with pytest.raises(IdentityConflict):
        change(patient=BINH, visit=None)
    assert RequestedProcedure.objects.get().patient.full_name == "NGUYỄN VĂN AN"


@pytest.mark.parametrize("said", [{"service_code": "CT.BUNG"}, {"scheduled_at": AT + timedelta(days=1)}])
def test_service_and_time_cannot_change_once_it_has_begun(said: dict[str, object]) -> None:
    place()
    set_status("STARTED")
    with pytest.raises(TransitionRefused, match=next(iter(said))):
        change(**said)


def test_the_indication_can_change_after_it_has_begun_without_coming_back_to_the_worklist() -> None:
    place()
    set_status("COMPLETED")
    WorklistEntry.objects.all().delete()
    assert change(clinical_indication="Ngã").request.clinical_indication == "Ngã"
    assert not WorklistEntry.objects.exists()


def test_a_cancelled_order_is_not_changed() -> None:
    place()
    cancel_order("HIS|BVX", "P1", SYSTEM)
    with pytest.raises(TransitionRefused, match="cancelled"):
        change(priority="STAT")


def test_a_second_service_with_its_own_accession_number_has_its_own_request() -> None:
    """Its result goes back, and its images are found, under the number that the sender gave it."""
    first = place()
    second = place(service_code="CT.BUNG", accession_number="ACC2")
    third = place(service_code="CT.NGUC", accession_number="ACC2")
    assert (first.request.accession_number, second.request.accession_number) == ("ACC1", "ACC2")
    assert third.request_id == second.request_id
    assert place_order(an_order(service_code="CT.BUNG", accession_number="ACC2"), SYSTEM).changed is False


def test_a_change_of_one_of_several_services_must_name_it() -> None:
    place()
    place(service_code="CT.BUNG")
    assert change(service_code="CT.BUNG", priority="STAT").service_code == "CT.BUNG"
    with pytest.raises(UnknownOrder) as caught:
        change(service_code="CT.NGUC")
    assert caught.value.field == "service_code"


# ---- cancelling ----


def test_a_cancelled_order_leaves_the_worklist() -> None:
    procedure = place()
    assert cancel_order("HIS|BVX", "P1", SYSTEM) == [procedure.id]
    assert not WorklistEntry.objects.exists()
    assert ScheduledProcedureStep.objects.get().status == "CANCELLED"
    assert RequestedProcedure.objects.get().exam_state == "CANCELLED"
    assert AuditEvent.objects.filter(action="order.cancelled").count() == 1


def test_cancelling_again_changes_nothing() -> None:
    place()
    cancel_order("HIS|BVX", "P1", SYSTEM)
    assert cancel_order("HIS|BVX", "P1", SYSTEM) == []
    assert AuditEvent.objects.filter(action="order.cancelled").count() == 1


def test_only_the_named_service_is_cancelled() -> None:
    place()
    second = place(service_code="CT.BUNG")
    assert cancel_order("HIS|BVX", "P1", SYSTEM, service_code="CT.BUNG") == [second.id]
    assert WorklistEntry.objects.count() == 1


def test_of_several_services_one_that_is_none_of_them_cancels_nothing() -> None:
    place()
    place(service_code="CT.BUNG")
    with pytest.raises(UnknownOrder) as caught:
        cancel_order("HIS|BVX", "P1", SYSTEM, service_code="CT.NGUC")
    assert caught.value.field == "service_code"
    assert WorklistEntry.objects.count() == 2


def test_a_single_service_is_cancelled_whatever_the_sender_calls_it_now() -> None:
    procedure = place()
    assert cancel_order("HIS|BVX", "P1", SYSTEM, service_code="CT.SN") == [procedure.id]


@pytest.mark.django_db(transaction=True)
def test_a_step_whose_images_come_while_its_patient_is_corrected_stays_off_the_worklist() -> None:
    with transaction.atomic():
        place()

    def correct_the_patient() -> None:
        with transaction.atomic():
            place_order(
                an_order(patient=replace(AN, full_name="NGUYỄN VĂN ANH"), placer_order_number=PlacerOrderNumber("P2")),
                SYSTEM,
            )
        connection.close()

    thread = threading.Thread(target=correct_the_patient)
    with transaction.atomic():
        step = ScheduledProcedureStep.objects.select_for_update().get()
        step.status = "STARTED"
        step.save()
        take_off_worklist([step.pk])
        thread.start()
        thread.join(0.5)
    thread.join()
    assert Patient.objects.get().full_name == "NGUYỄN VĂN ANH"
    assert [entry.step.procedure.placer_order_number for entry in WorklistEntry.objects.all()] == ["P2"]


@pytest.mark.parametrize(
    ("status", "discontinue", "refused"),
    [
        ("ARRIVED", False, False),
        ("READY", True, False),
        ("STARTED", False, True),
        ("STARTED", True, False),
        ("COMPLETED", False, True),
        ("COMPLETED", True, True),
    ],
)
def test_what_has_begun_can_only_be_discontinued(status: str, discontinue: bool, refused: bool) -> None:
    place()
    set_status(status)
    if refused:
        with pytest.raises(TransitionRefused):
            cancel_order("HIS|BVX", "P1", SYSTEM, discontinue=discontinue)
        assert ScheduledProcedureStep.objects.get().status == status
        return
    cancel_order("HIS|BVX", "P1", SYSTEM, discontinue=discontinue)
    assert ScheduledProcedureStep.objects.get().status == ("DISCONTINUED" if status == "STARTED" else "CANCELLED")


@pytest.mark.parametrize(
    ("number", "identifiers", "error"),
    [("P9", (), UnknownOrder), ("P1", (PatientIdentifier("BN2", "BVX"),), IdentityConflict)],
)
def test_a_cancellation_of_what_is_not_here_is_refused(
    number: str, identifiers: tuple[PatientIdentifier, ...], error: type[QuangError]
) -> None:
    place()
    with pytest.raises(error):
        cancel_order("HIS|BVX", number, SYSTEM, patient_identifiers=identifiers)
    assert WorklistEntry.objects.count() == ImagingServiceRequest.objects.count() == 1
