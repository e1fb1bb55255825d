"""A teaching case from the reading page to a ZIP that opens from its folder: notes that name the patient are refused,
text in pictures is blacked out, and nothing that a learner can fetch says whose it is (M3, R10, G3)."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, Visitor
from ris_testing.built_kinds import IMAGES, an_object
from ris_testing.his import place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order
from ris_testing.ris_user import RisUser
from ris_testing.traces import Identity, traces, traces_in_dicom

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 90_000
ULTRASOUND = next(kind for kind in IMAGES if kind.name == "ultrasound-multiframe")


def test_a_teaching_case_has_nothing_of_its_patient(
    suite: RunningSuite, browser: Browser, radiologist: Visitor, tmp_path: Path
) -> None:
    order = an_order().for_patient(an_order().patient_id, "ĐOÀN^KHUYẾN NGHIÊU", "19570328", "F")
    place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    device = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = device.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    images = acquire(scheduled, images=3)
    screen = Image.new("RGB", (480, 360))
    ImageDraw.Draw(screen).text((8, 4), f"NGHIEU {order.patient_id}", fill="white", font=ImageFont.load_default(16))
    ImageDraw.Draw(screen).ellipse((140, 120, 340, 320), fill="grey")
    ultrasound = an_object(ULTRASOUND, str(scheduled.StudyInstanceUID))
    ultrasound.NumberOfFrames, ultrasound.Rows, ultrasound.Columns = 1, 360, 480
    ultrasound.PixelData = np.asarray(screen).tobytes()
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber"):
        setattr(ultrasound, keyword, scheduled[keyword].value)
    ultrasound.SpecificCharacterSet = "ISO_IR 192"
    images.append(ultrasound)
    assert device.store(images) == 4
    login = next(user for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    desk = RisUser(suite.public_url, login["username"], login["password"])
    exam = desk.wait_for_exam(order.accession_number)
    desk.wait_for_images(exam, 4)
    numbers = (order.patient_id, order.accession_number, str(scheduled.StudyInstanceUID))
    known = Identity("ĐOÀN KHUYẾN NGHIÊU", date(1957, 3, 28), numbers)

    page = radiologist.open(f"/exams/{exam}/")
    page.set_default_timeout(PATIENCE_MS)
    page.locator(f'a[href="/teaching/new/?exam={exam}"]').click()
    for series in page.locator("[name=series]").all():
        series.check()
    page.fill("[name=title]", "Thuyên tắc phổi hai bên")
    page.fill("[name=history]", "Bà Nghiêu 69 tuổi, khó thở, sinh 28/3/1957.")
    page.fill("[name=diagnosis]", "Thuyên tắc phổi cấp")
    page.fill("[name=tags]", "cấp cứu, mạch máu")
    page.click("form.teaching-form button.primary")
    expect(page.locator(".teaching-traces")).to_contain_text("Bà Nghiêu")
    expect(page.locator(".teaching-traces")).to_contain_text("28/3/1957")
    radiologist.photograph("teaching-refused")
    assert all("422" in complaint for complaint in radiologist.complaints), "of the refusal, and of nothing else"
    radiologist.complaints.clear()
    page.fill("[name=history]", "Nữ 69 tuổi, khó thở.")
    page.click("form.teaching-form button.primary")
    opening = page.locator('form[action$="/open/"] button')
    expect(opening).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".teaching-pictures figure")).to_have_count(4)
    radiologist.photograph("teaching-draft")
    assert radiologist.barriers() == []
    opening.click()
    expect(page.locator(".page-bar .state.ready")).to_be_visible()
    address = page.url

    assert page.locator("#teaching-answer").get_attribute("open") is None
    page.keyboard.press("d")
    expect(page.locator("#teaching-answer")).to_contain_text("Thuyên tắc phổi cấp")
    assert page.locator("#teaching-answer").get_attribute("open") is not None
    page.locator(".teaching-picture").first.click()
    expect(page.locator("figure.large")).to_have_count(1)
    radiologist.photograph("teaching-case")
    for path in [page.url, *(str(each.get_attribute("src")) for each in page.locator(".teaching-picture img").all())]:
        answer = page.request.get(path if path.startswith("http") else suite.public_url + path)
        assert answer.ok
        assert traces(known, answer.body() + str(answer.headers).encode()) == [], path
    radiologist.open("/teaching/?q=thuyen+tac")
    expect(page.locator(".teaching-list")).to_contain_text("Thuyên tắc phổi hai bên")
    radiologist.photograph("teaching-list")
    assert radiologist.barriers() == []

    page.goto(address)
    page.check("[name=with_dicom]")
    page.locator('form[action$="/export/"] button').click()
    download = page.locator("tbody tr").first.locator("a[download]")  # not of an earlier export
    expect(download).to_be_visible(timeout=PATIENCE_MS)
    with page.expect_download() as taking:
        download.click()
    taking.value.save_as(tmp_path / "case.zip")
    assert radiologist.complaints == []
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        archive.extractall(tmp_path / "case")
        names = archive.namelist()
    assert len([name for name in names if name.startswith("images/")]) == 4
    assert len([name for name in names if name.startswith("dicom/")]) == 4
    for name in names:
        data = (tmp_path / "case" / name).read_bytes()
        assert (traces_in_dicom if name.endswith(".dcm") else traces)(known, data) == [], name
    [picture] = [name for name in names if name.endswith(".jpg") and _is_coloured_like_the_ultrasound(tmp_path, name)]
    shown = np.asarray(Image.open(tmp_path / "case" / picture).convert("L"))
    height, width = shown.shape
    assert shown[: height // 14, : width // 2].max() < 60, "the name on the screen is blacked out"
    assert shown[int(height * 0.6), width // 2] > 90, "what is below it is still shown"

    context = browser.new_context(viewport=DESK, offline=True)
    try:
        opened = context.new_page()
        opened.goto(f"file://{tmp_path}/case/index.html")
        expect(opened.locator("figure img")).to_have_count(4)
        opened.wait_for_function("() => [...document.images].every((image) => image.naturalWidth > 0)")
        expect(opened.get_by_text("Thuyên tắc phổi cấp")).to_be_hidden()
        opened.keyboard.press("d")
        expect(opened.get_by_text("Thuyên tắc phổi cấp")).to_be_visible()
        Visitor(opened, "").photograph("teaching-zip")
    finally:
        context.close()


def _is_coloured_like_the_ultrasound(folder: Path, name: str) -> bool:
    with Image.open(io.BytesIO((folder / "case" / name).read_bytes())) as image:
        return abs(image.width / image.height - 480 / 360) < 0.02
