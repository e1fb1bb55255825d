"""A device sends a study again, as it was or with other pixels under the same UIDs: what is stored stays."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from ris_core.engine import Engine, NotInEngine
from ris_core.identifiers import StudyInstanceUID
from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order, unique

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 90.0
ROWS = """
import json
from ris_core.studies.models import Study
rows = Study.objects.filter(study_instance_uid={uid!r}).order_by("pk")
print(json.dumps([{{"id": row.pk, "state": row.state, "count": row.instance_count, "complete": row.complete,
    "problem": row.correction_problem, "busy": row.being_arranged}} for row in rows]))
"""
LINK = """
from ris_core.audit.services import Actor
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.services import link_study
procedure = RequestedProcedure.objects.get(request__accession_number={accession!r})
link_study({study}, procedure.pk, actor=Actor("ktv"), reason="the number was typed wrongly")
"""


@pytest.fixture
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


def rows(suite: RunningSuite, uid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(suite.python(ROWS.format(uid=uid)))
    return found


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"not in {PATIENCE_SECONDS:.0f} s: {what}"
        time.sleep(0.2)


def acquired(suite: RunningSuite, order: Order, **typed: str) -> tuple[Modality, list[Dataset]]:
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA"
    ct = Modality("CT1", suite.dicom.host, suite.dicom.port, called=suite.ae_title)
    images = acquire(ct.find_worklist(AccessionNumber=order.accession_number)[0], images=2)
    for image in images:
        for keyword, value in typed.items():
            setattr(image, keyword, value)
    return ct, images


def pixels(engine: Engine, uid: str) -> list[bytes]:
    found: list[bytes] = []
    for place in engine.find_studies(StudyInstanceUID(uid)):
        for image in engine.instances(place):
            with suppress(NotInEngine):
                found.append(dcmread(io.BytesIO(engine.instance_file(image.orthanc_id))).PixelData)
    return sorted(found)


def with_other_pixels(images: list[Dataset]) -> list[Dataset]:
    for image in images:
        image.PixelData = bytes(255 - byte for byte in image.PixelData)
    return images


def test_the_first_copy_of_a_study_stays(suite: RunningSuite, engine: Engine) -> None:
    ct, images = acquired(suite, an_order())
    uid = str(images[0].StudyInstanceUID)
    first = sorted(image.PixelData for image in images)
    ct.store(images)
    wait_until(lambda: bool(f := rows(suite, uid)) and f[0]["state"] == "READY_TO_READ", "the study is linked")
    ct.store(images)
    ct.store(with_other_pixels(images))
    (row,) = rows(suite, uid)
    assert (row["count"], row["problem"]) == (2, "")
    assert pixels(engine, uid) == first


def test_other_pixels_under_the_uids_of_a_corrected_study_are_kept_and_warned_of(
    suite: RunningSuite, engine: Engine
) -> None:
    order = an_order()
    ct, images = acquired(suite, order, PatientID=unique("ZZ"), AccessionNumber="")
    uid = str(images[0].StudyInstanceUID)
    first = [image.PixelData for image in images]
    ct.store(images)
    wait_until(lambda: bool(f := rows(suite, uid)) and f[0]["complete"], "the study waits")
    suite.python(LINK.format(accession=order.accession_number, study=rows(suite, uid)[0]["id"]))
    wait_until(lambda: rows(suite, uid)[0]["state"] == "READY_TO_READ" and not rows(suite, uid)[0]["busy"], "linked")
    wait_until(lambda: len(engine.find_studies(StudyInstanceUID(uid))) == 1, "the correction is done")
    ct.store(with_other_pixels(images))
    second = [image.PixelData for image in images]
    wait_until(lambda: rows(suite, uid)[0]["problem"] == "OTHER_PIXELS", "a person is warned")
    assert len(rows(suite, uid)) == 1
    assert pixels(engine, uid) == sorted(first + second)
