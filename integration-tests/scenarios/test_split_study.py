"""Two exams that came as one study are split and joined again, bad images rejected: in the engine, not only here."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.identifiers import StudyInstanceUID
from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

ACT = """
from ris_core.accounts.models import User
from ris_core.audit.services import Actor
from ris_core.studies import operations
from ris_core.studies.models import Study
from ris_core.studies.rejection import Rejection
from ris_core.studies.undoing_operations import undo_operation
user = User.objects.filter(role="TECHNOLOGIST").first()
actor = Actor(user.username, user_id=user.pk)
study = Study.objects.get(study_instance_uid={uid!r})
operation = {call}
print(operation.pk, operation.other_study.study_instance_uid if operation.other_study else "")
"""
KNOWN = """
from ris_core.studies.models import Study
print(Study.objects.filter(study_instance_uid={uid!r}).count())
"""
STATE = """
import json
from ris_core.studies.models import Study, StudyOperation
study = Study.objects.get(study_instance_uid={uid!r})
print(json.dumps({{"state": study.state, "busy": study.being_arranged, "count": study.instance_count,
    "complete": study.complete, "problem": study.correction_problem,
    "running": StudyOperation.objects.filter(state__in=("RUNNING", "UNDOING")).count()}}))
"""


@pytest.fixture
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


def act(suite: RunningSuite, uid: str, call: str) -> tuple[int, str]:
    operation, _, other = suite.python(ACT.format(uid=uid, call=call)).partition(" ")
    return int(operation), other


def state(suite: RunningSuite, uid: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(suite.python(STATE.format(uid=uid)))
    return found


def stored(engine: Engine, uid: str) -> list[Dataset]:
    found: list[Dataset] = []
    for place in engine.find_studies(StudyInstanceUID(uid)):
        for image in engine.instances(place):
            with suppress(NotInEngine):  # moved in this moment
                found.append(dcmread(io.BytesIO(engine.instance_file(image.orthanc_id))))
    return found


def pixels(engine: Engine, uid: str) -> set[tuple[str, bytes]]:
    return {(str(file.SOPInstanceUID), file.PixelData) for file in stored(engine, uid) if "PixelData" in file}


def test_a_study_is_split_joined_and_its_bad_images_rejected(suite: RunningSuite, engine: Engine) -> None:
    """P6, IHE RAD IOCM: nothing is deleted, and each step goes back."""
    order = an_order()
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA"
    ct = Modality("CT1", suite.dicom.host, suite.dicom.port, called=suite.ae_title)
    (item,) = ct.find_worklist(AccessionNumber=order.accession_number)
    head, chest = acquire(item, images=3), acquire(item, images=2, series_number=2)
    ct.store([*head, *chest])
    uid, series = str(head[0].StudyInstanceUID), str(chest[0].SeriesInstanceUID)
    sent = {(str(image.SOPInstanceUID), image.PixelData) for image in [*head, *chest]}
    of_head, of_chest = ({(str(i.SOPInstanceUID), i.PixelData) for i in images} for images in (head, chest))

    def ready() -> bool:
        return suite.python(KNOWN.format(uid=uid)) == "1" and state(suite, uid)["state"] == "READY_TO_READ"

    wait_until(ready, "the study is linked")
    split, new_uid = act(suite, uid, f"operations.split_study(study.pk, [{series!r}], actor, 'two exams')")
    wait_until(lambda: pixels(engine, new_uid) == of_chest, "the second series is a study of its own")
    wait_until(lambda: pixels(engine, uid) == of_head, "the first stays alone")
    assert {str(file.StudyInstanceUID) for file in stored(engine, new_uid)} == {new_uid}
    (kept,) = stored(engine, new_uid)[0].OriginalAttributesSequence
    assert kept.ModifiedAttributesSequence[0].StudyInstanceUID == uid
    wait_until(lambda: state(suite, new_uid)["state"] in ("UNMATCHED", "CONFLICT"), "it waits for a person")
    wait_until(lambda: state(suite, uid)["state"] == "READY_TO_READ", "the first is read on")

    ct.store(chest)  # the device sends the series again, as it was
    wait_until(lambda: pixels(engine, uid) == of_head and pixels(engine, new_uid) == of_chest, "it stays split")

    wait_until(lambda: state(suite, uid)["running"] == 0, "no operation is under way")
    act(suite, uid, f"undo_operation({split}, actor, 'one exam after all')")
    wait_until(lambda: pixels(engine, uid) == sent, "both series are one study again")
    assert stored(engine, new_uid) == []
    assert {str(file.StudyInstanceUID) for file in stored(engine, uid)} == {uid}

    wait_until(lambda: state(suite, uid)["running"] == 0, "no operation is under way")
    reject = f"operations.reject_images(study.pk, [{series!r}], Rejection.QUALITY, actor, 'the patient moved')"
    rejected, hidden_uid = act(suite, uid, reject)
    wait_until(lambda: pixels(engine, uid) == of_head, "rejected images are not in the study")
    assert pixels(engine, hidden_uid) == of_chest

    def notes() -> list[Dataset]:
        return [file for file in stored(engine, uid) if file.Modality == "KO"]

    wait_until(lambda: len(notes()) == 1, "a rejection note tells of them")
    (note,) = notes()
    assert note.ConceptNameCodeSequence[0].CodeValue == "113001"
    (evidence,) = note.CurrentRequestedProcedureEvidenceSequence
    assert evidence.StudyInstanceUID == uid
    named = {str(i.ReferencedSOPInstanceUID) for i in evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence}
    assert named == {instance for instance, _ in of_chest}

    wait_until(lambda: state(suite, uid)["running"] == 0, "no operation is under way")
    act(suite, uid, f"undo_operation({rejected}, actor, 'they can be used')")
    wait_until(lambda: pixels(engine, uid) == sent and not notes(), "the images are back, the note is gone")
