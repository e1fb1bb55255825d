"""What is said of a step and a device is what the device's query does, for any filter, quirk, step and key."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from ris_core.audit.services import SYSTEM
from ris_core.devices.quirks import Quirks, WorklistFilter
from ris_core.devices.registered import registered_device
from ris_core.devices.services import DeviceRegistration, register_device
from ris_core.errors import NotFound
from ris_core.worklist.eligibility import Verdict
from ris_core.worklist.explanation import LIMIT, explain_absence
from ris_core.worklist.history import Fetch, note_fetched
from ris_core.worklist.models import WorklistEntry
from ris_core.worklist.rules import Key, Keys
from ris_core.worklist.services import find_entries, put_on_worklist, take_off_worklist
from ris_core.worklist.tests.builders import a_step, an_answer, schedule

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 23)
STEP, STATION, DATE, TIME, MODALITY = 0x00400100, 0x00400001, 0x00400002, 0x00400003, 0x00080060
ACCESSION, NAME = 0x00080050, 0x00100010
ROUNDS = 150


def mostly(chance: random.Random, usual: Any, *others: Any) -> Any:
    """What lets a step through, and now and then something else."""
    return usual if chance.random() < 0.75 else chance.choice(others)


def some_answer(chance: random.Random) -> dict[str, Any]:
    return {
        "scheduled_station_ae_title": mostly(chance, "", "CT1", "CT2", "XR1"),
        "modality": mostly(chance, "CT", "DX", "MR"),
        "scheduled_procedure_step_start_date": mostly(chance, "20261123", "20261120", "20261124", "20261201"),
        "scheduled_procedure_step_start_time": mostly(chance, "083000", "010000", "233000"),
        "scheduled_procedure_step_location": chance.choice(["", "Phòng CT 1", "PHÒNG 2"]),
        "requesting_service": mostly(chance, "Khoa Cấp cứu", "", "Khoa Nội"),
        "scheduled_procedure_step_status": chance.choice(["SCHEDULED", "ARRIVED"]),
        "patient_id": mostly(chance, "BN1", "BNĐ2"),
        "accession_number": mostly(chance, "AC1", "AC2"),
        "requested_procedure_priority": chance.choice(["STAT", "ROUTINE"]),
    }


def some_filter(chance: random.Random) -> WorklistFilter:
    return WorklistFilter(
        stations=chance.choice(["own", "own", "group", "any"]),
        by_modality=chance.random() < 0.7,
        rooms=mostly(chance, (), ("phòng ct 1",)),
        departments=mostly(chance, (), ("KHOA CẤP CỨU",)),
        statuses=mostly(chance, (), ("ARRIVED",)),
        days_before=mostly(chance, None, 0, 1),
        days_after=mostly(chance, None, 0, 7),
        limit=mostly(chance, None, 1, 2),
    )


def some_keys(chance: random.Random, own: str) -> Keys:
    item = {
        STATION: Key("AE", mostly(chance, "", own, "CT1", "CT2", "CT*", "CT1\\CT2")),
        MODALITY: Key("CS", mostly(chance, "", "CT", "CT\\DX")),
        DATE: Key("DA", mostly(chance, "", "20261123", "20261122-20261124", "-20261123")),
        TIME: Key("TM", mostly(chance, "", "0830", "2000-0800")),
    }
    name = Key("PN", mostly(chance, "", "nguyen"))
    return {ACCESSION: Key("SH", mostly(chance, "", "AC1", "AC?")), NAME: name, STEP: Key("SQ", item=item)}


def test_it_says_present_exactly_when_the_query_finds_the_step() -> None:
    chance = random.Random(20261122)
    register_device(DeviceRegistration(ae_title="CT2", name="CT 2", modality="CT", groups=("A",)), SYSTEM)
    seen = {True: 0, False: 0}
    for number in range(ROUNDS):
        title = f"D{number}" if number % 3 else "CT1"
        if number % 3 or not number:
            register_device(
                DeviceRegistration(
                    ae_title=title, name="x", modality=mostly(chance, "CT", "DX", ""),
                    other_modalities=chance.choice([(), ("MR",)]), groups=chance.choice([(), ("A",)]),
                    character_set=mostly(chance, "ISO_IR 192", "ISO_IR 100"), worklist_filter=some_filter(chance),
                    quirks=Quirks(
                        names_match_from_start=chance.random() < 0.5,
                        ignored_query_keys=mostly(chance, (), ("ScheduledProcedureStepStartDate",)),
                    ),
                ),
                SYSTEM,
            )  # fmt: skip
        WorklistEntry.objects.all().delete()
        steps = [schedule(**some_answer(chance)) for _ in range(4)]
        keys = some_keys(chance, title)
        found = find_entries(keys, 500, registered_device(title), TODAY)
        for step in steps:
            (said,) = explain_absence(title, step_id=step, keys=keys, today=TODAY)
            assert said.present is (step in found.step_ids), (number, said)
            if said.present or found.complete:
                others = [check for check in said.checks if check.about != LIMIT]
                assert said.present is all(check.verdict is Verdict.PASS for check in others), (number, said)
            seen[said.present] += 1
    assert min(seen.values()) > ROUNDS / 5, "both answers were tried often"


def failed(ae_title: str, step_id: int, **query: Any) -> list[str]:
    (said,) = explain_absence(ae_title, step_id=step_id, today=TODAY, **query)
    return [check.about for check in said.checks if check.verdict is Verdict.FAIL]


def test_each_reason_is_named() -> None:
    def device(ae_title: str, **changes: Any) -> str:
        values = {"name": "x", "modality": "CT", **changes}
        return register_device(DeviceRegistration(ae_title=ae_title, **values), SYSTEM).ae_title

    step = schedule(scheduled_station_ae_title="", modality="CT", scheduled_procedure_step_location="Phòng 1",
                    patient_id="BNĐ")  # fmt: skip
    assert failed(device("A"), step) == []
    assert failed("NOBODY", step) == ["REGISTERED"]
    assert failed(device("B", active=False), step) == ["ACTIVE"]
    assert failed(device("C", may_query_worklist=False), step) == ["MAY_QUERY"]
    assert failed(device("D", modality="MR"), step) == ["MODALITY"]
    assert failed(device("E", worklist_filter=WorklistFilter(rooms=("Phòng 2",))), step) == ["ROOM"]
    assert failed(device("F", worklist_filter=WorklistFilter(departments=("Khoa Nội",))), step) == ["DEPARTMENT"]
    assert failed(device("G", worklist_filter=WorklistFilter(statuses=("ARRIVED",))), step) == ["STATUS"]
    assert failed(device("H", character_set="ISO_IR 100"), step) == ["IDENTIFIERS"]
    window = WorklistFilter(days_before=0, days_after=0)
    later = schedule(scheduled_station_ae_title="I", scheduled_procedure_step_start_date="20261124")
    assert failed(device("I", worklist_filter=window), later) == ["WINDOW"]
    assert failed("A", later) == ["STATION"]
    assert failed("A", step, keys={ACCESSION: Key("SH", "X")}) == ["KEY AccessionNumber"]
    put_on_worklist(step, an_answer(scheduled_station_ae_title="J", requested_procedure_priority="LOW"))
    schedule(scheduled_station_ae_title="J", requested_procedure_priority="STAT")
    assert failed(device("J", worklist_filter=WorklistFilter(limit=1)), step) == ["LIMIT"]


def test_a_step_that_left_the_worklist_is_told_by_its_status() -> None:
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1", modality="CT"), SYSTEM)
    step = a_step(status="CANCELLED")
    take_off_worklist([step.pk])
    (said,) = explain_absence("CT1", procedure_id=step.procedure_id)
    (reason,) = (check for check in said.checks if check.verdict is Verdict.FAIL)
    assert (reason.about, reason.found) == ("ON_WORKLIST", "CANCELLED")


def test_the_devices_own_last_query_is_what_is_explained() -> None:
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1", modality="CT"), SYSTEM)
    step = schedule()
    assert [c.about for c in explain_absence("CT1", step_id=step)[0].checks if c.verdict is Verdict.UNKNOWN] == [
        "HAS_ASKED"
    ]
    keys = {NAME: Key("PN", "X*"), STEP: Key("SQ", item={DATE: Key("DA", "20200101")})}
    note_fetched([Fetch((), "CT1", "10.0.0.1", timezone.now(), keys)])
    (said,) = explain_absence("CT1", step_id=step)
    assert not said.present
    verdicts = {check.about: check.verdict for check in said.checks}
    assert verdicts["KEY ScheduledProcedureStepStartDate"] is Verdict.FAIL
    assert verdicts["KEY PatientName"] is Verdict.UNKNOWN


def test_with_unregistered_devices_allowed_a_stranger_is_shown_everything(settings: Any) -> None:
    dicom = msgspec.structs.replace(settings.QUANG.dicom, registered_only=False)
    settings.QUANG = msgspec.structs.replace(settings.QUANG, dicom=dicom)
    assert explain_absence("STRANGER", step_id=schedule())[0].present


def test_a_step_that_does_not_exist_is_not_explained() -> None:
    with pytest.raises(NotFound):
        explain_absence("CT1", step_id=4711)
