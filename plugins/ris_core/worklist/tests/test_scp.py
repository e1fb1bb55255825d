"""The worklist of the service beside the engine: every character set, over a real association."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt

from ris_core.audit.services import SYSTEM
from ris_core.devices.models import Device
from ris_core.devices.quirks import WorklistFilter
from ris_core.devices.services import DeviceRegistration, change_device, register_device, registration_of
from ris_core.settings import load_settings
from ris_core.worklist.models import WorklistFetch, WorklistQuery
from ris_core.worklist.scp import SOP_CLASS, WorklistProvider
from ris_core.worklist.tests.builders import schedule

pytestmark = pytest.mark.django_db(transaction=True)


ANY = WorklistFilter(stations="any")


def registration_of_xr1() -> tuple[int, DeviceRegistration]:
    device = Device.objects.get(ae_title="XR1")
    return device.pk, registration_of(device)


@pytest.fixture
def port() -> Iterator[int]:
    entity = AE(ae_title="QUANG")
    entity.add_supported_context(SOP_CLASS, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    provider = WorklistProvider(load_settings({}))
    server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, provider.found)])
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def asked(port: int, query: Dataset, syntax: str = ExplicitVRLittleEndian) -> tuple[list[Dataset], int]:
    """The answers and the last status."""
    entity = AE(ae_title="XR1")
    entity.add_requested_context(SOP_CLASS, syntax)
    association = entity.associate("127.0.0.1", port, ae_title="QUANG")
    assert association.is_established
    answers, last = [], 0
    for status, answer in association.send_c_find(query, SOP_CLASS):
        last = status.Status
        if answer is not None:
            answers.append(answer)
    association.release()
    return answers, last


def a_query(**keys: Any) -> Dataset:
    query, item = Dataset(), Dataset()
    query.PatientName = query.PatientID = query.AccessionNumber = ""
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    item.ScheduledStationAETitle = item.Modality = ""
    query.ScheduledProcedureStepSequence = [item]
    return query


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("character_set", "declared", "name"),
    [
        ("ISO_IR 192", "ISO_IR 192", "TRẦN^THỊ ĐÀO"),
        ("ISO_IR 100", "ISO_IR 100", "TRÂN^THI DÀO"),
        ("ISO_IR 101", "ISO_IR 101", "TRÂN^THI ĐAO"),
        ("ISO 2022 IR 100", "ISO 2022 IR 100", "TRÂN^THI DÀO"),
        ("GB18030", "GB18030", "TRẦN^THỊ ĐÀO"),
        ("ISO_IR 6", "", "TRAN^THI DAO"),
    ],
)
def test_a_device_is_answered_in_its_own_character_set_with_what_it_asked_for(
    port: int, character_set: str, declared: str, name: str, syntax: str
) -> None:
    step = schedule(patient_name="TRẦN^THỊ ĐÀO", scheduled_station_ae_title="")
    device = DeviceRegistration(ae_title="XR1", name="XR 1", modality="CT", character_set=character_set)
    register_device(device, SYSTEM)
    query = a_query(PatientName="tran*", RequestedProcedureCodeSequence=[])
    (answer,), status = asked(port, query, syntax)
    assert status == 0
    assert answer.get("SpecificCharacterSet", "") == declared
    assert answer.PatientName == name
    assert {element.keyword for element in answer} - {"SpecificCharacterSet"} == {
        "PatientName", "PatientID", "AccessionNumber", "RequestedProcedureCodeSequence",
        "ScheduledProcedureStepSequence",
    }  # fmt: skip
    (item,) = answer.ScheduledProcedureStepSequence
    assert {element.keyword for element in item} == {"ScheduledStationAETitle", "Modality"}
    assert item.ScheduledStationAETitle == "XR1"
    assert answer.RequestedProcedureCodeSequence[0].CodeValue == "CT.SONAO"
    assert WorklistFetch.objects.get().step_id == step
    assert WorklistQuery.objects.get().ae_title == "XR1"


def test_a_name_in_the_devices_own_set_finds_the_patient(port: int) -> None:
    schedule(patient_name="TRẦN^THỊ ĐÀO")
    schedule(patient_name="LÊ^HẢI")
    register_device(DeviceRegistration(ae_title="XR1", name="XR 1", character_set="ISO_IR 100", modality="CT"), SYSTEM)
    quiet = registration_of_xr1()
    change_device(quiet[0], replace(quiet[1], worklist_filter=ANY), SYSTEM)
    query = a_query(PatientName="TRÂN^THI DÀO")
    query.SpecificCharacterSet = "ISO_IR 100"
    answers, _ = asked(port, query)
    assert [str(answer.PatientName) for answer in answers] == ["TRÂN^THI DÀO"]


def test_more_than_may_be_answered_ends_with_fe00_and_what_cannot_be_answered_with_c000(port: int) -> None:
    for _ in range(2):
        schedule()
    register_device(
        DeviceRegistration(ae_title="XR1", name="x", worklist_filter=WorklistFilter(stations="any", by_modality=False,
                                                                                    limit=1)), SYSTEM
    )  # fmt: skip
    answers, status = asked(port, a_query())
    assert (len(answers), status) == (1, 0xFE00)
    device = registration_of_xr1()
    change_device(device[0], replace(device[1], may_query_worklist=False), SYSTEM)
    assert asked(port, a_query()) == ([], 0xC000)


def test_a_mistake_of_ours_is_no_empty_worklist_and_is_logged(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with patch("ris_core.worklist.answering.find_entries", side_effect=KeyError("NGUYEN")):
        register_device(DeviceRegistration(ae_title="XR1", name="XR 1", modality="CT"), SYSTEM)
        assert asked(port, a_query()) == ([], 0xC000)
    assert [record.getMessage() for record in caplog.records if record.name == "ris_core.worklist.scp"] == [
        "worklist query of XR1 failed"
    ]
