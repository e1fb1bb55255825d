"""Step 4 and R6: key images chosen as they are seen, printed and stored; measurements saved and quoted."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pydicom
import pytest
import requests
from playwright.sync_api import FrameLocator, Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pypdf import PdfReader

from ris_core.engine.client import Engine
from ris_testing.backends import RunningSuite
from ris_testing.browser import Visitor
from ris_testing.dicom_files import a_dicom_file
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.ris_user import RisUser, log_in
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Exam:
    number: int
    order: Order
    study_uid: str
    patient: Dataset
    """An image of it, for the identity that its objects have."""


@pytest.fixture
def reader(suite: RunningSuite) -> RisUser:
    return log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")


@pytest.fixture
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


def ready_exam(suite: RunningSuite, reader: RisUser) -> Exam:
    order = an_order()
    assert acknowledgement_code(place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)) == "AA"
    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = modality.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    images = acquire(scheduled, images=3)
    assert modality.store(images) == 3
    number = reader.wait_for_exam(order.accession_number)
    reader.wait_for_images(number, 3)
    return Exam(number, order, str(scheduled.StudyInstanceUID), images[0])


def open_images(seen: Visitor, exam: Exam, *, claim: bool = True) -> tuple[Page, FrameLocator]:
    """The reading page, claimed now or before, with the viewer showing the exam."""
    page = seen.open(f"/exams/{exam.number}/")
    images = page.frame_locator("#images iframe")
    expect(images.locator("canvas").first).to_be_visible(timeout=PATIENCE_SECONDS * 1000)
    expect(images.locator("[data-cy=KeyImage]")).to_be_visible()
    if claim:
        page.keyboard.press("c")
    expect(page.locator("#section-findings")).to_be_editable()
    wait_until(lambda: viewer(page, "!!viewport.csImage"), "the viewer shows an image")
    return page, images


def viewer(page: Page, expression: str) -> object:
    """``expression`` in the viewer's window, where ``viewport`` is the active one."""
    frame = next(frame for frame in page.frames if "/viewer/" in frame.url)
    return frame.evaluate(
        f"""() => {{
            const {{ viewportGridService, cornerstoneViewportService: shown }} = window.services;
            const viewport = shown.getCornerstoneViewport(viewportGridService.getActiveViewportId());
            return viewport && ({expression});
        }}"""
    )


def test_key_images_are_kept_as_seen_printed_and_stored(
    suite: RunningSuite, reader: RisUser, radiologist: Visitor, engine: Engine
) -> None:
    exam = ready_exam(suite, reader)
    page, images = open_images(radiologist, exam)
    images.locator("[data-cy=KeyImage]").click()
    kept = page.locator("[data-key-image]")
    expect(kept).to_have_count(1)
    with page.expect_response(lambda answer: answer.url.endswith("/key-images")) as again:
        page.keyboard.press("F6")  # the same picture again changes nothing
    assert again.value.status == 200
    expect(page.locator("#toasts")).to_contain_text("Đã thêm")
    expect(kept).to_have_count(1)

    viewer(
        page,
        "viewport.setProperties({ voiRange: { lower: 900, upper: 1100 } }), viewport.setZoom(2), viewport.render(), 1",
    )
    page.keyboard.press("F6")
    expect(kept).to_have_count(2)
    caption = kept.nth(1).locator("[data-caption]")
    caption.fill("Ổ giảm tỷ trọng bán cầu trái")
    caption.press("Enter")
    wait_until(lambda: "Ổ giảm tỷ trọng" in reader.status(exam.number)["keyImages"], "the caption is kept")
    page.locator("#key-images").scroll_into_view_if_needed()
    radiologist.photograph("key-images")
    assert radiologist.barriers() == []
    kept.nth(0).locator("[data-move='1']").click()
    expect(kept.nth(0).locator("[data-caption]")).to_have_value("Ổ giảm tỷ trọng bán cầu trái")
    assert radiologist.complaints == []

    page.fill("#section-conclusion", "Nhồi máu não cấp.")
    expect(page.locator("#saving")).to_have_text(re.compile(r"Đã lưu"))
    preview = reader.get(f"/exams/{exam.number}/preview.pdf")
    assert len(_pictures(preview.content)) == 2
    page.keyboard.press("F9")
    expect(page.locator("#report-head")).to_contain_text("bản 1", ignore_case=True)

    def pdf() -> bytes:
        answer = reader.get(f"/exams/{exam.number}/versions/1/report.pdf")
        return answer.content if answer.status_code == 200 else b""

    wait_until(pdf, "the report is printed")
    document = pdf()
    assert len(_pictures(document)) == 2
    assert "Ổ giảm tỷ trọng bán cầu trái" in "".join(
        each.extract_text() for each in PdfReader(io.BytesIO(document)).pages
    )

    study_id = engine.find_studies(exam.patient.StudyInstanceUID)[0]
    wait_until(lambda: engine.images_of(study_id, Modality="KO"), "the Key Object is stored")
    [stored] = engine.images_of(study_id, Modality="KO")
    selection = pydicom.dcmread(io.BytesIO(engine.instance_file(stored.orthanc_id)))
    assert selection.PatientID == exam.order.patient_id
    assert selection.ConceptNameCodeSequence[0].CodeValue == "113020"
    named = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in selection.ContentSequence
        if item.ValueType == "IMAGE"
    ]
    assert len(named) == 2
    assert {str(uid) for uid in named} <= {
        image.sop_instance_uid for image in engine.images_of(study_id, Modality="CT")
    }
    hashes = json.loads(
        suite.python(
            "import json; from ris_core.key_images.versions import hashes_of, images_of\n"
            "from ris_core.reports.models import ReportVersion\n"
            f"version = ReportVersion.objects.get(reading__procedure={exam.number})\n"
            "assert [image.sha256 for image in images_of(version.pk)] == hashes_of(version.pk)\n"
            "print(json.dumps(hashes_of(version.pk)))"
        )
    )
    assert len(set(hashes)) == 2


def test_measurements_are_quoted_saved_into_the_study_and_opened_again_on_their_image(
    suite: RunningSuite, reader: RisUser, radiologist: Visitor, engine: Engine
) -> None:
    exam = ready_exam(suite, reader)
    page, images = open_images(radiologist, exam)
    images.locator("[data-cy=MeasurementTools-split-button-primary]").click()
    box = images.locator("canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 60, y)
    page.mouse.down()
    page.mouse.move(x, y, steps=5)
    page.mouse.move(x + 60, y, steps=5)
    page.mouse.up()
    live = page.locator("[data-live] li")
    expect(live).to_have_count(1)
    expect(live).to_contain_text("mm")
    page.focus("#section-findings")
    live.locator("[data-insert]").click()
    expect(page.locator("#section-findings")).to_have_value(re.compile(r"\d+(\.\d+)? mm"))
    radiologist.photograph("measurements")

    saved = viewer(
        page,
        """window.commandsManager.runCommand('storeMeasurements', {
            measurementData: window.services.measurementService.getMeasurements(),
            dataSource: 'quang', additionalFindingTypes: ['ArrowAnnotate'],
            options: { SeriesDescription: 'Số đo' },
        }, 'CORNERSTONE_STRUCTURED_REPORT').then(() => true)""",
    )
    assert saved is True
    study_id = engine.find_studies(exam.patient.StudyInstanceUID)[0]
    wait_until(lambda: engine.images_of(study_id, Modality="SR"), "the measurements are stored")
    wait_until(
        lambda: re.search(r"\d mm", reader.get(f"/exams/{exam.number}/measurements").text),
        "the stored measurements are listed",
    )

    # another day: the saved object is opened as any series, on its image, and its measurement is quoted again
    page, images = open_images(radiologist, exam, claim=False)
    expect(page.locator("[data-live] li")).to_have_count(0)
    wait_until(lambda: viewer(page, f"({_SAVED})") is not None, "the saved measurements are in the viewer")
    measured = viewer(page, _OPEN_SAVED)
    images.locator("[data-cy=yes-hydrate-btn]").click()
    expect(live).to_have_count(1)
    expect(live).to_contain_text("mm")
    assert viewer(page, _MEASURED_IMAGES) == [measured], "on the image that it was made on"
    radiologist.photograph("measurements-again")
    page.fill("#section-findings", "")
    page.focus("#section-findings")
    live.locator("[data-insert]").click()
    expect(page.locator("#section-findings")).to_have_value(re.compile(r"\d+(\.\d+)? mm"))


_SAVED = "window.services.displaySetService.getActiveDisplaySets().find(set => set.Modality === 'SR')"
_OPEN_SAVED = f"""(() => {{
    const {{ hangingProtocolService, viewportGridService }} = window.services;
    const saved = {_SAVED};
    const id = viewportGridService.getActiveViewportId();
    const changed = hangingProtocolService.getViewportsRequireUpdate(id, saved.displaySetInstanceUID);
    viewportGridService.setDisplaySetsForViewports(changed);
    const [evidence] = [].concat(saved.instance.CurrentRequestedProcedureEvidenceSequence);
    const [series] = [].concat(evidence.ReferencedSeriesSequence);
    return [].concat(series.ReferencedSOPSequence)[0].ReferencedSOPInstanceUID;
}})()"""
_MEASURED_IMAGES = "window.services.measurementService.getMeasurements().map(each => each.SOPInstanceUID)"


def test_what_is_no_stored_image_is_refused_as_a_key_image_with_what_to_do(
    suite: RunningSuite, reader: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, reader)
    page, images = open_images(radiologist, exam)
    kept, told = page.locator("[data-key-image]"), page.locator("#toasts")
    images.locator("[data-cy=Reformat-split-button-primary]").click()
    wait_until(lambda: viewer(page, "viewport.type === 'orthographic' && viewport.getImageData()"), "planes are shown")
    wait_until(lambda: viewer(page, _TURN_TO_ANOTHER_PLANE), "another plane than that of the images has its volume")
    page.keyboard.press("F6")
    expect(told).to_contain_text("Ảnh gốc")
    expect(kept).to_have_count(0)
    radiologist.photograph("key-image-refused")

    # a slab is a mean or a maximum of slices, in the plane of acquisition too
    wait_until(lambda: viewer(page, _SLAB_OF_THE_STORED_PLANE), "the plane of the images is a slab")
    told.evaluate("toasts => toasts.replaceChildren()")
    page.keyboard.press("F6")
    expect(told).to_contain_text("Ảnh gốc")
    expect(kept).to_have_count(0)

    viewer(page, "window.commandsManager.runCommand('QuangPlain')")
    wait_until(
        lambda: viewer(page, "viewport.type === 'stack' && Boolean(viewport.csImage)"), "stored images are shown"
    )
    page.keyboard.press("F6")
    expect(kept).to_have_count(1)


_PLANE = """(() => {
    const grid = window.services.viewportGridService;
    const found = [...grid.getState().viewports.keys()].find(id => {
        const plane = window.services.cornerstoneViewportService.getCornerstoneViewport(id);
        return plane && plane.getImageData && plane.getImageData() && plane.isInAcquisitionPlane() === %s;
    });
    if (found) grid.setActiveViewportId(found);
    const chosen = found && window.services.cornerstoneViewportService.getCornerstoneViewport(found);
    return chosen;
})()"""
_TURN_TO_ANOTHER_PLANE = f"Boolean({_PLANE % 'false'})"
_SLAB_OF_THE_STORED_PLANE = f"""(() => {{
    const plane = {_PLANE % "true"};
    if (!plane) return false;
    plane.setBlendMode(window.cornerstone.Enums.BlendModes.MAXIMUM_INTENSITY_BLEND);
    plane.setSlabThickness(10);
    plane.render();
    return plane.getBlendMode() === window.cornerstone.Enums.BlendModes.MAXIMUM_INTENSITY_BLEND;
}})()"""


def _pictures(pdf: bytes) -> list[bytes]:
    return [image.data for page in PdfReader(io.BytesIO(pdf)).pages for image in page.images]


def _stow(suite: RunningSuite, user: RisUser, *files: bytes, **headers: str) -> requests.Response:
    boundary = "quangboundary"
    body = b"".join(
        b"--" + boundary.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n" for file in files
    )
    return user.session.post(
        f"{suite.public_url}/dicom-web/studies",
        data=body + b"--" + boundary.encode() + b"--\r\n",
        headers={"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}', **headers},
        timeout=60,
    )


def test_viewers_store_only_annotations_of_the_granted_study_under_its_identity(
    suite: RunningSuite, reader: RisUser, engine: Engine
) -> None:
    exam, other = ready_exam(suite, reader), ready_exam(suite, reader)
    reader.open_reading_page(exam.number)

    def an_object(**changed: Any) -> bytes:
        attributes: dict[str, Any] = {
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33",
            "SOPInstanceUID": generate_uid(),
            "SeriesInstanceUID": generate_uid(),
            "Modality": "SR",
            "PatientBirthDate": str(exam.patient.PatientBirthDate),
            "StudyInstanceUID": exam.study_uid,
            "PatientID": str(exam.patient.PatientID),
            "PatientName": str(exam.patient.PatientName),
        }
        return a_dicom_file(**{**attributes, **changed})

    def reasons(answer: requests.Response) -> list[int]:
        failed = answer.json().get("00081198", {"Value": []})["Value"]
        return [item["00081197"]["Value"][0] for item in failed]

    uid = generate_uid()
    good = an_object(SOPInstanceUID=uid)
    assert _stow(suite, reader, good).status_code == 200
    again = _stow(suite, reader, good)  # the answer was lost: it is stored already, and once
    assert (again.status_code, reasons(again)) == (200, [])
    another = _stow(suite, reader, an_object(SOPInstanceUID=uid, SeriesDescription="another object"))
    assert (another.status_code, reasons(another)) == (409, [0x0111])
    for changed, reason in (
        ({"StudyInstanceUID": "2.25.4711"}, 0x0124),
        ({"StudyInstanceUID": other.study_uid}, 0xA900),
        ({"PatientID": "SOMEBODY-ELSE"}, 0xA900),
        ({"PatientName": "LE^QUOC KHANH"}, 0xA900),
        ({"PatientBirthDate": "19010101"}, 0xA900),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, 0x0122),
    ):
        assert reasons(_stow(suite, reader, an_object(**changed))) == [reason], changed
    assert reasons(_stow(suite, reader, b"no DICOM")) == [0xC000]
    mixed = _stow(suite, reader, an_object(), an_object(PatientID="SOMEBODY-ELSE"))
    assert (mixed.status_code, reasons(mixed)) == (202, [0xA900])
    assert _stow(suite, reader, an_object(), Origin="https://elsewhere.example").status_code == 403
    nobody = requests.Session()
    stranger = type("Stranger", (), {"session": nobody})()
    assert _stow(suite, stranger, an_object()).status_code == 403
    assert requests.post(f"{suite.orthanc_url}/dicom-web/studies", data=good, timeout=20).status_code == 403
    study_id = engine.find_studies(exam.patient.StudyInstanceUID)[0]
    assert len(engine.images_of(study_id, Modality="SR")) == 2
