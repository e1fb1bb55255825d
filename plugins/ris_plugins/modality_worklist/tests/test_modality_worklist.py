"""The worklist plugin on the fake host: queries answered, fetches kept, failures told."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from orthanc_host.errors import EngineError
from orthanc_host.fakes import FakeHost
from orthanc_host.host import WorklistRequest
from ris_core.audit.services import SYSTEM
from ris_core.devices.models import Device, RefusedDevice
from ris_core.devices.services import DeviceRegistration, change_device, register_device, registration_of
from ris_core.errors import InvalidValue
from ris_core.settings import Settings, load_settings
from ris_core.worklist import answering
from ris_core.worklist.answering import MOST_UNWRITTEN_FETCHES
from ris_core.worklist.history import Fetch
from ris_core.worklist.models import WorklistFetch, WorklistQuery
from ris_core.worklist.query import ORIGINAL_QUERY_SEQUENCE, read_query
from ris_core.worklist.rules import Key
from ris_core.worklist.tests.builders import schedule
from ris_plugins.modality_worklist import plugin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ct1() -> None:
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1", modality="CT"), SYSTEM)


def settings(**worklist: str) -> Settings:
    return load_settings({f"QUANG_WORKLIST__{name.upper()}": value for name, value in worklist.items()})


def identifier(query: Dataset) -> bytes:
    query.file_meta = FileMetaDataset()
    query.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.31")
    query.file_meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    query.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dcmwrite(buffer, query, enforce_file_format=True)
    return buffer.getvalue()


def a_query(station: str = "CT1", name: str = "") -> Dataset:
    query, step = Dataset(), Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.PatientName = name
    step.ScheduledStationAETitle = station
    query.ScheduledProcedureStepSequence = [step]
    return query


class Once:
    """Stops a background thread after its first round."""

    def is_set(self) -> bool:
        return True

    def wait(self, timeout: float | None = None) -> bool:
        return True


def test_a_query_is_answered_and_the_fetch_written_behind_it() -> None:
    step = schedule(scheduled_station_ae_title="CT1")
    schedule(scheduled_station_ae_title="CT2")
    host = FakeHost()
    plugin.register(host, settings())
    reply = host.answer_worklist(WorklistRequest(identifier(a_query()), "CT1 ", "QUANG", "10.0.0.7"))
    assert (len(reply.answers), reply.complete) == (1, True)
    assert not WorklistFetch.objects.exists(), "not on the query's path"
    host.background["worklist-fetch-log"](Once())
    fetch = WorklistFetch.objects.get()
    assert (fetch.step_id, fetch.ae_title, fetch.address) == (step, "CT1", "10.0.0.7")


def test_more_matches_than_may_be_answered_are_told() -> None:
    for _ in range(3):
        schedule()
    host = FakeHost()
    plugin.register(host, settings(max_answers="2"))
    reply = host.answer_worklist(WorklistRequest(identifier(a_query()), "CT1", "QUANG"))
    assert (len(reply.answers), reply.complete) == (2, False)


def test_a_database_that_cannot_be_asked_fails_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(answering, "find_entries", unreachable)
    host = FakeHost()
    plugin.register(host, settings())
    with pytest.raises(EngineError):
        host.answer_worklist(WorklistRequest(identifier(a_query()), "CT1", "QUANG"))
    assert "connection refused" in host.log.lines[-1][1]


def test_fetches_wait_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    step = schedule()
    host = FakeHost()
    plugin.register(host, settings())
    host.answer_worklist(WorklistRequest(identifier(a_query()), "CT1", "QUANG"))

    def unreachable(*_: object) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(answering, "note_fetched", unreachable)
        with pytest.raises(OperationalError):
            host.background["worklist-fetch-log"](Once())
    host.background["worklist-fetch-log"](Once())
    assert WorklistFetch.objects.get().step_id == step


def test_what_is_forgotten_of_the_log_is_told() -> None:
    told: list[int] = []
    log = answering.FetchLog(told.append)
    for _ in range(MOST_UNWRITTEN_FETCHES + 5):
        log.add(Fetch((), "CT1", "", timezone.now()))
    log.write()
    assert told == [5]


def test_the_query_put_aside_for_us_is_the_one_that_is_matched() -> None:
    seen = a_query(station="")
    original = a_query(station="CT1", name="NGUYỄN*")
    del original.SpecificCharacterSet
    seen.add_new(ORIGINAL_QUERY_SEQUENCE, "SQ", [original])
    keys = read_query(identifier(seen))
    assert keys[0x00100010] == Key("PN", "NGUYỄN*")
    assert keys[0x00400100].item[0x00400001] == Key("AE", "CT1")


def test_keys_that_no_answer_has_are_not_matched() -> None:
    query = a_query()
    query.Manufacturer = "ACME"
    query.add_new(0x00091010, "LO", "private")
    assert set(read_query(identifier(query))) == {0x00100010, 0x00400100}


def test_a_sequence_with_two_items_is_refused() -> None:
    query = a_query()
    query.ScheduledProcedureStepSequence = [Dataset(), Dataset()]
    with pytest.raises(InvalidValue):
        read_query(identifier(query))


@pytest.mark.parametrize("change", [{"active": False}, {"may_query_worklist": False}, {"ae_title": "OTHER"}])
def test_who_is_not_registered_for_it_gets_a_failure_and_is_kept(change: dict[str, Any]) -> None:
    schedule()
    device = Device.objects.get()
    change_device(device.pk, replace(registration_of(device), **change), SYSTEM)
    host = FakeHost()
    plugin.register(host, settings())
    with pytest.raises(EngineError):
        host.answer_worklist(WorklistRequest(identifier(a_query()), "CT1", "QUANG", "10.0.0.7"))
    host.background["worklist-fetch-log"](Once())
    kept = RefusedDevice.objects.get()
    assert (kept.ae_title, kept.service, kept.address) == ("CT1", "WORKLIST", "10.0.0.7")
    assert not WorklistFetch.objects.exists()


def test_with_unregistered_devices_allowed_a_stranger_sees_everything_as_it_is() -> None:
    schedule(scheduled_station_ae_title="CT2")
    host = FakeHost()
    plugin.register(host, load_settings({"QUANG_DICOM__REGISTERED_ONLY": "false"}))
    request = WorklistRequest(identifier(a_query(station="")), "STRANGER", "QUANG")
    assert len(host.answer_worklist(request).answers) == 1


def test_what_a_device_asked_is_kept_without_the_name_it_asked_for() -> None:
    schedule()
    host = FakeHost()
    plugin.register(host, settings())
    for _ in range(2):
        host.answer_worklist(WorklistRequest(identifier(a_query(name="NGUYEN*")), "CT1", "QUANG", "10.0.0.7"))
    host.background["worklist-fetch-log"](Once())
    query = WorklistQuery.objects.get()
    assert query.keys == {"PatientName": None, "ScheduledStationAETitle": "CT1"}
    assert (query.ae_title, query.answers, query.times, query.complete) == ("CT1", 1, 2, True)
