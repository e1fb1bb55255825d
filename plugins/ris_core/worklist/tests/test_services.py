"""The worklist in the database: what is put there is found by its keys, in order, and taken off at once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from ris_core.changes.models import Change
from ris_core.devices.models import Device
from ris_core.errors import InvalidValue
from ris_core.worklist import services
from ris_core.worklist.dataset import attributes_of, read_file
from ris_core.worklist.history import Fetch, note_fetched
from ris_core.worklist.models import WorklistEntry, WorklistFetch
from ris_core.worklist.rules import Key, matches
from ris_core.worklist.search import compile_search
from ris_core.worklist.services import (
    compose_answer,
    find_entries,
    put_on_worklist,
    take_off_worklist,
)
from ris_core.worklist.tests.builders import a_step, an_answer, schedule

pytestmark = pytest.mark.django_db

STEP = 0x00400100
STATION, DATE, TIME, MODALITY = 0x00400001, 0x00400002, 0x00400003, 0x00080060
DESCRIPTION = 0x00400007
NAME, PATIENT_ID, ACCESSION, PROCEDURE_ID = 0x00100010, 0x00100020, 0x00080050, 0x00401001
STUDY_UID, PHYSICIAN = 0x0020000D, 0x00321032


def found(step_keys: dict[int, Key] | None = None, limit: int = 100) -> set[int]:
    return set(find_entries({STEP: Key("SQ", item=step_keys or {})}, limit).step_ids)


def test_the_answer_tells_what_was_ordered() -> None:
    at = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)
    step = a_step(scheduled_at=at, room="Phòng CT 1")
    answer = compose_answer(step, list(step.procedure.patient.identifiers.all()))
    assert (answer.scheduled_procedure_step_start_date, answer.scheduled_procedure_step_start_time) == (
        "20261123", "003000",
    ), "in the site's time zone"  # fmt: skip
    assert answer.requested_procedure_priority == "STAT"
    assert answer.other_patient_ids[0].issuer == "CCCD"
    put_on_worklist(step.pk, answer)
    read = dcmread(DicomBytesIO(find_entries({}, 1).answers[0]))
    assert (read.PatientID, read.IssuerOfPatientID, read.PatientBirthDate) == (answer.patient_id, "BVQ", "")
    assert (read.AdmissionID, read.CurrentPatientLocation) == (answer.admission_id, "Khoa Cấp cứu")
    assert read.ScheduledProcedureStepSequence[0].ScheduledProcedureStepLocation == "Phòng CT 1"
    assert read.ReasonForTheRequestedProcedure == "Đau đầu"


def test_a_patient_without_a_primary_identifier_cannot_be_sent_to_devices() -> None:
    with pytest.raises(InvalidValue):
        compose_answer(a_step(), [])


def test_putting_a_step_again_replaces_what_was_there() -> None:
    step = schedule(patient_name="CŨ^TÊN")
    put_on_worklist(step, an_answer(patient_name="MỚI^TÊN", scheduled_station_ae_title="CT2"))
    assert find_entries({NAME: Key("PN", "CU*")}, 9).step_ids == ()
    assert find_entries({NAME: Key("PN", "moi ten")}, 9).step_ids == (step,)
    assert found({STATION: Key("AE", "CT2")}) == {step}


def test_an_answer_that_cannot_be_encoded_leaves_the_worklist_as_it_was() -> None:
    step = schedule()
    with pytest.raises(InvalidValue):
        put_on_worklist(step, an_answer(accession_number="A" * 17))
    assert WorklistEntry.objects.get(pk=step).accession_number == "AC1"


def test_a_step_taken_off_is_found_no_more() -> None:
    first, second = schedule(), schedule()
    assert take_off_worklist([first]) == 1
    assert found() == {second}
    assert take_off_worklist([first]) == 0


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({ACCESSION: Key("SH", "AC7")}, True), ({ACCESSION: Key("SH", "ac7")}, False),
        ({ACCESSION: Key("SH", "AC*")}, True), ({ACCESSION: Key("SH", "ac*")}, False),
        ({ACCESSION: Key("SH", "AC?")}, True), ({ACCESSION: Key("SH", "A_7")}, False),
        ({ACCESSION: Key("SH", "A%")}, False), ({ACCESSION: Key("SH", "[A]*")}, False),
        ({ACCESSION: Key("SH", "AC6\\AC7")}, True), ({ACCESSION: Key("SH", "' OR 1=1 --")}, False),
        ({PATIENT_ID: Key("LO", "BN*7")}, True), ({PATIENT_ID: Key("LO", "BN-7")}, True),
        ({PROCEDURE_ID: Key("SH", "RP7")}, True), ({PROCEDURE_ID: Key("SH", "RP")}, False),
        ({NAME: Key("PN", "TRAN^THI DAO")}, True), ({NAME: Key("PN", "trần*đào")}, True),
        ({NAME: Key("PN", "DAO*")}, False), ({NAME: Key("PN", "TRAN^*")}, True),
        ({STUDY_UID: Key("UI", "2.25.7\\2.25.8")}, True), ({STUDY_UID: Key("UI", "2.25.8")}, False),
        ({PHYSICIAN: Key("PN", "le*hoa")}, True), ({PHYSICIAN: Key("PN", "tran*")}, False),
        ({STEP: Key("SQ", item={DESCRIPTION: Key("LO", "Chụp*")})}, True),
        ({STEP: Key("SQ", item={DESCRIPTION: Key("LO", "Chup*")})}, False),
        ({STEP: Key("SQ", item={MODALITY: Key("CS", "CT\\MR")})}, True),
        ({STEP: Key("SQ", item={MODALITY: Key("CS", "MR")})}, False),
        ({STEP: Key("SQ", item={STATION: Key("AE", "CT*")})}, True),
        ({STEP: Key("SQ", item={DATE: Key("DA", "20261101-"), TIME: Key("TM", "")})}, True),
        ({STEP: Key("SQ", item={DATE: Key("DA", "20261122-20261124"), TIME: Key("TM", "2000-0100")})}, True),
        ({STEP: Key("SQ", item={DATE: Key("DA", "20261123-20261124"), TIME: Key("TM", "0900-0100")})}, False),
        ({STEP: Key("SQ", item={DATE: Key("DA", "20261123"), TIME: Key("TM", "0830")})}, True),
        ({STEP: Key("SQ", item={DATE: Key("DA", "-20261122")})}, False),
        ({ACCESSION: Key("SH", "AC7"), STEP: Key("SQ", item={MODALITY: Key("CS", "MR")})}, False),
    ],
)  # fmt: skip
def test_the_database_decides_as_the_rules_do(keys: dict[int, Key], expected: bool) -> None:
    step = schedule(
        accession_number="AC7", patient_id="BN-7", requested_procedure_id="RP7", patient_name="TRẦN^THỊ ĐÀO",
        study_instance_uid="2.25.7",
    )  # fmt: skip
    result = find_entries(keys, 10)
    assert (result.step_ids == (step,)) is expected
    assert result.complete
    assert matches(keys, attributes_of(read_file(find_entries({}, 1).answers[0]))) is expected


def test_a_malformed_date_fails_and_finds_not_nothing() -> None:
    with pytest.raises(InvalidValue):
        found({DATE: Key("DA", "tomorrow")})


def test_a_step_of_a_station_is_for_that_station_only() -> None:
    step = schedule(scheduled_station_ae_title="CT1")
    assert found({STATION: Key("AE", "CT1")}) == {step}
    assert found({STATION: Key("AE", "CT2")}) == set()


def test_a_step_without_station_is_for_every_device_of_its_modality() -> None:
    Device.objects.create(ae_title="CT1", name="CT 1", modality="CT")
    Device.objects.create(ae_title="CT9", name="CT 9", modality="CT", active=False)
    Device.objects.create(ae_title="XR1", name="XR 1", modality="DX")
    step = schedule(scheduled_station_ae_title="", modality="CT")
    result = find_entries({STEP: Key("SQ", item={STATION: Key("AE", "CT1")})}, 9)
    assert result.step_ids == (step,)
    assert dcmread(DicomBytesIO(result.answers[0])).ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "CT1"
    for other in ("XR1", "CT9", "UNKNOWN"):
        assert found({STATION: Key("AE", other)}) == set(), other


def test_the_most_urgent_come_first_and_only_so_many() -> None:
    routine = schedule(requested_procedure_priority="ROUTINE", scheduled_procedure_step_start_time="070000")
    late = schedule(requested_procedure_priority="ROUTINE", scheduled_procedure_step_start_time="150000")
    stat = schedule(requested_procedure_priority="STAT", scheduled_procedure_step_start_time="160000")
    assert find_entries({}, 9).step_ids == (stat, routine, late)
    some = find_entries({}, 2)
    assert (some.step_ids, some.complete) == ((stat, routine), False)


def test_keys_without_a_column_look_through_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_EXAMINED", 3)
    steps = [schedule(study_instance_uid=f"2.25.{number}") for number in range(1, 6)]
    result = find_entries({STUDY_UID: Key("UI", "2.25.2")}, 9)
    assert (result.step_ids, result.complete) == ((steps[1],), False)


def test_a_fetch_is_kept_once_for_each_device_with_its_first_and_last_time() -> None:
    step, other = schedule(), schedule()
    early, later = datetime(2026, 11, 23, 1, tzinfo=UTC), datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert note_fetched([Fetch((step, other), "CT1", "10.0.0.1", early), Fetch((step,), "CT1", "10.0.0.1", later)]) == 2
    assert note_fetched([Fetch((step,), "CT1", "10.0.0.2", later)]) == 0
    kept = WorklistFetch.objects.get(step_id=step, ae_title="CT1")
    assert (kept.first_at, kept.last_at, kept.times, kept.address) == (early, later, 3, "10.0.0.2")
    assert WorklistFetch.objects.count() == 2
    assert sorted(Change.objects.filter(topic="worklist").values_list("subject_id", flat=True)) == sorted([step, other])


@pytest.mark.once
def test_a_query_for_a_station_or_a_patient_is_looked_up_and_not_walked() -> None:
    """SQLite only: PostgreSQL decides by its statistics."""
    assert connection.vendor == "sqlite"
    for keys, index in (
        ({STEP: Key("SQ", item={STATION: Key("AE", "CT1"), DATE: Key("DA", "20261123")})}, "worklist_by_station"),
        ({PATIENT_ID: Key("LO", "BN1"), STEP: Key("SQ", item={DATE: Key("DA", "20261123")})}, "worklist_by_patient_id"),
        ({ACCESSION: Key("SH", "AC1")}, "worklist_by_accession"),
        ({NAME: Key("PN", "NGUYEN*")}, "worklist_by_patient_name"),
        ({STEP: Key("SQ", item={MODALITY: Key("CS", "CT"), DATE: Key("DA", "20261123")})}, "worklist_by_modality"),
        ({STEP: Key("SQ", item={DATE: Key("DA", "20261123")})}, "worklist_by_date"),
        ({}, "worklist_in_order"),
    ):
        where, parameters = compile_search(keys, for_sqlite=True).sql(for_sqlite=True)
        with connection.cursor() as cursor:
            sql = f"EXPLAIN QUERY PLAN SELECT answer FROM worklist_worklistentry {where} LIMIT 9"  # noqa: S608
            cursor.execute(sql, parameters)
            plan = " ".join(str(row) for row in cursor.fetchall())
        assert index in plan, (index, plan)
