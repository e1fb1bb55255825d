"""What devices report is taken in once, tied to what was ordered, and moves steps, exams and worklist."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pydicom.uid import generate_uid

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.devices.models import Device, DeviceGroup
from ris_core.jobs.models import Job
from ris_core.notices.services import open_notices
from ris_core.notifications.models import Notification, NotificationReceiver, NotificationRule
from ris_core.notifications.rules import Event, Transport
from ris_core.orders.models import OrderLink, RequestedProcedure
from ris_core.orders.renumbering import change_accession_number
from ris_core.performed.errors import (
    DuplicateInstance,
    InvalidAttributeValue,
    InvalidInstance,
    MissingAttribute,
    MissingAttributeValue,
    NoLongerUpdated,
    NoSuchInstance,
    NotAuthorised,
    NotTheCreator,
    ReportRefused,
)
from ris_core.performed.models import PerformedProcedureStep
from ris_core.performed.rules import WRONG_WORKLIST_ENTRY
from ris_core.performed.services import begin_performed_step, set_performed_step
from ris_core.performed.tests.reports import beginning, ending, reference, report
from ris_core.worklist.models import WorklistEntry
from ris_testing.exams import an_exam

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ct1() -> Device:
    return Device.objects.create(ae_title="CT1", name="CT 1", modality="CT")


@pytest.fixture
def exam() -> RequestedProcedure:
    return an_exam(state="ORDERED", images=False)


def begun(*exams: RequestedProcedure) -> str:
    """A device has begun on ``exams``; the SOP Instance UID."""
    uid = str(generate_uid())
    begin_performed_step(report(uid, beginning(*(reference(exam) for exam in exams))))
    return uid


def states(exam: RequestedProcedure) -> tuple[str, list[str]]:
    exam.refresh_from_db()
    return exam.exam_state, list(exam.steps.order_by("pk").values_list("status", flat=True))


def test_a_step_that_begins_and_ends_takes_the_exam_with_it(exam: RequestedProcedure) -> None:
    WorklistEntry.objects.create(step=exam.steps.get(), modality="CT", start_date="20261122", start_time="080000")
    uid = begun(exam)
    assert states(exam) == ("IN_PROGRESS", ["STARTED"])
    assert not WorklistEntry.objects.exists()
    set_performed_step(report(uid, ending(instances=["1.2.3.1", "1.2.3.2"])))
    assert states(exam) == ("IN_PROGRESS", ["COMPLETED"])
    performed = PerformedProcedureStep.objects.get(sop_instance_uid=uid)
    assert (performed.status, performed.series[0]["instances"]) == ("COMPLETED", ["1.2.3.1", "1.2.3.2"])
    assert [message.operation for message in performed.messages.order_by("pk")] == ["N-CREATE", "N-SET"]
    assert Job.objects.filter(kind="check_images", subject_id=str(exam.pk)).exists()
    actions = AuditEvent.objects.filter(subject=f"performed:{performed.pk}", patient=exam.patient)
    assert list(actions.order_by("pk").values_list("action", flat=True)) == ["performed.begun", "performed.completed"]


def test_the_names_of_a_device_are_kept_in_any_character_set(exam: RequestedProcedure) -> None:
    uid = begun(exam)
    performed = PerformedProcedureStep.objects.get(sop_instance_uid=uid)
    assert performed.attributes["00100010"]["Value"][0]["Alphabetic"] == "NGUYỄN^THỊ ĐÀO"


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"PerformedProcedureStepStatus": "COMPLETED"}, InvalidAttributeValue),
        ({"PerformedProcedureStepStartDate": None}, MissingAttributeValue),
        ({"ScheduledStepAttributesSequence": []}, MissingAttributeValue),
    ],
)
def test_a_beginning_without_what_it_needs_is_refused(
    exam: RequestedProcedure, changed: dict[str, Any], refusal: type[ReportRefused]
) -> None:
    with pytest.raises(refusal):
        begin_performed_step(report("1.2.3", beginning(reference(exam), **changed)))
    assert states(exam)[0] == "ORDERED"


def test_a_missing_attribute_a_bad_uid_and_a_stranger_are_refused(exam: RequestedProcedure) -> None:
    dataset = beginning(reference(exam))
    for uid in ("", "no uid", "1." * 40 + "1"):
        with pytest.raises(InvalidInstance):
            begin_performed_step(report(uid, dataset))
    with pytest.raises(NotAuthorised):
        begin_performed_step(report("1.2.3", dataset, ae_title="STRANGER"))
    with pytest.raises(NotAuthorised):
        set_performed_step(report("1.2.3", ending(), ae_title="STRANGER"))
    del dataset.Modality
    with pytest.raises(MissingAttribute):
        begin_performed_step(report("1.2.3", dataset))
    assert not PerformedProcedureStep.objects.exists()


def test_the_same_instance_is_begun_once(exam: RequestedProcedure) -> None:
    uid = begun(exam)
    with pytest.raises(DuplicateInstance):
        begin_performed_step(report(uid, beginning(reference(exam))))
    with pytest.raises(NoSuchInstance):
        set_performed_step(report("1.9.9", ending()))


def test_what_is_over_is_no_longer_updated_but_may_be_said_again(exam: RequestedProcedure) -> None:
    uid = begun(exam)
    last = report(uid, ending(instances=["1.2.3.1"]))
    set_performed_step(last)
    set_performed_step(last)  # its answer was lost
    with pytest.raises(NoLongerUpdated):
        set_performed_step(report(uid, ending("DISCONTINUED")))
    performed = PerformedProcedureStep.objects.get()
    assert (performed.status, performed.messages.count()) == ("COMPLETED", 2)


@pytest.mark.parametrize("missing", ["PerformedProcedureStepEndDate", "PerformedSeriesSequence"])
def test_an_end_without_what_it_needs_is_refused(exam: RequestedProcedure, missing: str) -> None:
    uid = begun(exam)
    dataset = ending()
    delattr(dataset, missing)
    with pytest.raises((MissingAttribute, MissingAttributeValue)):
        set_performed_step(report(uid, dataset))
    with pytest.raises(InvalidAttributeValue):
        set_performed_step(report(uid, ending("DONE")))
    assert PerformedProcedureStep.objects.get().status == "IN PROGRESS"


def test_a_later_message_changes_nobodys_identity(exam: RequestedProcedure) -> None:
    uid = begun(exam)
    set_performed_step(report(uid, ending(PatientID="SOMEBODY ELSE", Modality="MR")))
    performed = PerformedProcedureStep.objects.get()
    assert (performed.attributes["00080060"]["Value"], performed.modality) == (["CT"], "CT")
    event = AuditEvent.objects.get(action="performed.completed")
    assert event.details["ignored"] == ["00080060", "00100020"]


def test_one_performed_step_may_fulfil_several_orders() -> None:
    """The group case: two procedures done in one scan."""
    first, second = an_exam(state="ORDERED", images=False), an_exam(state="ORDERED", images=False)
    uid = begun(first, second)
    assert (states(first)[0], states(second)[0]) == ("IN_PROGRESS", "IN_PROGRESS")
    set_performed_step(report(uid, ending()))
    assert states(first)[1] == states(second)[1] == ["COMPLETED"]


def test_several_performed_steps_may_fulfil_one_order(exam: RequestedProcedure) -> None:
    """The append case: the step is completed when the last device is done."""
    one, two = begun(exam), begun(exam)
    set_performed_step(report(one, ending()))
    assert states(exam)[1] == ["STARTED"]
    set_performed_step(report(two, ending()))
    assert states(exam)[1] == ["COMPLETED"]


def test_work_broken_off_is_discontinued_and_may_be_done_again(exam: RequestedProcedure) -> None:
    uid = begun(exam)
    set_performed_step(report(uid, ending("DISCONTINUED", reason="110501", PerformedSeriesSequence=[])))
    assert states(exam) == ("IN_PROGRESS", ["DISCONTINUED"])
    begun(exam)
    assert states(exam) == ("IN_PROGRESS", ["STARTED"])


def test_the_wrong_worklist_entry_waits_on_the_worklist_again(exam: RequestedProcedure) -> None:
    uid = begun(exam)
    set_performed_step(report(uid, ending("DISCONTINUED", reason="110514", PerformedSeriesSequence=[])))
    assert states(exam) == ("ORDERED", ["SCHEDULED"])
    assert WorklistEntry.objects.filter(step__procedure=exam).exists()


def test_work_that_nobody_ordered_is_kept_and_shown(exam: RequestedProcedure) -> None:
    begin_performed_step(
        report(
            "1.2.3",
            beginning(
                reference(
                    exam,
                    StudyInstanceUID="1.9",
                    AccessionNumber="",
                    RequestedProcedureID="",
                    ScheduledProcedureStepID="",
                )
            ),
        )
    )
    performed = PerformedProcedureStep.objects.get()
    assert "UNSCHEDULED" in performed.warnings
    assert not performed.performed_for.exists()
    assert states(exam)[0] == "ORDERED"


def test_a_device_that_holds_a_number_which_was_replaced_means_the_order(exam: RequestedProcedure) -> None:
    held = reference(exam, StudyInstanceUID="1.9", RequestedProcedureID="", ScheduledProcedureStepID="")
    change_accession_number(exam.request_id, "ACC-NEW", "nhập nhầm", Actor("admin"))
    begin_performed_step(report("1.2.3", beginning(held)))
    assert states(exam) == ("IN_PROGRESS", ["STARTED"])


def test_another_patients_id_is_pointed_out_and_moves_nothing(exam: RequestedProcedure) -> None:
    begin_performed_step(report("1.2.3", beginning(reference(exam), patient_id="SOMEBODY ELSE")))
    assert "PATIENT_DIFFERS" in PerformedProcedureStep.objects.get().warnings
    assert states(exam) == ("ORDERED", ["SCHEDULED"])


def test_a_cancelled_order_that_is_done_has_been_done_and_a_person_is_told() -> None:
    exam = an_exam(state="CANCELLED", images=False)
    exam.steps.update(status="CANCELLED")
    uid = begun(exam)
    assert "ORDER_CANCELLED" in PerformedProcedureStep.objects.get().warnings
    assert states(exam) == ("IN_PROGRESS", ["STARTED"])
    set_performed_step(report(uid, ending()))
    assert states(exam) == ("IN_PROGRESS", ["COMPLETED"])
    assert [notice.kind for notice in open_notices(procedure_ids=[exam.pk])] == ["performed_though_cancelled"]


def test_a_withdrawn_step_that_is_done_has_been_done_and_a_person_is_told(exam: RequestedProcedure) -> None:
    exam.steps.update(status="CANCELLED")
    uid = begun(exam)
    set_performed_step(report(uid, ending()))
    assert states(exam) == ("IN_PROGRESS", ["COMPLETED"])
    assert "STEP_WITHDRAWN" in PerformedProcedureStep.objects.get().warnings
    assert [notice.kind for notice in open_notices(procedure_ids=[exam.pk])] == ["performed_though_withdrawn"]


@pytest.mark.parametrize("before", ["CANCELLED", "ORDERED"])
def test_a_withdrawn_entry_that_was_selected_by_mistake_is_withdrawn_again(before: str) -> None:
    exam = an_exam(state=before, images=False)
    exam.steps.update(status="CANCELLED")
    uid = begun(exam)
    set_performed_step(report(uid, ending("DISCONTINUED", reason=WRONG_WORKLIST_ENTRY)))
    assert states(exam) == (before, ["CANCELLED"])
    assert not WorklistEntry.objects.exists()


def test_work_on_an_order_that_was_linked_to_another_is_work_on_that_one(exam: RequestedProcedure) -> None:
    absorbed = an_exam(state="CANCELLED", images=False)
    absorbed.steps.update(status="CANCELLED")
    OrderLink.objects.create(procedure=exam, absorbed=absorbed, linked_at=timezone.now())
    begun(absorbed)
    assert states(absorbed) == ("CANCELLED", ["CANCELLED"])
    assert states(exam) == ("IN_PROGRESS", ["STARTED"])


def test_only_the_device_that_began_and_those_of_its_group_may_end_a_step(
    exam: RequestedProcedure, ct1: Device
) -> None:
    other = Device.objects.create(ae_title="CT2", name="CT 2", modality="CT")
    uid = begun(exam)
    with pytest.raises(NotTheCreator) as refused:
        set_performed_step(report(uid, ending(), "CT2"))
    assert (refused.value.status, states(exam)) == (0x0124, ("IN_PROGRESS", ["STARTED"]))
    group = DeviceGroup.objects.create(name="CT")
    group.devices.add(ct1, other)
    set_performed_step(report(uid, ending(), "CT2"))
    assert states(exam) == ("IN_PROGRESS", ["COMPLETED"])


def test_others_are_told_and_get_the_messages_in_their_order(exam: RequestedProcedure, ct1: Device) -> None:
    receiver = NotificationReceiver.objects.create(code="PACS2", name="PACS 2", transport=Transport.MPPS, device=ct1)
    for event in (Event.MPPS_RECEIVED, Event.EXAM_STARTED, Event.EXAM_COMPLETED):
        NotificationRule.objects.create(receiver=receiver, event=event)
    uid = begun(exam)
    set_performed_step(report(uid, ending()))
    owed = Notification.objects.order_by("pk").values_list("event", "thread", "sequence")
    assert list(owed) == [
        ("exam.started", f"procedure:{exam.pk}", 1),
        ("mpps.received", f"mpps:{uid}", 1),
        ("exam.completed", f"procedure:{exam.pk}", 2),
        ("mpps.received", f"mpps:{uid}", 2),
    ]


@pytest.mark.once
def test_a_report_reads_the_orders_by_indexes_only(exam: RequestedProcedure) -> None:
    """SQLite only: PostgreSQL reads small tables as a whole, whatever there is."""
    assert connection.vendor == "sqlite"
    with CaptureQueriesContext(connection) as asked:
        begun(exam)
    reads = [query["sql"] for query in asked if query["sql"].startswith("SELECT") and "orders_" in query["sql"]]
    assert reads
    for sql in reads:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
        assert not any(line.startswith("SCAN orders_") for line in plan), sql
