"""An order made in the RIS becomes the HIS's: one exam, the HIS's numbers, results to the HIS; and back."""

from __future__ import annotations

import pytest

from ris_core.audit.services import SYSTEM
from ris_core.delivery.models import Delivery, Receiver
from ris_core.errors import IdentityConflict, NotFound, TransitionRefused
from ris_core.identifiers import PlacerOrderNumber
from ris_core.orders.linking import link_orders, linkable_orders, unlink_orders
from ris_core.orders.models import OrderLink, RequestedProcedure, ScheduledProcedureStep
from ris_core.orders.services import PlacedOrder, change_order, place_order
from ris_core.orders.tests.builders import BINH, an_order
from ris_core.worklist.models import WorklistEntry
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db


def made_here(**said: object) -> PlacedOrder:
    usual: dict[str, object] = {
        "source": "RIS", "placer_order_number": PlacerOrderNumber("R1"), "accession_number": "", "visit": None,
        "service_code": "CT.SN", "service_name": "CT sọ não",
    }  # fmt: skip
    return place_order(an_order(**(usual | said)), SYSTEM)


def procedure(placed: PlacedOrder) -> RequestedProcedure:
    return RequestedProcedure.objects.select_related("request").get(pk=placed.procedure_id)


def test_the_exam_made_here_becomes_the_his_order() -> None:
    own, theirs = made_here(), place_order(an_order(), SYSTEM)
    before = procedure(own)
    assert [row.pk for row in linkable_orders(before)] == [theirs.procedure_id]
    link_orders(own.procedure_id, theirs.procedure_id, "cùng một chỉ định", SYSTEM)
    exam, absorbed = procedure(own), procedure(theirs)
    assert (exam.source, exam.placer_order_number, exam.service_code) == ("HIS|BVX", "P1", "CT.SONAO")
    assert (exam.request.accession_number, exam.request.sent_accession_number) == (own.accession_number, "ACC1")
    assert exam.study_instance_uid == before.study_instance_uid
    assert (absorbed.exam_state, absorbed.source, absorbed.placer_order_number) == ("CANCELLED", "RIS", "R1")
    assert [entry.step.procedure_id for entry in WorklistEntry.objects.select_related("step")] == [own.procedure_id]


def test_the_his_changes_its_order_from_then_on_and_repeats_it_without_effect() -> None:
    own, theirs = made_here(), place_order(an_order(), SYSTEM)
    link_orders(own.procedure_id, theirs.procedure_id, "", SYSTEM)
    assert change_order(an_order(priority="STAT"), SYSTEM).procedure_id == own.procedure_id
    assert not place_order(an_order(priority=None), SYSTEM).changed
    assert RequestedProcedure.objects.count() == 2


def test_a_link_is_taken_back() -> None:
    own, theirs = made_here(), place_order(an_order(), SYSTEM)
    rows = _rows()
    link = link_orders(own.procedure_id, theirs.procedure_id, "", SYSTEM)
    unlink_orders(link.pk, SYSTEM)
    assert _rows() == rows
    assert WorklistEntry.objects.count() == 2
    assert procedure(own).request.source == "RIS"
    with pytest.raises(NotFound):
        unlink_orders(link.pk, SYSTEM)
    link_orders(own.procedure_id, theirs.procedure_id, "", SYSTEM)
    assert OrderLink.objects.filter(undone_at__isnull=True).count() == 1


def _rows() -> list[dict[str, object]]:
    rows = RequestedProcedure.objects.order_by("pk").values()
    return [{name: value for name, value in row.items() if name != "updated_at"} for row in rows]


def test_orders_of_two_patients_are_not_linked() -> None:
    own = made_here()
    theirs = place_order(an_order(patient=BINH, visit=None), SYSTEM)
    with pytest.raises(IdentityConflict):
        link_orders(own.procedure_id, theirs.procedure_id, "", SYSTEM)


def test_an_order_on_which_work_has_begun_is_not_absorbed() -> None:
    own, theirs = made_here(), place_order(an_order(), SYSTEM)
    ScheduledProcedureStep.objects.filter(procedure_id=theirs.procedure_id).update(status="STARTED")
    with pytest.raises(TransitionRefused):
        link_orders(own.procedure_id, theirs.procedure_id, "", SYSTEM)
    with pytest.raises(TransitionRefused):
        link_orders(theirs.procedure_id, own.procedure_id, "", SYSTEM)


def test_an_approved_result_is_owed_to_the_his_it_turns_out_to_be_for() -> None:
    Receiver.objects.create(code="HIS", name="HIS", host="127.0.0.1", port=1, source="HIS|BVX")
    everybody = Receiver.objects.create(code="EMR", name="EMR", host="127.0.0.1", port=1)
    exam = an_exam(source="RIS")
    version = approved(exam, a_reader())
    Delivery.objects.update(state="ACKNOWLEDGED", message=b"MSH under the former number")
    former = Delivery.objects.get().control_id
    RequestedProcedure.objects.update(exam_state="RETURNED")
    theirs = place_order(an_order(visit=None), SYSTEM)
    RequestedProcedure.objects.filter(pk=theirs.procedure_id).update(patient=exam.patient)
    link_orders(exam.pk, theirs.procedure_id, "", SYSTEM)
    owed = {delivery.receiver.code: delivery for delivery in Delivery.objects.filter(version=version)}
    assert set(owed) == {"HIS", "EMR"}
    assert {bytes(delivery.message) for delivery in owed.values()} == {b""}
    assert owed["EMR"].control_id != former
    assert everybody.deliveries.count() == 1
    exam.refresh_from_db()
    assert exam.exam_state == "FINAL"
