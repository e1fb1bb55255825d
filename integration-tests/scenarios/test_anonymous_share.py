"""An anonymous share: copies are made and looked at, a stranger opens them, and nothing that can be fetched says whose
they are; revoked, the archive has them no more (R10, G3)."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, expect
from pydicom import dcmread
from pydicom.dataset import Dataset

from ris_core.engine.answers import EngineStudy
from ris_core.engine.client import Engine
from ris_core.identifiers import StudyInstanceUID
from ris_testing.backends import RunningSuite
from ris_testing.browser import Visitor
from ris_testing.built_kinds import IMAGES, an_object, documents
from ris_testing.his import place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.ris_user import RisUser
from ris_testing.stranger import Stranger, file_in
from ris_testing.traces import Identity, traces, traces_in_dicom
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 60_000
KNOWN = """
import json
from ris_core.studies.models import Study
print(json.dumps([Study.objects.filter(study_instance_uid="{copy}").count()]))
"""
PHONE = "0912847365"
ULTRASOUND = next(kind for kind in IMAGES if kind.name == "ultrasound-multiframe")


@pytest.fixture
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with closing(Engine(suite.orthanc_url, suite.secret("service_token_worker"))) as connected:
        yield connected


def acquired(order: Order, scheduled: Dataset) -> list[Dataset]:
    """Two slices with the patient in every corner, a screen with the patient's name on it, a PDF and a report."""
    made = acquire(scheduled, images=2)
    whose = f"{order.patient_name} {order.patient_id} {PHONE}"
    for image in made:
        image.ImageComments = image.PatientComments = whose
        image.add_new(0x60004000, "LT", whose)
        image.private_block(0x0009, "SOMEBODY", create=True).add_new(0x01, "LO", whose[:64])
    screen = Image.new("RGB", (480, 360))
    ImageDraw.Draw(screen).text((8, 4), f"NGHIEU {order.patient_id}", fill="white", font=ImageFont.load_default(16))
    ultrasound = an_object(ULTRASOUND, str(scheduled.StudyInstanceUID))
    ultrasound.NumberOfFrames, ultrasound.Rows, ultrasound.Columns = 1, 360, 480
    ultrasound.PixelData = np.asarray(screen).tobytes()
    for extra in (ultrasound, *documents(str(scheduled.StudyInstanceUID))):
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber"):
            setattr(extra, keyword, scheduled[keyword].value)
        extra.SpecificCharacterSet = "ISO_IR 192"
        made.append(extra)
    return made


def test_nothing_that_a_stranger_can_fetch_says_whose_the_images_are(
    suite: RunningSuite, browser: Browser, radiologist: Visitor, engine: Engine
) -> None:
    order = an_order().for_patient(an_order().patient_id, "ĐOÀN^KHUYẾN NGHIÊU", "19570328", "F")
    place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    device = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = device.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    images = acquired(order, scheduled)
    assert device.store(images) == len(images)
    login = next(user for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    reader = RisUser(suite.public_url, login["username"], login["password"])
    exam = reader.wait_for_exam(order.accession_number)
    reader.wait_for_images(exam, len(images))
    study_uid = str(scheduled.StudyInstanceUID)
    known = Identity(
        "ĐOÀN KHUYẾN NGHIÊU",
        date(1957, 3, 28),
        (order.patient_id, order.accession_number, PHONE, study_uid, *(str(each.SOPInstanceUID) for each in images)),
    )

    desk = radiologist.open(f"/shares/new/?exam={exam}")
    desk.set_default_timeout(PATIENCE_MS)
    desk.fill("[name=receiver]", "Hội chẩn liên viện")
    desk.check("[name=anonymous]")
    desk.check("[name=may_download]")
    desk.check("[name=may_pass_on]")
    desk.fill("[name=comment]", f"Ca của {order.patient_id}")
    desk.click("button.primary:has-text('Chia sẻ')")
    expect(desk.locator("body")).to_contain_text("không được nêu người bệnh")
    desk.fill("[name=comment]", "Xin ý kiến về gan.")
    desk.click("button.primary:has-text('Chia sẻ')")
    desk.wait_for_url("**/shares/*/")
    expect(desk.locator(".share-pictures img").first).to_be_visible(timeout=PATIENCE_MS)
    expect(desk.locator("main")).to_contain_text("1 ảnh đã được xoá chữ.")
    expect(desk.locator("main")).to_contain_text("Tài liệu (PDF, CDA, mô hình)")
    for picture in desk.locator(".share-pictures img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
    radiologist.photograph("share-anonymous-copies")
    assert radiologist.barriers() == []
    desk.click("form[action$='/link/'] button")
    link = desk.input_value("#link")

    stranger = Stranger(suite.public_url, known)
    stranger.open(link)
    page = stranger.get(stranger.page).text
    assert "Người bệnh 1" in page
    [images_at] = re.findall(r'href="(/share/[0-9a-f]+/images/\d+)"', page)
    [zip_at] = re.findall(r'href="(/share/[0-9a-f]+/files/\d+)"', page)
    viewer = stranger.get(images_at)
    [copy_uid] = re.findall(r"StudyInstanceUIDs=([0-9.]+)", viewer.history[0].headers["Location"])
    assert copy_uid.startswith("2.25.")
    archive = zipfile.ZipFile(io.BytesIO(stranger.get(zip_at).content))
    copies = [archive.read(name) for name in archive.namelist()]
    assert len(copies) == 3, "two slices and the screen; neither PDF nor report"
    for copy in copies:
        assert traces_in_dicom(known, copy) == []
    [screen] = [read for copy in copies if (read := dcmread(io.BytesIO(copy))).Modality == "US"]
    assert screen.pixel_array.max() == 0, "the name was all there was"

    for answer in stranger.everything_below(copy_uid):
        assert traces_in_dicom(known, file_in(answer)) == []
    refused = stranger.session.get(f"{suite.public_url}/dicom-web/studies/{study_uid}/metadata", timeout=60)
    assert refused.status_code in (401, 403), "the images themselves stay where they are"

    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    with closing(context):
        seen = Visitor(context.new_page(), suite.public_url)
        seen.page.goto(link)
        seen.page.wait_for_url("**/share/*/", timeout=PATIENCE_MS)
        seen.photograph("share-anonymous-phone")
        assert seen.barriers() == []
        seen.page.get_by_role("link", name="Xem ảnh").click()
        seen.page.wait_for_url("**/open/phone?*", timeout=PATIENCE_MS)
        expect(seen.page.locator("#picture")).to_be_visible(timeout=PATIENCE_MS)
        seen.photograph("share-anonymous-images")
        assert traces(known, seen.page.content().encode()) == []

    assert studies_of(engine, StudyInstanceUID(copy_uid))
    [row] = json.loads(suite.python(KNOWN.format(copy=copy_uid)))
    assert row == 0, "the copies are in no list"
    desk.goto(suite.public_url + "/shares/")
    desk.get_by_role("link", name="Hội chẩn liên viện").first.click()
    desk.click("summary:has-text('Thu hồi')")
    desk.click("form[action$='/revoke/'] button")
    wait_until(lambda: not studies_of(engine, StudyInstanceUID(copy_uid)), "the archive has no copies any more")
    assert studies_of(engine, StudyInstanceUID(study_uid))


def studies_of(engine: Engine, uid: StudyInstanceUID) -> list[EngineStudy]:
    return [engine.study(key) for key in engine.find_studies(uid)]
