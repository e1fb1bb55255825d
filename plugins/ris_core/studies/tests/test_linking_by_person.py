"""A person links, takes back and rules out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.services import Actor
from ris_core.errors import IdentityConflict, InvalidValue, NotFound, TransitionRefused
from ris_core.notices.models import Notice
from ris_core.notices.services import open_notices
from ris_core.orders.ending import cancel_order
from ris_core.orders.models import ExamState, OrderLink, RequestedProcedure, StepStatus
from ris_core.reports.content import plain_content
from ris_core.reports.holding import claim
from ris_core.reports.services import open_reading, save_draft
from ris_core.studies.models import Study, StudyLink, StudyState
from ris_core.studies.resolving import (
    reject_candidate,
    weigh,
    withdraw_rejection,
)
from ris_core.studies.services import active_links, link_study, studies_of_procedure, undo_link
from ris_core.studies.tests.conftest import (
    HIS,
    ORDERED,
    READY,
    Follow,
    PlaceOrder,
    Send,
    exam_of,
)
from ris_testing.fake_engine import FakeEngine

pytestmark = pytest.mark.django_db


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


def test_undoing_needs_a_reason_and_a_link(order: PlaceOrder, send: Send, follow: Follow, person: Actor) -> None:
    order()
    send()
    follow()
    with pytest.raises(InvalidValue):
        undo_link(StudyLink.objects.get().pk, person, " ")
    with pytest.raises(NotFound):
        undo_link(0, person, "x")
