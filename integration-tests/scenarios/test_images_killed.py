"""Kill -9 of Orthanc while another image under a stored UID is kept, of the worker in the middle of a study operation:
each image is there once, wherever it was."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest
from pydicom import Dataset, dcmread

from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineError, NotInEngine
from ris_core.identifiers import StudyInstanceUID
from ris_testing.backends import Part, RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import DimseFailure, Modality, acquire
from ris_testing.orders import an_order
from ris_testing.start import start_suite
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once, pytest.mark.timeout(600)]

PATIENCE_SECONDS = 180.0
KILLED_AT = (1, 4)
"""Which images are on their way when the engine is killed."""
SIDE = 1536
"""Of an image, in pixels of two bytes: it is kept in several pieces."""
STATE = """
import json
from ris_core.jobs.models import Job
from ris_core.studies.models import ImageInHand, KeptCopy, Study, StudyOperation
study = Study.objects.filter(study_instance_uid={uid!r}).first()
print(json.dumps({{"state": study.state if study else "",
    "kept": list(KeptCopy.objects.values_list("digest", flat=True)),
    "problems": list(Study.objects.exclude(correction_problem="").values_list("correction_problem", flat=True)),
    "open": Study.objects.filter(being_arranged=True).count() + ImageInHand.objects.count()
        + StudyOperation.objects.filter(state__in=("RUNNING", "UNDOING")).count(),
    "dead": Job.objects.filter(state="DEAD").count()}}))
"""
SPLIT = """
from ris_core.accounts.models import User
from ris_core.audit.services import Actor
from ris_core.studies import operations
from ris_core.studies.models import Study, StudyOperation
user = User.objects.filter(role="TECHNOLOGIST").first()
actor = Actor(user.username, user_id=user.pk)
study = Study.objects.get(study_instance_uid={uid!r})
operation = operations.split_study(study.pk, [{series!r}], actor, "two exams")
print(operation.pk, operation.other_study.study_instance_uid)
"""
UNDO = """
from ris_core.accounts.models import User
from ris_core.audit.services import Actor
from ris_core.studies.undoing_operations import undo_operation
user = User.objects.filter(role="TECHNOLOGIST").first()
undo_operation({operation}, Actor(user.username, user_id=user.pk), "one exam after all")
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    """A suite of this file's own, since its parts are killed."""
    started = start_suite(tmp_path_factory.mktemp("killed"))
    try:
        yield started
    finally:
        started.down()


@pytest.fixture
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


def state(suite: RunningSuite, uid: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(suite.python(STATE.format(uid=uid)))
    return found


def acquired(suite: RunningSuite, *series: int) -> tuple[Modality, list[list[Dataset]]]:
    """Images of an order, so many of each series."""
    order = an_order()
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA"
    ct = Modality("CT1", suite.dicom.host, suite.dicom.port, called=suite.ae_title)
    (item,) = ct.find_worklist(AccessionNumber=order.accession_number)
    return ct, [acquire(item, images=count, series_number=number) for number, count in enumerate(series, 1)]


def pixels(engine: Engine, uid: str) -> Counter[tuple[str, str]]:
    """SOPInstanceUID and digest of the pixels of each image under a StudyInstanceUID, wherever the engine has it."""
    found: Counter[tuple[str, str]] = Counter()
    for place in engine.find_studies(StudyInstanceUID(uid)):
        for image in engine.instances(place):
            with suppress(NotInEngine):
                file = dcmread(io.BytesIO(engine.instance_file(image.orthanc_id)))
                found[(str(file.SOPInstanceUID), hashlib.sha256(file.PixelData).hexdigest())] += 1
    return found


def as_sent(images: list[Dataset]) -> Counter[tuple[str, str]]:
    return Counter((str(image.SOPInstanceUID), hashlib.sha256(image.PixelData).hexdigest()) for image in images)


def test_the_engine_is_killed_while_other_images_are_kept(suite: RunningSuite, engine: Engine) -> None:
    """The device is not answered, sends again, and each image is kept once (ADR 21)."""
    ct, (images,) = acquired(suite, 6)
    for image in images:
        image.Rows = image.Columns = SIDE
        image.PixelData = bytes(SIDE * SIDE * 2)
    ct.store(images)
    first, uid = as_sent(images), str(images[0].StudyInstanceUID)
    for number, image in enumerate(images):
        image.PixelData = bytes([number + 1]) * (SIDE * SIDE * 2)
    unanswered: list[str] = []
    begun = threading.Semaphore(0)

    def send() -> None:
        for image in images:
            begun.release()
            for _ in range(600):
                try:
                    ct.store([image])
                    break
                except (DimseFailure, OSError) as error:
                    unanswered.append(type(error).__name__)
                    time.sleep(0.1)

    device = threading.Thread(target=send, daemon=True)
    device.start()
    for number in range(len(images)):
        begun.acquire()
        if number in KILLED_AT:
            suite.crash(Part.ORTHANC)
    device.join(PATIENCE_SECONDS)
    assert not device.is_alive()
    assert unanswered, "a killed engine acknowledges nothing"
    kept = state(suite, uid)["kept"]
    assert isinstance(kept, list)
    assert (len(kept), len(set(kept))) == (len(images), len(images))
    assert pixels(engine, uid) == first


def test_the_worker_is_killed_in_the_middle_of_an_operation_and_of_its_undoing(
    suite: RunningSuite, engine: Engine
) -> None:
    ct, (stay, go) = acquired(suite, 3, 40)
    ct.store([*stay, *go])
    uid, series = str(stay[0].StudyInstanceUID), str(go[0].SeriesInstanceUID)
    wait_until(lambda: state(suite, uid)["state"] == "READY_TO_READ", "the study is linked")
    wait_until(lambda: not state(suite, uid)["open"], "its images are in line with its order")

    def count(uid: str) -> int:
        with suppress(EngineError):
            return sum(len(engine.instances(place)) for place in engine.find_studies(StudyInstanceUID(uid)))
        return 0

    operation, _, new_uid = suite.python(SPLIT.format(uid=uid, series=series)).partition(" ")
    wait_until(lambda: count(new_uid) > 0, "images have begun to move", pause_seconds=0.01)
    suite.crash(Part.WORKER)
    wait_until(lambda: not state(suite, uid)["open"], "the operation has ended and holds no lock")
    assert (pixels(engine, uid), pixels(engine, new_uid)) == (as_sent(stay), as_sent(go))
    before = count(uid)
    suite.python(UNDO.format(operation=operation))
    wait_until(lambda: count(uid) > before, "images have begun to go back", pause_seconds=0.01)
    suite.crash(Part.WORKER)
    wait_until(lambda: not state(suite, uid)["open"], "undoing has ended and holds no lock")
    assert (pixels(engine, uid), pixels(engine, new_uid)) == (as_sent([*stay, *go]), Counter())
    wait_until(lambda: state(suite, uid)["state"] == "READY_TO_READ", "the exam can be read again")
    after = state(suite, uid)
    assert (after["problems"], after["dead"]) == ([], 0)
