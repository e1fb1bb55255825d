"""Vietnamese names to devices that cannot write them, and back: what they make of a name is linked exactly (R5, F5).

Each device asks with DCMTK's findscu as well as with pynetdicom, and its images come back with the name as it got it.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from benchmarks.peers import dcmtk
from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import DimseFailure, Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 60.0
NAME, PLAIN = "NGUYỄN^THỊ ĐÀO", "NGUYEN^THI DAO"
DEVICES: list[dict[str, Any]] = [
    {"ae_title": "LATIN1", "character_set": "ISO_IR 100"},
    {"ae_title": "LATIN2", "character_set": "ISO_IR 101"},
    {"ae_title": "CHINESE", "character_set": "GB18030"},
    {"ae_title": "PLAIN", "character_set": "ISO_IR 6"},
    {"ae_title": "QUIRKY", "quirks": {"wants_ascii": True, "max_name_length": 10}},
    {"ae_title": "UNICODE"},
]
REGISTER = """
import json
from ris_core.audit.services import SYSTEM
from ris_core.devices.quirks import Quirks, read
from ris_core.devices.services import DeviceRegistration, register_device
for device in json.loads({devices!r}):
    device["quirks"] = read(Quirks, device.get("quirks", {{}}), "quirks")
    register_device(DeviceRegistration(name=device["ae_title"], modality="XA", **device), SYSTEM)
"""
LINK = """
import json
from ris_core.studies.models import Study
study = Study.objects.filter(study_instance_uid={uid!r}).first()
link = study and study.links.filter(undone_at=None).first()
print(json.dumps([study.state, link.how if link else "", study.received_patient_name] if study else [""] * 3))
"""


@pytest.fixture(scope="module")
def devices(suite: RunningSuite) -> dict[str, Modality]:
    suite.python(REGISTER.format(devices=json.dumps(DEVICES)))
    found = {
        device["ae_title"]: Modality(device["ae_title"], suite.dicom.host, suite.dicom.port, called=suite.ae_title)
        for device in DEVICES
    }
    for device in found.values():
        wait_until(device.is_let_in, f"{device.ae_title} is let in")
    return found


def ordered(suite: RunningSuite) -> Order:
    """An angiography for whichever device of the modality."""
    order = an_order().for_service("XA.DSA", "Chụp mạch số hoá xoá nền", "XA")
    order = order.for_patient(order.patient_id, NAME, "19900102", "F")
    assert acknowledgement_code(place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)) == "AA"
    return order


def linked(suite: RunningSuite, uid: str) -> list[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found: list[str] = json.loads(suite.python(LINK.format(uid=uid)))
        if found[1] or found[0] in ("UNMATCHED", "CONFLICT") or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def store(device: Modality, images: list[Dataset]) -> None:
    """Sends the images as soon as the engine has heard of the device."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            device.store(images)
        except DimseFailure:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def asked_with_dcmtk(device: Modality, folder: Path, *keys: str) -> list[Dataset]:
    """The answers that DCMTK's findscu gets, with the keys in its own words (``0010,0010=NGUYEN*``)."""
    folder.mkdir()
    arguments = [word for key in keys for word in ("-k", key)]
    command = [dcmtk("findscu"), "-W", "-X", "-od", str(folder), "-aet", device.ae_title, "-aec", device.called]
    subprocess.run([*command, *arguments, device.host, str(device.port)], check=True, timeout=60)
    return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


@pytest.mark.parametrize(
    ("title", "told", "returned"),
    [
        ("LATIN1", PLAIN, "NGUYEN^THI DAO"),
        ("LATIN1", PLAIN, "NGUY?N^THI D?O"),
        ("LATIN2", PLAIN, "NGUYEN^THI ?AO"),
        ("CHINESE", PLAIN, "NGUY???N^TH??? ????O"),
        ("PLAIN", PLAIN, "NGUYEN THI DAO"),
        ("QUIRKY", "NGUYEN^THI", "NGUYEN^THI"),
        ("UNICODE", NAME, "NGUYN^TH O"),
    ],
)
def test_a_name_is_told_in_the_devices_letters_and_known_again(
    suite: RunningSuite, devices: dict[str, Modality], tmp_path: Path,
    title: str, told: str, returned: str,
) -> None:  # fmt: skip
    order, device = ordered(suite), devices[title]
    (answer,) = device.find_worklist(AccessionNumber=order.accession_number)
    assert answer.SpecificCharacterSet == "ISO_IR 192", "the engine's only one; ASCII is the same in every set"
    assert answer.PatientName == told
    assert answer.PatientID == order.patient_id
    step = answer.ScheduledProcedureStepSequence[0]
    assert step.ScheduledStationAETitle == title, "the step is for any device of the modality"
    (same,) = asked_with_dcmtk(
        device, tmp_path / "answers", "0008,0005", f"0008,0050={order.accession_number}", "0010,0010=NGUYEN*",
        "0010,0020", "(0040,0100)[0].0008,0060=XA",
    )  # fmt: skip
    assert (same.PatientName, same.PatientID) == (told, order.patient_id)
    linked_when_returned(suite, device, answer, returned, "ISO_IR 192")


@pytest.mark.parametrize(
    ("title", "declared", "told"),
    [
        ("LATIN1", "ISO_IR 100", "NGUYÊN^THI DÀO"),
        ("LATIN2", "ISO_IR 101", "NGUYEN^THI ĐAO"),
        ("CHINESE", "GB18030", NAME),
    ],
)
def test_beside_the_engine_a_device_is_told_in_its_own_character_set(
    suite: RunningSuite, devices: dict[str, Modality], tmp_path: Path, title: str, declared: str, told: str
) -> None:
    order = ordered(suite)
    device = replace(devices[title], host=suite.mpps.host, port=suite.mpps.port)
    (answer,) = device.find_worklist(AccessionNumber=order.accession_number)
    assert (answer.SpecificCharacterSet, answer.PatientName) == (declared, told)
    (same,) = asked_with_dcmtk(device, tmp_path / "answers", f"0008,0050={order.accession_number}", "0010,0010")
    assert (same.SpecificCharacterSet, same.PatientName) == (declared, told)
    linked_when_returned(suite, devices[title], answer, told, declared)


def linked_when_returned(
    suite: RunningSuite, device: Modality, answer: Dataset, returned: str, character_set: str
) -> None:
    """The images of ``answer`` come back with the name as ``returned``, and are the order's."""
    images = acquire(answer, images=1)
    images[0].SpecificCharacterSet = character_set
    images[0].PatientName = returned
    images[0].StudyDescription = "DSA"
    store(device, images)
    state, how, name = linked(suite, images[0].StudyInstanceUID)
    assert (state in ("LINKED", "READY_TO_READ"), how) == (True, "EXACT"), state
    assert name == returned, "as received"
