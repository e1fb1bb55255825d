"""Images arrive: linked to their order or waiting for a person, whatever devices send and whatever is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed
from ris_testing.backends import Part, RunningSuite
from ris_testing.dicom_files import a_dicom_file
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import DimseFailure, Modality, acquire, study_of
from ris_testing.orders import Order, an_order
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

CORPUS = Path(os.environ.get("QUANG_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
STUDIES = """
import json
from ris_core.studies.models import Study
print(json.dumps({study.orthanc_id: {
    "uid": study.study_instance_uid, "state": study.state, "reason": study.reason, "complete": study.complete,
    "instances": study.instance_count, "patient": study.patient_id, "links": study.links.count(),
    "name": study.received_patient_name, "patient_id": study.received_patient_id,
} for study in Study.objects.all()}))
"""
EXAM = """
import json
from ris_core.orders.models import RequestedProcedure
exam = RequestedProcedure.objects.get(request__accession_number={accession!r})
print(json.dumps([exam.exam_state, [step.status for step in exam.steps.all()]]))
"""
DEAD = "from ris_core.jobs.models import Job; print(Job.objects.filter(state='DEAD').count())"


def studies(suite: RunningSuite) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(suite.python(STUDIES))
    return found


def send_order(suite: RunningSuite, order: Order) -> None:
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA"


def ct(suite: RunningSuite) -> Modality:
    return Modality("CT1", suite.dicom.host, suite.dicom.port, called=suite.ae_title)


def images_for(suite: RunningSuite, order: Order, images: int = 3) -> list[Dataset]:
    (answer,) = ct(suite).find_worklist(AccessionNumber=order.accession_number)
    return acquire(answer, images=images)


@pytest.fixture
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


def test_images_taken_from_the_worklist_make_the_exam_ready_to_read(suite: RunningSuite) -> None:
    order = an_order()
    send_order(suite, order)
    images = images_for(suite, order)
    ct(suite).store(images[:1])

    def row() -> dict[str, Any]:
        uid = images[0].StudyInstanceUID
        return next((study for study in studies(suite).values() if study["uid"] == uid), {})

    wait_until(lambda: row().get("state") in ("LINKED", "READY_TO_READ"), "the first image links the study")
    assert ct(suite).find_worklist(AccessionNumber=order.accession_number) == []
    ct(suite).store(images[1:])
    wait_until(lambda: (row()["state"], row()["instances"]) == ("READY_TO_READ", 3), "the whole study is ready to read")
    assert row()["links"] == 1
    exam = json.loads(suite.python(EXAM.format(accession=order.accession_number)))
    assert exam == ["READY_TO_READ", ["COMPLETED"]]


@pytest.mark.parametrize(
    ("changed", "state", "reason"),
    [
        ({"PatientBirthDate": "19010101"}, "CONFLICT", "BIRTH_DATE_DIFFERS"),
        ({"PatientID": "SOMEBODY-ELSE"}, "CONFLICT", "PATIENT_ID_DIFFERS"),
        ({"PatientName": "LE^QUOC KHANH"}, "UNMATCHED", "NAME_DIFFERS"),
    ],
)
def test_images_that_contradict_the_order_wait_for_a_person(
    suite: RunningSuite, changed: dict[str, str], state: str, reason: str
) -> None:
    order = an_order()
    send_order(suite, order)
    images = images_for(suite, order)
    for image in images:
        for keyword, value in changed.items():
            setattr(image, keyword, value)
    ct(suite).store(images)

    def row() -> dict[str, Any]:
        uid = images[0].StudyInstanceUID
        return next((study for study in studies(suite).values() if study["uid"] == uid), {})

    wait_until(lambda: row().get("complete", False) and row()["state"] == state, f"the study is {state}")
    assert (row()["reason"], row()["patient"]) == (reason, None)
    assert json.loads(suite.python(EXAM.format(accession=order.accession_number)))[0] == "ORDERED"


def hostile_files() -> list[bytes]:
    """Made here: deep nesting, text that is code, a second patient under one UID."""
    opening = b"\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    made = []
    for depth in (DEEPEST, 500):
        plain = _one(PatientID=f"NESTED-{depth}")
        at = plain.index(b"\x10\x00\x10\x00PN")
        made.append(plain[:at] + opening * depth + closing * depth + plain[at:])
    made += [_one(PatientID=text, PatientName=text, StudyDescription=text) for text in INJECTIONS]
    shared = generate_uid()
    made += [_one(PatientID=patient, StudyInstanceUID=shared) for patient in ("TWO-A", "TWO-B")]
    return made


DEEPEST = 60
"""Orthanc 1.13.0 stores up to 64 levels of sequences and refuses more."""
BUNDLED = ("CT_small.dcm", "JPEG2000.dcm", "rtplan.dcm")
INJECTIONS = ("1' OR '1'='1", "<script>alert(1)</script>", "../../../etc/passwd", "{{ 7*7 }}", "$(touch /tmp/x)")


def _one(**attributes: Any) -> bytes:
    unique: dict[str, Any] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "SOPInstanceUID": generate_uid(),
        "Modality": "CT",
    }
    return a_dicom_file(**{**unique, **attributes})


def test_every_file_that_the_engine_stores_is_a_study_in_some_state(suite: RunningSuite, engine: Engine) -> None:
    """Files made here, files shipped with pydicom, and those of a corpus where there is one."""
    files = hostile_files()
    files += [
        Path(str(get_testdata_file(name))).read_bytes() for name in ("CT_small.dcm", "JPEG2000.dcm", "rtplan.dcm")
    ]
    files += [path.read_bytes() for path in sorted((CORPUS / "dicom").rglob("*")) if path.is_file()]
    dead = suite.python(DEAD)
    stored: set[str] = set()
    for file in files:
        try:
            stored.add(engine.store_instance(file).study_id)
        except EngineFailed:
            continue  # the engine says that it cannot read it: nothing is stored, nobody is told otherwise
    assert len(stored) >= len(INJECTIONS) + 3

    def known() -> set[str]:
        return {key for key, study in studies(suite).items() if study["complete"]}

    wait_until(lambda: stored <= known(), "every stored study is a row, complete")
    rows = studies(suite)
    assert {rows[key]["state"] for key in stored} <= {"UNMATCHED", "CONFLICT", "READY_TO_READ"}
    assert {row["patient_id"] for row in rows.values()} >= {*INJECTIONS, f"NESTED-{DEEPEST}"}
    two = [row for row in rows.values() if row["patient_id"] in ("TWO-A", "TWO-B")]
    assert [(row["state"], row["reason"]) for row in two] == [("CONFLICT", "TWO_PATIENTS_ONE_STUDY_UID")] * 2
    assert suite.python(DEAD) == dead
    assert engine.system()["ApiVersion"] >= 20


def test_lost_events_and_killed_workers_lose_and_double_nothing(
    new_suite: Callable[[dict[str, str]], RunningSuite],
) -> None:
    """The worker dies in the middle, all its jobs are lost, the engine dies: every study is linked once."""
    suite = new_suite({"QUANG_MAPPING__SWEEP_INTERVAL_SECONDS": "2"})
    orders = [an_order() for _ in range(12)]
    for order in orders:
        send_order(suite, order)
    restarts = suite.restarts(Part.WORKER)
    for number, order in enumerate(orders):
        ct(suite).store(images_for(suite, order, images=2))
        if number == 4:
            suite.kill(Part.WORKER)
        if number == 8:
            suite.wait_restarted(Part.WORKER, restarts)
            suite.kill(Part.WORKER)  # not frozen: it may hold SQLite's only lock
            suite.python("from ris_core.jobs.models import Job; Job.objects.filter(kind__startswith='study').delete()")
    suite.crash(Part.ORTHANC)

    def ready() -> bool:
        return [study["state"] for study in studies(suite).values()] == ["READY_TO_READ"] * len(orders)

    wait_until(ready, "every study is linked and ready")
    assert {(study["instances"], study["links"]) for study in studies(suite).values()} == {(2, 1)}
    assert suite.python(DEAD) == "0"


def test_an_unregistered_device_stores_nothing(suite: RunningSuite, engine: Engine) -> None:
    (image,) = study_of(images=1, PatientID="STRANGER")
    with pytest.raises(DimseFailure):
        Modality("STRANGER", suite.dicom.host, suite.dicom.port, called=suite.ae_title).store([image])
    assert engine.find_studies(image.StudyInstanceUID) == []
