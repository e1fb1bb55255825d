"""Orders that rules refuse, and what devices are told of a patient's condition."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO

import pytest
from pydicom import dcmread

from ris_core.audit.services import SYSTEM
from ris_core.errors import InvalidValue, NotFound
from ris_core.orders.errors import OrderRefused
from ris_core.orders.models import RefusalRule, RequestedProcedure
from ris_core.orders.refusals import save_rule
from ris_core.orders.rules import OrderedStep, PatientCondition, RefusalConditions
from ris_core.orders.services import change_order, place_order
from ris_core.orders.tests.builders import an_order
from ris_core.worklist.models import WorklistEntry

pytestmark = pytest.mark.django_db


def test_an_order_that_a_rule_refuses_is_not_taken() -> None:
    rule = save_rule(None, RefusalConditions(reason="Máy CT hỏng", modality="CT"), True, SYSTEM)
    with pytest.raises(OrderRefused, match="Máy CT hỏng"):
        place_order(an_order(), SYSTEM)
    save_rule(rule.pk, RefusalConditions(reason="Máy CT hỏng", modality="CT"), False, SYSTEM)
    assert place_order(an_order(), SYSTEM).changed


def test_an_order_cannot_be_changed_into_a_refused_service() -> None:
    place_order(an_order(), SYSTEM)
    save_rule(None, RefusalConditions(reason="Không làm ở đây", service_code="CT.TIM*"), True, SYSTEM)
    with pytest.raises(OrderRefused):
        change_order(an_order(service_code="CT.TIM.64"), SYSTEM)


@pytest.mark.parametrize("service_code", ["", " ", "*"])
def test_a_rule_that_would_refuse_everything_cannot_be_saved(service_code: str) -> None:
    with pytest.raises(InvalidValue):
        save_rule(None, RefusalConditions(reason="r", service_code=service_code), True, SYSTEM)
    assert not RefusalRule.objects.exists()


def test_a_rule_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(NotFound):
        save_rule(9, RefusalConditions(reason="r", modality="CT"), True, SYSTEM)


def test_devices_are_told_of_the_patients_condition() -> None:
    condition = PatientCondition(
        allergies="Penicillin",
        pregnancy_status=1,
        patient_weight_kg=Decimal("62.50"),
        isolation="Lao",
        transport="Xe lăn",
    )
    step = OrderedStep(protocol_code="P9", protocol_coding_system="99BVX", description="Sọ não thường quy")
    place_order(an_order(condition=condition, comments="Có máy tạo nhịp", procedure_code="RPC1", steps=(step,)), SYSTEM)
    found = dcmread(BytesIO(bytes(WorklistEntry.objects.get().answer)))
    assert (found.Allergies, found.PregnancyStatus, float(found.PatientWeight)) == ("Penicillin", 1, 62.5)
    assert (found.SpecialNeeds, found.PatientTransportArrangements) == ("Lao", "Xe lăn")
    assert found.ImagingServiceRequestComments == "Có máy tạo nhịp"
    assert found.RequestedProcedureCodeSequence[0].CodeValue == "RPC1"
    protocol = found.ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[0]
    assert (protocol.CodeValue, protocol.CodeMeaning) == ("P9", "Sọ não thường quy")


def test_a_change_of_the_condition_reaches_devices_and_what_is_not_said_stays() -> None:
    place_order(an_order(condition=PatientCondition(allergies="Penicillin", pregnancy_status=2)), SYSTEM)
    changed = change_order(an_order(condition=PatientCondition(allergies="")), SYSTEM)
    assert changed.changed
    assert not change_order(an_order(condition=PatientCondition(allergies="", pregnancy_status=2)), SYSTEM).changed
    request = RequestedProcedure.objects.get().request
    assert (request.allergies, request.pregnancy_status) == ("", 2)
    found = dcmread(BytesIO(bytes(WorklistEntry.objects.get().answer)))
    assert (found.get("Allergies"), found.PregnancyStatus) == ("", 2)
