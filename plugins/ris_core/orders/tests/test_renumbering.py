"""Numbers that a person changes: everything follows, the old ones still find the order, all can be restored."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import dcmread

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.errors import InvalidValue, NotFound
from ris_core.identifiers import PlacerOrderNumber
from ris_core.matching.policy import DEFAULT_POLICY
from ris_core.orders import services
from ris_core.orders.ending import cancel_order
from ris_core.orders.errors import OrderExists
from ris_core.orders.models import FormerNumber, ImagingServiceRequest, RequestedProcedure
from ris_core.orders.renumbering import change_accession_number, change_placer_number, restore_number
from ris_core.orders.services import change_order, place_order
from ris_core.orders.tests.builders import an_order
from ris_core.patients.services import record_patient
from ris_core.studies.candidates import consider, received_study
from ris_core.studies.received import header_from_json
from ris_core.worklist.models import WorklistEntry

pytestmark = pytest.mark.django_db


def told() -> str:
    """The accession number that devices are told."""
    return str(dcmread(BytesIO(bytes(WorklistEntry.objects.get().answer))).AccessionNumber)


def test_an_accession_number_is_changed_and_restored() -> None:
    placed = place_order(an_order(), SYSTEM)
    change_accession_number(placed.request_id, "NEW1", "typing error", SYSTEM)
    request = ImagingServiceRequest.objects.get()
    assert (request.accession_number, told()) == ("NEW1", "NEW1")
    former = FormerNumber.objects.get()
    assert (former.value, former.replaced_by, former.reason) == ("ACC1", "NEW1", "typing error")
    assert AuditEvent.objects.filter(action="order.renumbered").count() == 1
    restore_number(former.pk, "it was right", SYSTEM)
    assert told() == "ACC1"
    assert FormerNumber.objects.count() == 2


def test_images_that_carry_the_former_number_name_the_order() -> None:
    placed = place_order(an_order(), SYSTEM)
    change_accession_number(placed.request_id, "NEW1", "typing error", SYSTEM)
    received = received_study(
        header_from_json({"00080050": {"vr": "SH", "Value": ["ACC1"]}, "0020000D": {"vr": "UI", "Value": ["1.2.3"]}})
    )
    (procedure,) = consider(received, DEFAULT_POLICY).procedures
    assert procedure.procedure_id == placed.procedure_id
    assert "ACC1" in procedure.accession_numbers


def test_a_number_that_is_or_was_anothers_is_not_given() -> None:
    first = place_order(an_order(), SYSTEM)
    second = place_order(an_order(placer_order_number=PlacerOrderNumber("P2"), accession_number="ACC2"), SYSTEM)
    change_accession_number(first.request_id, "NEW1", "r", SYSTEM)
    for number in ("NEW1", "ACC1"):
        with pytest.raises(OrderExists):
            change_accession_number(second.request_id, number, "r", SYSTEM)
    third = place_order(an_order(placer_order_number=PlacerOrderNumber("P3"), accession_number="ACC1"), SYSTEM)
    assert third.accession_number != "ACC1"
    assert ImagingServiceRequest.objects.get(pk=third.request_id).sent_accession_number == "ACC1"


def test_a_senders_messages_under_the_former_number_find_the_order() -> None:
    placed = place_order(an_order(), SYSTEM)
    change_placer_number(placed.procedure_id, "P100", "HIS typed it wrong", SYSTEM)
    assert not place_order(an_order(), SYSTEM).changed
    assert change_order(an_order(priority="STAT"), SYSTEM).procedure_id == placed.procedure_id
    assert cancel_order("HIS|BVX", "P1", SYSTEM) == [placed.procedure_id]
    assert RequestedProcedure.objects.get().placer_order_number == "P100"


def test_a_placer_number_of_another_order_is_not_given() -> None:
    placed = place_order(an_order(), SYSTEM)
    place_order(an_order(placer_order_number=PlacerOrderNumber("P2"), accession_number="ACC2"), SYSTEM)
    with pytest.raises(OrderExists):
        change_placer_number(placed.procedure_id, "P2", "r", SYSTEM)
    assert not FormerNumber.objects.exists()


def test_what_cannot_be_done_is_refused() -> None:
    placed = place_order(an_order(), SYSTEM)
    with pytest.raises(InvalidValue):
        change_accession_number(placed.request_id, "NEW1", " ", SYSTEM)
    with pytest.raises(InvalidValue):
        change_accession_number(placed.request_id, "LONGER THAN SIXTEEN", "r", SYSTEM)
    with pytest.raises(NotFound):
        change_accession_number(99, "NEW1", "r", SYSTEM)
    with pytest.raises(NotFound):
        restore_number(99, "r", SYSTEM)
    change_accession_number(placed.request_id, "ACC1", "r", SYSTEM)
    assert not FormerNumber.objects.exists()


def test_a_change_by_the_sender_keeps_a_number_that_was_given_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a change has read of the request before is not written back over another's number."""
    placed = place_order(an_order(), SYSTEM)

    def renumbered_meanwhile(*said: object) -> object:
        ImagingServiceRequest.objects.update(accession_number="NEW1")
        return record_patient(*said)  # type: ignore[arg-type]

    monkeypatch.setattr(services, "record_patient", renumbered_meanwhile)
    change_order(an_order(comments="ghi chú"), SYSTEM)
    request = ImagingServiceRequest.objects.get(pk=placed.request_id)
    assert (request.accession_number, request.comments) == ("NEW1", "ghi chú")
