"""Each device is shown the steps that it may do, and no other (invariant 9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ris_core.audit.services import SYSTEM
from ris_core.devices.quirks import Quirks, WorklistFilter
from ris_core.devices.registered import registered_device
from ris_core.devices.services import DeviceRegistration, change_device, register_device, registration_of
from ris_core.worklist.dataset import attributes_of, read_file
from ris_core.worklist.rules import Key, Keys
from ris_core.worklist.services import FoundEntries, find_entries
from ris_core.worklist.tests.builders import schedule

pytestmark = pytest.mark.django_db

STEP, STATION, DATE, NAME = 0x00400100, 0x00400001, 0x00400002, 0x00100010
TODAY = date(2026, 11, 23)


def a_device(ae_title: str = "CT1", **changes: Any) -> str:
    values: dict[str, Any] = {"name": ae_title, "modality": "CT", **changes}
    register_device(DeviceRegistration(ae_title=ae_title, **values), SYSTEM)
    return ae_title


def asked(ae_title: str, keys: Keys | None = None, limit: int = 100) -> FoundEntries:
    return find_entries(keys or {}, limit, registered_device(ae_title), TODAY)


def found(ae_title: str, keys: Keys | None = None) -> set[int]:
    return set(asked(ae_title, keys).step_ids)


def test_a_device_sees_its_own_steps_and_those_for_any_device_of_its_modalities() -> None:
    own = schedule(scheduled_station_ae_title="CT1", modality="MR")
    of_modality = schedule(scheduled_station_ae_title="", modality="CT")
    also = schedule(scheduled_station_ae_title="", modality="PT")
    schedule(scheduled_station_ae_title="", modality="DX")
    schedule(scheduled_station_ae_title="CT2", modality="CT")
    a_device(other_modalities=("PT",))
    assert found("CT1") == {own, of_modality, also}
    assert found("CT1", {STEP: Key("SQ", item={STATION: Key("AE", "CT1")})}) == {own, of_modality, also}
    assert found("CT1", {STEP: Key("SQ", item={STATION: Key("AE", "CT2")})}) == set(), "asking for more shows no more"


def test_a_device_without_a_modality_sees_only_what_names_it() -> None:
    own = schedule(scheduled_station_ae_title="CT1")
    schedule(scheduled_station_ae_title="")
    a_device(modality="")
    assert found("CT1") == {own}


def test_devices_of_a_group_see_each_others_steps() -> None:
    steps = {schedule(scheduled_station_ae_title=title) for title in ("US1", "US2", "")}
    schedule(scheduled_station_ae_title="US3")
    together = WorklistFilter(stations="group", by_modality=False)
    for title in ("US1", "US2"):
        a_device(title, modality="US", groups=("Siêu âm",), worklist_filter=together)
    a_device("US3", modality="US", groups=("Khác",), worklist_filter=together)
    assert found("US1") == found("US2") == steps


@pytest.mark.parametrize(
    ("wanted", "shown", "hidden"),
    [
        (WorklistFilter(rooms=("phòng CT 1",)), {"scheduled_procedure_step_location": "Phòng CT 1"},
         {"scheduled_procedure_step_location": "Phòng CT 2"}),
        (WorklistFilter(rooms=("Phòng CT 1",)), {"scheduled_procedure_step_location": ""},
         {"scheduled_procedure_step_location": "P"}),
        (WorklistFilter(departments=("Khoa Cấp cứu",)), {"requesting_service": "khoa cấp cứu"},
         {"requesting_service": ""}),
        (WorklistFilter(statuses=("ARRIVED", "READY")), {"scheduled_procedure_step_status": "READY"},
         {"scheduled_procedure_step_status": "SCHEDULED"}),
        (WorklistFilter(days_before=1), {"scheduled_procedure_step_start_date": "20261122"},
         {"scheduled_procedure_step_start_date": "20261121"}),
        (WorklistFilter(days_after=7), {"scheduled_procedure_step_start_date": "20261130"},
         {"scheduled_procedure_step_start_date": "20261201"}),
    ],
)  # fmt: skip
def test_a_filter_shows_and_hides(wanted: WorklistFilter, shown: dict[str, str], hidden: dict[str, str]) -> None:
    step = schedule(**shown)
    schedule(**hidden)
    a_device(worklist_filter=wanted)
    assert found("CT1") == {step}


def test_no_device_gets_an_identifier_that_it_cannot_write() -> None:
    plain = schedule()
    schedule(patient_id="BNĐ1")
    a_device(character_set="ISO_IR 101")
    a_device("CT2", character_set="GB18030", worklist_filter=WorklistFilter(stations="any"))
    assert found("CT1") == {plain}
    assert len(found("CT2")) == 2


def test_the_limit_of_a_device_keeps_the_most_urgent() -> None:
    schedule(requested_procedure_priority="ROUTINE")
    urgent = schedule(requested_procedure_priority="STAT")
    a_device(worklist_filter=WorklistFilter(limit=1))
    result = asked("CT1")
    assert (result.step_ids, result.complete) == ((urgent,), False)


def test_a_step_for_any_device_is_answered_under_the_title_of_the_one_that_asks() -> None:
    schedule(scheduled_station_ae_title="")
    a_device()
    attributes = attributes_of(read_file(asked("CT1").answers[0]))
    assert attributes[STEP][0][STATION] == "CT1"


def test_keys_that_a_device_sends_wrongly_are_not_matched() -> None:
    step = schedule(scheduled_procedure_step_start_date="20261123")
    a_device()
    keys = {STEP: Key("SQ", item={DATE: Key("DA", "20000101")}), NAME: Key("PN", "NGUYEN^V")}
    assert found("CT1", keys) == set()
    device = registration_of_only_device()
    quirks = Quirks(ignored_query_keys=("ScheduledProcedureStepStartDate",), names_match_from_start=True)
    change_device(device[0], replace(device[1], quirks=quirks), SYSTEM)
    assert found("CT1", keys) == {step}


def registration_of_only_device() -> tuple[int, DeviceRegistration]:
    from ris_core.devices.models import Device

    device = Device.objects.get()
    return device.pk, registration_of(device)


def test_a_device_finds_a_patient_by_the_name_as_it_was_told() -> None:
    step = schedule(patient_name="NGUYỄN^THỊ ĐÀO")
    a_device(character_set="ISO_IR 100")
    for name in ("NGUYÊN^THI DÀO", "NGUYEN^THI DAO", "nguyen*", "NGUY?N^THI D?O"):
        assert found("CT1", {NAME: Key("PN", name)}) == {step}, name
