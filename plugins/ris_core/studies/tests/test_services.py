from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.changes.models import Change
from ris_core.errors import IdentityConflict, InvalidValue, NotFound, TransitionRefused
from ris_core.jobs.models import Job
from ris_core.matching.policy import DEFAULT_POLICY, KeyRule
from ris_core.matching.services import change_policy
from ris_core.notices.models import Notice
from ris_core.notices.services import open_notices
from ris_core.orders.ending import cancel_order
from ris_core.orders.models import ExamState, OrderLink, RequestedProcedure, StepStatus
from ris_core.patients.corrections import edit_patient
from ris_core.patients.models import Patient
from ris_core.reports.content import plain_content
from ris_core.reports.holding import claim
from ris_core.reports.services import open_reading, save_draft
from ris_core.studies.handlers import follow_study
from ris_core.studies.models import Study, StudyLink, StudyState
from ris_core.studies.received import header_from_json
from ris_core.studies.resolving import (
    OrderFromStudy,
    place_order_for_study,
    reject_candidate,
    weigh,
    withdraw_rejection,
)
from ris_core.studies.services import active_links, link_study, queue, studies_of_procedure, undo_link
from ris_core.studies.tests.conftest import HIS, PlaceOrder, Send
from ris_core.worklist.models import WorklistEntry
from ris_testing.dicom_files import a_dicom_file
from ris_testing.fake_engine import FakeEngine

Follow = Callable[[], None]
pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Actor:
    user = User.objects.create(username="ktv_minh", full_name="Trần Minh", role="TECHNOLOGIST")
    return Actor("ktv_minh", user_id=user.pk)


def exam_of(procedure: RequestedProcedure) -> tuple[str, list[str], bool]:
    """Exam state, status of each step, and whether it is on the worklist."""
    procedure.refresh_from_db()
    steps = list(procedure.steps.order_by("pk"))
    on_worklist = WorklistEntry.objects.filter(step__in=steps).exists()
    return procedure.exam_state, [step.status for step in steps], on_worklist


ORDERED = (ExamState.ORDERED, [StepStatus.SCHEDULED], True)
BEGUN = (ExamState.IN_PROGRESS, [StepStatus.STARTED], False)
READY = (ExamState.READY_TO_READ, [StepStatus.COMPLETED], False)


# ---- arriving ----


def test_the_first_image_links_and_starts_the_step(order: PlaceOrder, send: Send, follow: Follow) -> None:
    procedure = order()
    assert exam_of(procedure) == ORDERED
    send()
    follow()
    study = Study.objects.get()
    assert (study.state, study.patient, study.instance_count) == (StudyState.LINKED, procedure.patient, 1)
    assert study.remote_ae_title == "CT1"
    assert exam_of(procedure) == BEGUN
    assert procedure.images_arrived_at is not None


def test_a_stable_study_is_ready_to_read(order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine) -> None:
    procedure = order()
    send()
    follow()
    send(series="2")
    engine.settle()
    follow()
    study = Study.objects.get()
    assert (study.state, study.instance_count, study.series_count) == (StudyState.READY_TO_READ, 2, 2)
    assert exam_of(procedure) == READY
    assert studies_of_procedure(procedure.pk) == [study]


def test_the_link_explains_itself(order: PlaceOrder, send: Send, follow: Follow) -> None:
    order()
    send()
    follow()
    link = StudyLink.objects.get()
    assert (link.how, link.explanation["reason"]) == (StudyLink.How.EXACT, "ACCESSION_AND_PATIENT")
    verdicts = {c["field"]: c["verdict"] for c in link.explanation["comparisons"]}
    assert verdicts["AccessionNumber"] == verdicts["PatientID"] == verdicts["PatientBirthDate"] == "EQUAL"


def test_whatever_is_repeated_happens_once(order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine) -> None:
    order()
    send()
    engine.settle()
    follow()
    events = list(AuditEvent.objects.values_list("action", flat=True))
    changes = Change.objects.count()
    follow()
    follow()
    assert StudyLink.objects.count() == Study.objects.count() == 1
    assert list(AuditEvent.objects.values_list("action", flat=True)) == events
    assert events.count("study.linked") == events.count("study.received") == 1
    assert Change.objects.count() == changes


def test_while_images_come_the_worker_looks_again(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    order()
    orthanc_id = send()
    follow()
    job = Job.objects.get(kind="study_arrived")
    assert job.subject_id == orthanc_id
    assert job.run_at > timezone.now()
    job.delete()
    engine.settle()
    follow()
    assert not Job.objects.filter(kind="study_arrived").exists()


def test_the_worklist_can_keep_a_step_until_it_is_completed(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, settings: Settings
) -> None:
    until_completed = msgspec.structs.replace(settings.QUANG.worklist, shown_until="COMPLETED")
    settings.QUANG = msgspec.structs.replace(settings.QUANG, worklist=until_completed)
    procedure = order()
    send()
    follow()
    assert exam_of(procedure) == (ExamState.IN_PROGRESS, [StepStatus.STARTED], True)
    engine.settle()
    follow()
    assert exam_of(procedure) == READY


def test_two_studies_of_one_order_are_read_together(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    procedure = order()
    send()
    engine.settle()
    follow()
    send(study_instance_uid="1.2.4")
    engine.settle()
    follow()
    assert len(studies_of_procedure(procedure.pk)) == 2
    assert exam_of(procedure) == READY


def test_an_exam_being_read_keeps_its_state_when_images_follow(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    procedure = order()
    send()
    engine.settle()
    follow()
    RequestedProcedure.objects.update(exam_state=ExamState.DRAFT)
    send(series="9")
    engine.settle()
    follow()
    assert exam_of(procedure)[0] == ExamState.DRAFT


def test_what_was_received_is_never_changed(order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine) -> None:
    order()
    orthanc_id = send(PatientName="NGUYEN^VAN AN")
    follow()
    before = Study.objects.get().as_received
    engine.studies[orthanc_id].series["1"].insert(0, a_dicom_file(PatientID="BN001", PatientName="AN^NGUYEN^VAN"))
    engine.settle()
    follow()
    assert Study.objects.get().as_received == before
    assert header_from_json(before).elements["00100010"] == b"NGUYEN^VAN AN "


# ---- queues ----


@pytest.mark.parametrize(
    ("received", "state", "reason"),
    [
        ({"AccessionNumber": ""}, "UNMATCHED", "LIKELY_CANDIDATE"),
        ({"AccessionNumber": "NEVER"}, "UNMATCHED", "UNKNOWN_ACCESSION"),
        ({"PatientID": ""}, "UNMATCHED", "NO_PATIENT_ID"),
        ({"PatientName": "TRAN^THI BINH"}, "UNMATCHED", "NAME_DIFFERS"),
        ({"PatientBirthDate": "19700101"}, "CONFLICT", "BIRTH_DATE_DIFFERS"),
        ({"PatientSex": "F"}, "CONFLICT", "SEX_DIFFERS"),
        ({"PatientID": "BN777"}, "CONFLICT", "PATIENT_ID_DIFFERS"),
    ],
)
def test_what_does_not_match_waits_for_a_person_with_its_evidence(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, received: dict[str, str], state: str, reason: str
) -> None:
    procedure = order()
    send(**received)
    engine.settle()
    follow()
    (study,) = queue()
    assert (study.state, study.reason, study.patient) == (state, reason, None)
    assert [candidate["procedure_id"] for candidate in study.candidates] == [procedure.pk]
    assert exam_of(procedure) == ORDERED


def test_an_unmatched_study_is_shown_as_arriving_until_it_is_complete(send: Send, follow: Follow) -> None:
    send()
    follow()
    assert Study.objects.get().state == StudyState.RECEIVING
    assert not queue().exists()


def test_images_of_a_cancelled_order_wait_for_a_person(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    procedure = order()
    with transaction.atomic():
        cancel_order("HIS|BVX", "PL-ACC1", HIS)
    send()
    engine.settle()
    follow()
    assert Study.objects.get().reason == "ORDER_CANCELLED"
    assert exam_of(procedure)[0] == ExamState.CANCELLED


def test_a_patient_merged_into_the_orders_is_the_same_person(order: PlaceOrder, send: Send, follow: Follow) -> None:
    procedure = order()
    twice = order("ACC2", patient_id="BN001-OLD", number="X2").patient
    Patient.objects.filter(pk=twice.pk).update(merged_into=procedure.patient)
    send(PatientID="BN001-OLD")
    follow()
    assert Study.objects.get().patient == procedure.patient


def test_two_patients_under_one_study_uid_are_both_in_conflict(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    """Domain invariant 4. The first was linked already: its link is undone and stays as history."""
    procedure = order()
    send()
    engine.settle()
    follow()
    assert exam_of(procedure) == READY
    send(PatientID="BN002", PatientName="TRAN^BINH")
    follow()
    assert {(study.state, study.reason, study.patient) for study in Study.objects.all()} == {
        ("CONFLICT", "TWO_PATIENTS_ONE_STUDY_UID", None)
    }
    link = StudyLink.objects.get()
    assert (link.undone_by, link.undone_reason) == (None, "TWO_PATIENTS_ONE_STUDY_UID")
    assert exam_of(procedure) == ORDERED


@pytest.mark.django_db(transaction=True)
def test_two_patients_who_come_under_one_uid_in_the_same_moment_are_both_in_conflict(
    order: PlaceOrder, send: Send, engine: FakeEngine
) -> None:
    order()
    order("ACC2", patient_id="BN002", name="TRẦN BÌNH", number="X2")
    first = send()
    second = send(PatientID="BN002", PatientName="TRAN^BINH", AccessionNumber="ACC2")
    engine.settle()

    def follow_second() -> None:
        follow_study(engine, second)
        connection.close()

    thread = threading.Thread(target=follow_second)
    with transaction.atomic():
        follow_study(engine, first)
        thread.start()
        thread.join(0.5)
    thread.join()
    assert [study.state for study in Study.objects.all()] == ["CONFLICT", "CONFLICT"]
    assert not StudyLink.objects.filter(undone_at__isnull=True).exists()


def test_a_patient_id_padded_otherwise_is_no_second_patient(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    order()
    send()
    engine.receive(
        a_dicom_file(PatientName="NGUYEN^VAN AN", AccessionNumber="ACC1"),
        patient_id="BN001 ",
        study_instance_uid="1.2.3",
    )
    follow()
    assert [study.state for study in Study.objects.all()] == ["LINKED", "LINKED"]


def test_a_second_patient_that_goes_again_resolves_the_conflict(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    order()
    send()
    intruder = send(PatientID="BN002")
    engine.settle()
    follow()
    engine.remove(intruder)
    Study.objects.filter(orthanc_id=intruder).update(gone_from_engine_at=timezone.now())
    follow()
    assert Study.objects.get(received_patient_id="BN001").state == StudyState.READY_TO_READ


def test_a_late_image_of_another_person_takes_the_study_out(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    procedure = order()
    send()
    engine.settle()
    follow()
    send(series="2", PatientBirthDate="19990101")
    engine.settle()
    follow()
    study = Study.objects.get()
    assert (study.state, study.reason, study.patient) == ("CONFLICT", "PATIENT_VARIES_IN_STUDY", None)
    assert studies_of_procedure(procedure.pk) == []
    assert StudyLink.objects.get().undone_at is not None


@pytest.mark.parametrize("first", [{"PatientBirthDate": ""}, {"PatientBirthDate": "1980"}])
def test_what_only_a_later_series_says_of_the_patient_counts_however_often_the_study_is_looked_at(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, first: dict[str, str]
) -> None:
    procedure = order()
    send(**first)
    send(series="2", PatientBirthDate="19801231")
    engine.settle()
    follow()
    study = Study.objects.get()
    assert (study.state, study.reason, study.patient) == ("CONFLICT", "BIRTH_DATE_DIFFERS", None)
    follow()
    assert Study.objects.get().state == StudyState.CONFLICT
    assert not StudyLink.objects.exists()
    assert exam_of(procedure) == ORDERED


def test_who_links_what_a_later_series_contradicts_is_set_right_by_the_worker(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, person: Actor
) -> None:
    procedure = order()
    send(PatientBirthDate="")
    orthanc_id = send(series="2", PatientBirthDate="19990101")
    engine.settle()
    follow()
    Job.objects.all().delete()
    link_study(Study.objects.get().pk, procedure.pk, actor=person, reason="đúng người")
    assert Job.objects.get(kind="study_arrived").subject_id == orthanc_id
    follow_study(engine, orthanc_id)
    assert (Study.objects.get().state, Study.objects.get().reason) == ("CONFLICT", "BIRTH_DATE_DIFFERS")
    assert exam_of(procedure) == ORDERED


def test_two_series_of_two_persons_are_noticed_when_the_first_names_nobody(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    order()
    send(PatientBirthDate="", PatientName="")
    send(series="2", PatientBirthDate="")
    send(series="3", PatientBirthDate="", PatientName="TRAN^THI HOA")
    engine.settle()
    follow()
    assert Study.objects.get().reason == "PATIENT_VARIES_IN_STUDY"


def test_whoever_reads_images_that_turn_out_to_be_of_two_persons_is_told(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    procedure = order()
    send()
    engine.settle()
    follow()
    reader = Actor("bs_lan", user_id=User.objects.create(username="bs_lan", role="RADIOLOGIST").pk)
    reading = claim(open_reading(procedure.pk).pk, reader)
    save_draft(reading.pk, 0, plain_content(findings="Không thấy bất thường"), reader)
    send(series="2", PatientBirthDate="19990101")
    engine.settle()
    follow()
    reading.refresh_from_db()
    assert (reading.state, reading.claimed_by_id, reading.findings) == ("DRAFT", None, "Không thấy bất thường")
    assert Notice.objects.get().kind == "images_removed"
    assert exam_of(procedure) == ORDERED


@pytest.mark.parametrize("state", [ExamState.FINAL, ExamState.RETURNED, ExamState.RECALLED])
def test_an_approved_report_whose_images_are_taken_out_stays_and_is_told_of(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, state: str
) -> None:
    procedure = order()
    send()
    engine.settle()
    follow()
    RequestedProcedure.objects.update(exam_state=state)
    send(series="2", PatientBirthDate="19990101")
    engine.settle()
    follow()
    assert studies_of_procedure(procedure.pk) == []
    assert exam_of(procedure)[0] == state
    assert Notice.objects.get().kind == "images_removed"


def test_a_number_of_the_his_in_a_comment_names_no_patient_by_itself(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, person: Actor
) -> None:
    order()
    rule = KeyRule(tag="00104000", means="PLACER_ORDER_NUMBER", pattern=r"PL-\w+")
    change_policy(msgspec.structs.replace(DEFAULT_POLICY, key_rules=(rule,)), over=0, note="", actor=person)
    comment = {"PatientComments": "so PL-ACC1", "AccessionNumber": "", "PatientID": "", "PatientBirthDate": ""}
    send(**comment, PatientName="", PatientSex="")
    send(**comment, study_instance_uid="1.2.4")
    engine.settle()
    follow()
    nobody, named = Study.objects.order_by("study_instance_uid")
    assert (nobody.state, nobody.reason) == ("UNMATCHED", "KEY_WITHOUT_SUPPORT")
    assert named.state == StudyState.READY_TO_READ


def test_a_corrected_patient_keeps_the_images_that_were_linked_before(
    engine: FakeEngine, order: PlaceOrder, send: Send, follow: Callable[[], None]
) -> None:
    exam = order(birth_date="19800512")
    send()
    follow()
    edit_patient(exam.patient_id, HIS, full_name="NGUYỄN VĂN AN", birth_date="19810512", sex="F", reason="giấy tờ gốc")
    send(series="2")
    engine.settle()
    follow()
    assert Study.objects.get().state == StudyState.READY_TO_READ
    exam.refresh_from_db()
    assert exam.exam_state == ExamState.READY_TO_READ


@pytest.mark.parametrize(
    "hostile", ["1' OR '1'='1", "<img src=x onerror=alert(1)>", "../../etc/passwd", "$(reboot)", "%s"]
)
def test_hostile_text_is_data(send: Send, follow: Follow, engine: FakeEngine, hostile: str) -> None:
    send(
        PatientID=hostile, PatientName=hostile.replace("=", ""), AccessionNumber=hostile[:16], StudyDescription=hostile
    )
    engine.settle()
    follow()
    study = Study.objects.get()
    assert (study.received_patient_id, study.study_description, study.state) == (hostile, hostile, "UNMATCHED")


# ---- by a person ----


@pytest.fixture
def waiting(send: Send, follow: Follow, engine: FakeEngine) -> Callable[..., Study]:
    def make(**received: str) -> Study:
        send(**{"AccessionNumber": "", **received})
        engine.settle()
        follow()
        return Study.objects.get()

    return make


def test_a_person_links_what_the_rules_could_not(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor
) -> None:
    procedure, study = order(), waiting()
    (weighed,) = weigh(study).orders
    assert (weighed.candidate.procedure_id, weighed.objection, weighed.needs_reason) == (procedure.pk, None, False)
    link = link_study(study.pk, procedure.pk, actor=person, reason="phiếu giấy")
    assert (link.how, link.linked_by_id, link.explanation["reason"]) == ("PERSON", person.user_id, "phiếu giấy")
    study.refresh_from_db()
    assert (study.state, study.patient, study.reason) == ("READY_TO_READ", procedure.patient, "")
    assert exam_of(procedure) == READY
    assert link_study(study.pk, procedure.pk, actor=person) == link


@pytest.mark.parametrize("received", [{"PatientBirthDate": "19700101"}, {"PatientSex": "F"}, {"PatientID": "BN002"}])
def test_nobody_links_against_identity(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor, received: dict[str, str]
) -> None:
    """Domain invariant 2, whatever reason is given. BN002 is another patient."""
    order("ACC2", patient_id="BN002", name="TRẦN BÌNH", number="X2")
    procedure, study = order(), waiting(**received)
    with pytest.raises(IdentityConflict):
        link_study(study.pk, procedure.pk, actor=person, reason="tôi chắc chắn")
    assert exam_of(procedure) == ORDERED
    assert weigh(study, [procedure.pk]).orders[0].objection is not None


@pytest.mark.parametrize("received", [{"PatientName": "TRAN^BINH"}, {"PatientID": "BN-typo"}, {"AccessionNumber": "X"}])
def test_a_difference_needs_a_reason(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor, received: dict[str, str]
) -> None:
    procedure, study = order(), waiting(**received)
    with pytest.raises(InvalidValue, match="say why"):
        link_study(study.pk, procedure.pk, actor=person)
    assert link_study(study.pk, procedure.pk, actor=person, reason="gõ nhầm tại máy").undone_at is None


def test_images_of_two_patients_in_one_study_are_linked_by_nobody(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, person: Actor
) -> None:
    procedure = order()
    send()
    send(series="2", PatientBirthDate="19990101")
    engine.settle()
    follow()
    study = Study.objects.get()
    assert study.reason == "PATIENT_VARIES_IN_STUDY"
    with pytest.raises(IdentityConflict):
        link_study(study.pk, procedure.pk, actor=person, reason="tôi chắc chắn")
    assert studies_of_procedure(procedure.pk) == []


def test_two_patients_under_one_uid_are_linked_by_nobody(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, person: Actor
) -> None:
    procedure = order()
    orthanc_id = send()
    send(PatientID="BN002")
    engine.settle()
    follow()
    with pytest.raises(IdentityConflict, match="two patients"):
        link_study(Study.objects.get(orthanc_id=orthanc_id).pk, procedure.pk, actor=person, reason="x")


def test_a_study_of_one_patient_is_not_linked_to_another_as_well(
    order: PlaceOrder, send: Send, follow: Follow, person: Actor
) -> None:
    order()
    send()
    follow()
    other = order("ACC2", patient_id="BN002", name="TRẦN BÌNH", number="X2", birth_date="", sex="")
    with pytest.raises(IdentityConflict):
        link_study(Study.objects.get().pk, other.pk, actor=person, reason="x")


def test_a_cancelled_order_that_was_done_is_linked_by_a_person_and_cancelled_again_without_its_images(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor
) -> None:
    procedure, study = order(), waiting()
    with transaction.atomic():
        cancel_order("HIS|BVX", "PL-ACC1", HIS)
    with pytest.raises(InvalidValue):
        link_study(study.pk, procedure.pk, actor=person)
    link = link_study(study.pk, procedure.pk, actor=person, reason="đã chụp trước khi huỷ")
    state, steps, _ = exam_of(procedure)
    assert (state in (ExamState.IN_PROGRESS, ExamState.READY_TO_READ), StepStatus.CANCELLED in steps) == (True, False)
    assert [notice.kind for notice in open_notices(procedure_ids=[procedure.pk])] == ["performed_though_cancelled"]
    undo_link(link.pk, person, "nhầm")
    assert exam_of(procedure) == (ExamState.CANCELLED, [StepStatus.CANCELLED], False)


def test_images_of_a_withdrawn_appointment_say_that_it_was_done(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine
) -> None:
    procedure = order()
    procedure.steps.update(status=StepStatus.CANCELLED)
    send()
    engine.settle()
    follow()
    assert exam_of(procedure)[:2] == READY[:2]
    assert [notice.kind for notice in open_notices(procedure_ids=[procedure.pk])] == ["performed_though_withdrawn"]


def test_an_order_that_was_linked_to_another_gets_no_images(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor
) -> None:
    procedure, study = order(), waiting()
    other = order("ACC2", number="X2")
    RequestedProcedure.objects.filter(pk=procedure.pk).update(exam_state=ExamState.CANCELLED)
    OrderLink.objects.create(procedure=other, absorbed=procedure, linked_at=timezone.now())
    with pytest.raises(TransitionRefused):
        link_study(study.pk, procedure.pk, actor=person, reason="x")


def test_undoing_restores_what_linking_changed(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, person: Actor
) -> None:
    procedure = order()
    procedure.steps.update(status=StepStatus.ARRIVED)
    send()
    engine.settle()
    follow()
    assert exam_of(procedure) == READY
    undo_link(StudyLink.objects.get().pk, person, "nhầm bệnh nhân")
    study = Study.objects.get()
    assert (study.state, study.reason, study.patient) == ("UNMATCHED", "LINK_UNDONE", None)
    assert exam_of(procedure) == (ExamState.ORDERED, [StepStatus.ARRIVED], True)
    assert procedure.images_arrived_at is None
    assert not active_links(procedure.pk).exists()
    undo_link(StudyLink.objects.get().pk, person, "lần nữa")
    assert StudyLink.objects.get().undone_reason == "nhầm bệnh nhân"


def test_a_link_that_a_person_undid_is_not_made_again_by_rule(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, person: Actor
) -> None:
    procedure = order()
    send()
    engine.settle()
    follow()
    undo_link(StudyLink.objects.get().pk, person, "nhầm")
    send(series="3")
    engine.settle()
    follow()
    assert (Study.objects.get().state, Study.objects.get().reason) == ("UNMATCHED", "LINK_UNDONE")
    assert exam_of(procedure) == ORDERED
    assert link_study(Study.objects.get().pk, procedure.pk, actor=person, reason="đúng rồi").undone_at is None


def test_undoing_one_of_two_studies_keeps_the_exam(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, person: Actor
) -> None:
    procedure = order()
    send()
    send(study_instance_uid="1.2.4")
    engine.settle()
    follow()
    first, second = StudyLink.objects.order_by("pk")
    undo_link(first.pk, person, "nhầm")
    assert exam_of(procedure) == READY
    undo_link(second.pk, person, "nhầm")
    assert exam_of(procedure) == ORDERED


@pytest.mark.parametrize("state", [ExamState.PRELIMINARY, ExamState.FINAL, ExamState.RETURNED])
def test_images_of_an_approved_report_are_not_taken_away(
    order: PlaceOrder, send: Send, follow: Follow, person: Actor, state: str
) -> None:
    order()
    send()
    follow()
    RequestedProcedure.objects.update(exam_state=state)
    with pytest.raises(TransitionRefused):
        undo_link(StudyLink.objects.get().pk, person, "nhầm")


def test_a_reading_that_has_begun_is_taken_from_its_reader_and_its_draft_kept(
    order: PlaceOrder, send: Send, follow: Follow, engine: FakeEngine, person: Actor
) -> None:
    procedure = order()
    send()
    engine.settle()
    follow()
    reader = Actor("bs_lan", user_id=User.objects.create(username="bs_lan", role="RADIOLOGIST").pk)
    reading = claim(open_reading(procedure.pk).pk, reader)
    save_draft(reading.pk, 0, plain_content(findings="Không thấy bất thường"), reader)
    undo_link(StudyLink.objects.get().pk, person, "nhầm bệnh nhân")
    assert exam_of(procedure) == ORDERED
    reading.refresh_from_db()
    assert (reading.state, reading.claimed_by_id, reading.findings) == ("DRAFT", None, "Không thấy bất thường")
    assert Notice.objects.get().kind == "images_removed"
    link_study(Study.objects.get().pk, procedure.pk, actor=person, reason="đúng rồi")
    assert exam_of(procedure) == READY
    assert claim(reading.pk, reader).findings == "Không thấy bất thường"


def test_an_order_that_was_ruled_out_is_not_suggested_until_that_is_taken_back(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor, engine: FakeEngine, follow: Follow
) -> None:
    procedure, study = order(), waiting()
    rejected = reject_candidate(study.pk, procedure.pk, person)
    assert reject_candidate(study.pk, procedure.pk, person) == rejected
    assert weigh(study).orders == ()
    follow()
    assert Study.objects.get().state == StudyState.UNMATCHED
    withdraw_rejection(rejected.pk, person)
    withdraw_rejection(rejected.pk, person)
    assert [o.candidate.procedure_id for o in weigh(study).orders] == [procedure.pk]


def test_an_order_made_from_the_images_is_made_once_and_linked(waiting: Callable[..., Study], person: Actor) -> None:
    study = waiting()
    said = OrderFromStudy(
        patient_number="BN001", full_name="NGUYỄN VĂN AN", birth_date="19800512", sex="M",
        service_code="CT.SONAO", service_name="Chụp CLVT sọ não", modality="CT",
    )  # fmt: skip
    link = place_order_for_study(study.pk, said, person)
    assert link.procedure.source == "RIS"
    study.refresh_from_db()
    assert (study.state, study.patient) == (StudyState.READY_TO_READ, link.procedure.patient)
    with pytest.raises(TransitionRefused):
        place_order_for_study(study.pk, said, person)
    assert RequestedProcedure.objects.count() == 1


def test_an_order_made_from_images_changes_nothing_of_a_patient_who_is_known(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor
) -> None:
    patient = order("OTHER", birth_date="1980").patient
    study = waiting()
    said = OrderFromStudy(
        patient_number="BN001", full_name="NGUYEN VAN AN", birth_date="19800512", sex="O",
        service_code="CT.SONAO", service_name="Chụp CLVT sọ não", modality="CT",
    )  # fmt: skip
    link = place_order_for_study(study.pk, said, person)
    known = Patient.objects.get()
    assert link.procedure.patient == known == patient
    assert (known.full_name, known.dicom_name) == (patient.full_name, patient.dicom_name)
    assert (known.birth_date, known.sex) == ("19800512", "M")  # completed, not changed


@pytest.mark.parametrize(
    "said", [{"full_name": "TRẦN THỊ HOA"}, {"birth_date": "19600512"}, {"birth_date": "1960"}, {"sex": "F"}]
)
def test_an_order_made_from_images_is_not_made_for_who_has_the_number_and_is_somebody_else(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor, said: dict[str, str]
) -> None:
    order("OTHER")
    study = waiting(PatientID="", PatientBirthDate="", PatientSex="", PatientName="")
    with pytest.raises(IdentityConflict):
        place_order_for_study(study.pk, an_order_from_images(**said), person)
    assert Patient.objects.get().birth_date == "19800512"


def test_an_order_made_from_images_is_not_made_for_one_of_two_who_share_the_number(
    order: PlaceOrder, waiting: Callable[..., Study], person: Actor
) -> None:
    order("OTHER")
    other = order("OTHER2", patient_id="BN002", name="TRẦN THỊ HOA", number="X2").patient
    other.identifiers.create(value="BN001", issuer="BVY")
    study = waiting(PatientID="")
    with pytest.raises(IdentityConflict):
        place_order_for_study(study.pk, an_order_from_images(), person)


def test_after_an_order_made_for_the_wrong_patient_was_cancelled_another_can_be_made(
    waiting: Callable[..., Study], person: Actor
) -> None:
    study = waiting(PatientID="", PatientName="")
    wrong = place_order_for_study(study.pk, an_order_from_images(patient_number="BN900"), person)
    undo_link(wrong.pk, person, "nhầm bệnh nhân")
    with pytest.raises(IdentityConflict):
        place_order_for_study(study.pk, an_order_from_images(), person)
    with transaction.atomic():
        cancel_order("RIS", wrong.procedure.placer_order_number, HIS)
    right = place_order_for_study(study.pk, an_order_from_images(), person)
    assert right.procedure.patient.identifiers.get().value == "BN001"
    assert right.procedure.placer_order_number == f"RIS-ST{study.pk}-2"


def an_order_from_images(**given: str) -> OrderFromStudy:
    return OrderFromStudy(
        **{
            "patient_number": "BN001", "full_name": "NGUYỄN VĂN AN", "birth_date": "", "sex": "",
            "service_code": "CT.SONAO", "service_name": "Chụp CLVT sọ não", "modality": "CT", **given,
        }
    )  # fmt: skip


def test_an_order_that_the_images_contradict_is_not_made(waiting: Callable[..., Study], person: Actor) -> None:
    study = waiting()
    said = OrderFromStudy(
        patient_number="BN001", full_name="NGUYỄN VĂN AN", birth_date="19990512", sex="M",
        service_code="CT.SONAO", service_name="Chụp CLVT sọ não", modality="CT",
    )  # fmt: skip
    with pytest.raises(IdentityConflict):
        place_order_for_study(study.pk, said, person)
    assert not RequestedProcedure.objects.exists()


def test_undoing_needs_a_reason_and_a_link(order: PlaceOrder, send: Send, follow: Follow, person: Actor) -> None:
    order()
    send()
    follow()
    with pytest.raises(InvalidValue):
        undo_link(StudyLink.objects.get().pk, person, " ")
    with pytest.raises(NotFound):
        undo_link(0, person, "x")


# ---- what the database itself refuses ----


def test_no_study_has_a_patient_without_being_linked(order: PlaceOrder, send: Send, follow: Follow) -> None:
    """Domain invariant 1."""
    patient = order("OTHER").patient
    send(AccessionNumber="")
    follow()
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(patient=patient)
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(state=StudyState.READY_TO_READ)


def test_no_linked_study_is_without_a_patient(order: PlaceOrder, send: Send, follow: Follow) -> None:
    order()
    send()
    follow()
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(patient=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(state=StudyState.UNMATCHED)


@pytest.mark.parametrize("change", [{"as_received": {}}, {"study_instance_uid": "9.9"}])
def test_what_was_received_cannot_be_changed(send: Send, follow: Follow, change: dict[str, object]) -> None:
    """Domain invariant 3."""
    send()
    follow()
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(**change)


def test_no_link_is_made_twice(order: PlaceOrder, send: Send, follow: Follow) -> None:
    order()
    send()
    follow()
    link = StudyLink.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        StudyLink.objects.create(study=link.study, procedure=link.procedure, how="PERSON", linked_at=timezone.now())
