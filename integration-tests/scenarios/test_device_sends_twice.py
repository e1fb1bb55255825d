"""A device sends a study again, as it was or with other pixels under the same UIDs: what is stored stays."""

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
from ris_core.studies.kept_copies import MOST_COPIES
from ris_testing.backends import RunningSuite
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import DimseFailure, Modality, acquire
from ris_testing.orders import Order, an_order, unique
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

ROWS = """
import json
from ris_core.studies.models import Study
rows = Study.objects.filter(study_instance_uid={uid!r}).order_by("pk")
print(json.dumps([{{"id": row.pk, "state": row.state, "count": row.instance_count, "complete": row.complete,
    "problem": row.correction_problem, "busy": row.being_arranged}} for row in rows]))
"""
COPIES = """
import hashlib, json
from ris_core.studies.kept_copies import copy_file
from ris_core.studies.models import KeptCopy
rows = KeptCopy.objects.filter(study__study_instance_uid={uid!r}).order_by("pk")
print(json.dumps([{{"id": row.pk, "image": row.sop_instance_uid, "difference": row.difference, "sha": row.digest,
    "file_sha": hashlib.sha256(copy_file(row)).hexdigest()}} for row in rows]))
"""
DECIDE = """
from ris_core.audit.services import Actor
from ris_core.studies.copy_decisions import decide_copy
from ris_core.studies.models import CopyDecision
decide_copy({copy}, CopyDecision({decision!r}), Actor("ktv"), "looked at both")
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


def copies(suite: RunningSuite, uid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(suite.python(COPIES.format(uid=uid)))
    return found


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
    assert copies(suite, uid) == [], "the same images again are quiet"
    ct.store(with_other_pixels(images))
    ct.store(images)
    wait_until(lambda: len(copies(suite, uid)) == 2, "both other images are kept, once each")
    assert {copy["difference"] for copy in copies(suite, uid)} == {"PIXELS"}
    (row,) = rows(suite, uid)
    assert (row["count"], row["problem"]) == (2, "")
    assert pixels(engine, uid) == first


def test_a_person_replaces_one_image_stores_another_beside_and_takes_both_back(
    suite: RunningSuite, engine: Engine
) -> None:
    ct, images = acquired(suite, an_order())
    uid = str(images[0].StudyInstanceUID)
    first = [image.PixelData for image in images]
    ct.store(images)
    wait_until(lambda: bool(f := rows(suite, uid)) and f[0]["state"] == "READY_TO_READ", "the study is linked")
    ct.store(with_other_pixels(images))
    second = [image.PixelData for image in images]
    wait_until(lambda: len(copies(suite, uid)) == 2, "both other images are kept")
    by_image = {copy["image"]: copy["id"] for copy in copies(suite, uid)}
    replaced, beside = (by_image[image.SOPInstanceUID] for image in images)
    suite.python(DECIDE.format(copy=replaced, decision="REPLACE"))
    suite.python(DECIDE.format(copy=beside, decision="BESIDE"))
    wait_until(lambda: pixels(engine, uid) == sorted([second[0], first[1], second[1]]), "the files follow")
    ct.store(images)
    assert len(copies(suite, uid)) == 2, "what is stored or kept already is quiet"
    suite.python(DECIDE.format(copy=replaced, decision="WAITING"))
    suite.python(DECIDE.format(copy=beside, decision="WAITING"))
    wait_until(lambda: pixels(engine, uid) == sorted(first), "the first ones are back")


def test_an_image_that_cannot_be_kept_is_not_acknowledged(suite: RunningSuite, engine: Engine) -> None:
    ct, images = acquired(suite, an_order())
    uid = str(images[0].StudyInstanceUID)
    ct.store(images)
    wait_until(lambda: bool(rows(suite, uid)), "the study is there")
    for _ in range(MOST_COPIES):
        images[0].PixelData = bytes([(images[0].PixelData[0] + 1) % 256]) + images[0].PixelData[1:]
        ct.store(images[:1])
    images[0].PixelData = images[0].PixelData[:-1] + bytes([images[0].PixelData[-1] ^ 1])
    with pytest.raises(DimseFailure, match="A700"):
        ct.store(images[:1])
    assert len(pixels(engine, uid)) == 2


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
    wait_until(lambda: len(copies(suite, uid)) == 2, "a person is warned")
    wait_until(lambda: pixels(engine, uid) == sorted(first), "one study, as it was")
    assert len(rows(suite, uid)) == 1
    assert sorted(copy["sha"] for copy in copies(suite, uid)) == sorted(copy["file_sha"] for copy in copies(suite, uid))
