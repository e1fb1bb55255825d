"""Decisions about orders that need no database."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ris_core.errors import InvalidValue
from ris_core.orders.rules import (
    CatalogueEntry,
    OrderContent,
    OrderedStep,
    PatientCondition,
    RefusalConditions,
    changes,
    chosen_entry,
    modality_of,
    needs_open_steps,
    refusing_rule,
    usable_accession_number,
)
from ris_core.orders.tests.builders import AT, an_order

IN_CATALOGUE = CatalogueEntry("BVX", "CT sọ não", "CT", "CT1", "P.CT")


@pytest.mark.parametrize(
    ("order", "entry", "modality"),
    [
        (an_order(modality="MR", steps=(OrderedStep(modality="US"),)), IN_CATALOGUE, "US"),
        (an_order(modality="MR"), IN_CATALOGUE, "CT"),
        (an_order(modality="MR"), None, "MR"),
        (an_order(modality="", service_code="us"), None, "US"),
    ],
)
def test_where_the_modality_comes_from(order: object, entry: CatalogueEntry | None, modality: str) -> None:
    assert modality_of(order, entry) == modality  # type: ignore[arg-type]


def test_an_unknown_service_without_modality_is_refused() -> None:
    with pytest.raises(InvalidValue, match="catalogue"):
        modality_of(an_order(modality="", service_code="XN.01"), None)


def test_the_catalogue_entry_of_the_orders_coding_system_goes_first() -> None:
    other = CatalogueEntry("99BV", "other", "MR", "", "")
    assert chosen_entry([other, IN_CATALOGUE], "BVX") is IN_CATALOGUE
    assert chosen_entry([other], "BVX") is other
    assert chosen_entry([other, IN_CATALOGUE], "") is None
    assert chosen_entry([], "BVX") is None


@pytest.mark.parametrize(
    ("sent", "usable"),
    [(" acc 00123 ", "acc 00123"), ("A" * 16, "A" * 16), ("A" * 17, None), ("", None), ("A\\B", None)],
)
def test_accession_numbers_that_dicom_can_hold(sent: str, usable: str | None) -> None:
    assert usable_accession_number(sent) == usable


CONTENT = OrderContent(
    service_code="CT.SONAO",
    accession_numbers=("Q1", "ACC1"),
    priority="ROUTINE",
    scheduled_at=AT,
    requesting_physician="LÊ THỊ HOA",
    requesting_department="",
    clinical_indication="Đau đầu",
)


def test_what_is_not_said_is_no_change() -> None:
    silent = an_order(
        priority=None, scheduled_at=None, clinical_indication=None, requesting_physician=None, accession_number=""
    )
    assert changes(CONTENT, an_order()) == {}
    assert changes(CONTENT, silent) == {}


def test_what_is_said_otherwise_is_a_change() -> None:
    order = an_order(
        service_code="CT.BUNG",
        priority="STAT",
        scheduled_at=AT + timedelta(days=1),
        clinical_indication="",
        accession_number="X",
    )
    different = changes(CONTENT, order)
    assert set(different) == {"service_code", "priority", "scheduled_at", "clinical_indication", "accession_number"}
    assert needs_open_steps(different) == ["service_code", "scheduled_at"]


REFUSED = RefusalConditions(reason="Máy MRI đang bảo trì", modality="MR")


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        (REFUSED, False),
        (RefusalConditions(reason="r", modality="CT"), True),
        (RefusalConditions(reason="r", service_code="CT.*"), True),
        (RefusalConditions(reason="r", service_code="CT"), False),
        (RefusalConditions(reason="r", modality="CT", patient_class="E"), False),
        (RefusalConditions(reason="r", modality="CT", patient_class="O", priority="ROUTINE"), True),
        (RefusalConditions(reason="r", source="HIS|BVX", requesting_department="Nội"), False),
    ],
)
def test_a_rule_refuses_an_order_when_all_its_conditions_hold(rule: RefusalConditions, refused: bool) -> None:
    assert (refusing_rule([REFUSED, rule], an_order(), "CT") is rule) is refused


@pytest.mark.parametrize(
    "said", [{"pregnancy_status": 5}, {"patient_weight_kg": Decimal("0")}, {"patient_weight_kg": Decimal("NaN")}]
)
def test_impossible_conditions_of_a_patient_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        PatientCondition(**said)
