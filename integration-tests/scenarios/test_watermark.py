"""A share with a watermark in real browsers: each kind of thing that a receiver can fetch bears it (R10)."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pypdfium2
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pydicom.uid import generate_uid

from ris_core.engine.client import Engine
from ris_core.identifiers import StudyInstanceUID
from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, Visitor, answered, telephone
from ris_testing.ready_exams import ReadyExam, ready_exam
from ris_testing.ris_user import RisUser
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 60_000
_PAINTED = (
    "() => { const image = document.getElementById('picture'); return image.complete && image.naturalWidth > 0; }"
)
_FETCH = """async ([address, accept]) => {
  const answer = await fetch(address, {cache: 'no-store', headers: {Accept: accept}});
  const bytes = new Uint8Array(await answer.arrayBuffer());
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return [answer.status, btoa(text)];
}"""
Grey = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def exam(suite: RunningSuite) -> ReadyExam:
    """Images, a document among them, and a report that was approved."""
    login = next(user for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    reader = RisUser(suite.public_url, login["username"], login["password"])
    ready = ready_exam(suite, reader, images=3)
    reader.report(ready.number, findings="Phổi hai bên sáng đều.", conclusion="Không thấy bất thường.")
    return ready


@pytest.fixture(scope="module")
def document(suite: RunningSuite, exam: ReadyExam) -> str:
    """Where a document of somebody else's lies among the images."""
    pdf = pypdfium2.PdfDocument.new()
    pdf.new_page(400, 300)
    file = io.BytesIO()
    pdf.save(file)
    series, instance = generate_uid(), generate_uid()
    tags = {"SOPInstanceUID": instance, "SeriesInstanceUID": series, "Modality": "DOC", "DocumentTitle": "Scan"}
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as engine:
        (study_id,) = engine.find_studies(StudyInstanceUID(exam.study_uid))
        engine.create_encapsulated_pdf(study_id, file.getvalue(), tags)
    return f"/dicom-web/studies/{exam.study_uid}/series/{series}/instances/{instance}"


def shared(desk: Visitor, exam: ReadyExam, *ticks: str) -> str:
    page = desk.open(f"/shares/new/?exam={exam.number}")
    page.set_default_timeout(PATIENCE_MS)
    page.fill("[name=receiver]", "BS Minh, Bệnh viện tỉnh")
    for name in (*ticks, "may_pass_on"):
        page.check(f"[name={name}]")
    if ticks:
        desk.photograph(f"share-{ticks[-1]}-new")
    assert desk.barriers() == []
    page.click("button.primary:has-text('Chia sẻ')")
    return page.input_value("#link")


def fetched(page: Page, address: str, accept: str = "*/*") -> bytes:
    status, text = page.evaluate(_FETCH, [address, accept])
    assert status == 200, address
    return base64.b64decode(text)


def has_report(seen: Visitor, exam: ReadyExam) -> None:
    """It is printed by the worker."""
    wait_until(lambda: answered(seen.page, f"{seen.page.url}report/{exam.number}") == 200, "the report")


def grey(picture: bytes) -> Grey:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("L"), np.int64)


def first_page(pdf: bytes) -> Grey:
    return np.asarray(pypdfium2.PdfDocument(pdf)[0].render(scale=1.0).to_pil().convert("L"), np.int64)


def is_marked(plain: Grey, marked: Grey) -> bool:
    """Faint words: some of it has changed, a little."""
    changed = np.abs(marked - plain) > 12
    return plain.shape == marked.shape and bool(0.005 < changed.mean() < 0.4)


@pytest.fixture
def plain_and_marked(
    suite: RunningSuite, browser: Browser, radiologist: Visitor, exam: ReadyExam
) -> Iterator[tuple[Visitor, Visitor]]:
    """Two telephones at the pages of two shares of the exam."""
    plain, marked = shared(radiologist, exam), shared(radiologist, exam, "watermark")
    with telephone(browser, suite) as one, telephone(browser, suite) as other:
        for seen, link in ((one, plain), (other, marked)):
            seen.page.goto(link)
            seen.page.wait_for_url("**/share/*/")
        yield one, other


def test_each_kind_that_a_receiver_fetches_bears_the_words(
    plain_and_marked: tuple[Visitor, Visitor], exam: ReadyExam, document: str
) -> None:
    plain, marked = plain_and_marked
    shown = marked.page.url
    expect(marked.page.locator("svg.share-mark text").nth(1)).to_have_text("BS Minh, Bệnh viện tỉnh")
    marked.photograph("watermark-page")
    assert marked.barriers() == []
    for seen in (plain, marked):
        has_report(seen, exam)
    reports = [fetched(seen.page, f"{seen.page.url}report/{exam.number}") for seen in (plain, marked)]
    assert is_marked(*map(first_page, reports))

    for seen in (plain, marked):
        seen.page.get_by_role("link", name="Xem ảnh").click()
        seen.page.wait_for_url("**/open/phone?*")
        seen.page.wait_for_function(_PAINTED)
    marked.photograph("watermark-phone")
    source = str(marked.page.evaluate("() => document.getElementById('picture').src"))
    frame = source[source.index("/dicom-web") :]
    instance, series = frame.partition("/frames/")[0], frame.partition("/instances/")[0]
    small = str(marked.page.evaluate("() => document.querySelector('#series img').src"))
    pictures = [frame, f"{instance}/rendered", f"{series}/thumbnail", small]
    for address in pictures:
        assert is_marked(*(grey(fetched(seen.page, address)) for seen in (plain, marked))), address
    lossless = [fetched(seen.page, f"{instance}/rendered", "image/png") for seen in (plain, marked)]
    assert all(picture.startswith(b"\x89PNG") for picture in lossless)
    assert is_marked(*map(grey, lossless))
    assert is_marked(*(first_page(fetched(seen.page, f"{document}/rendered")) for seen in (plain, marked)))

    study = f"/dicom-web/studies/{exam.study_uid}"
    wado = "/wado?requestType=WADO&contentType=image/jpeg&studyUID={}&seriesUID={}&objectUID={}".format(
        *frame.split("/")[3:8:2]
    )
    for past in (f"{study}/rendered", f"{series}/rendered", f"{study}/thumbnail", f"{instance}/thumbnail"):
        assert answered(plain.page, past) != 403, past
        assert answered(marked.page, past) == 403, past  # nobody would draw the words there
    assert answered(marked.page, wado) == 403  # as without a mark: cookies of viewers are not sent there
    assert answered(marked.page, f"{document}/bulk/00420011") == 403
    assert answered(marked.page, f"{instance}/frames/1") == 200  # the stored pixels stay what they are

    marked.page.goto(f"{shown}report/{exam.number}/read")
    expect(marked.page.locator("svg.share-mark text").nth(1)).to_have_text("BS Minh, Bệnh viện tỉnh")
    marked.photograph("watermark-report")
    assert marked.barriers() == []
    assert plain.complaints == marked.complaints == []


def test_the_viewer_draws_the_words_over_every_image_and_saves_no_picture(
    suite: RunningSuite, browser: Browser, radiologist: Visitor, exam: ReadyExam
) -> None:
    link = shared(radiologist, exam, "watermark")
    context = browser.new_context(viewport=DESK, locale="vi-VN")
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        page.goto(link)
        page.wait_for_url("**/share/*/")
        page.route("**/mark", lambda asked: asked.abort(), times=1)  # the words are asked for again
        page.get_by_role("link", name="Xem ảnh").click()
        page.wait_for_selector("[data-cy=viewport-pane] > svg.quang-mark")
        expect(page.locator("[data-cy=viewport-pane]:not(:has(> svg.quang-mark))")).to_have_count(0)
        words = page.locator("[data-cy=viewport-pane] svg.quang-mark text").nth(1)
        expect(words).to_have_text("BS Minh, Bệnh viện tỉnh")
        expect(page.locator("[data-cy=WindowLevel]").first).to_be_visible()
        expect(page.locator("[data-cy=Capture]").first).to_be_hidden()
        Visitor(page, suite.public_url).photograph("watermark-viewer")
    finally:
        context.close()


def test_pictures_only_gives_no_stored_pixels_even_at_a_desk(
    suite: RunningSuite, browser: Browser, radiologist: Visitor, exam: ReadyExam
) -> None:
    link = shared(radiologist, exam, "watermark", "pictures_only")
    context = browser.new_context(viewport=DESK, locale="vi-VN")
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        page.goto(link)
        page.wait_for_url("**/share/*/")
        page.get_by_role("link", name="Xem ảnh").click()
        page.wait_for_url("**/open/phone?*")
        page.wait_for_function(_PAINTED)
        expect(page.locator("#full")).to_be_hidden()
        Visitor(page, suite.public_url).photograph("watermark-pictures-only")
        source = str(page.evaluate("() => document.getElementById('picture').src"))
        instance = source[source.index("/dicom-web") :].partition("/frames/")[0]
        series, study = instance.partition("/instances/")[0], f"/dicom-web/studies/{exam.study_uid}"
        for told in (f"{instance}/metadata", f"{study}/metadata"):
            assert b"InlineBinary" not in fetched(page, told)
        for told in (f"{series}/instances", f"{study}/instances"):  # what is asked for besides tells no pixels
            rows = json.loads(fetched(page, f"{told}?includefield=7FE00010,00420011,00080018"))
            assert rows
            assert all(not row.get(tag) for row in rows for tag in ("7FE00010", "00420011"))
        for kept in (f"{instance}/frames/1", instance, f"{instance}/bulk/7FE00010"):
            assert answered(page, kept) == 403, kept
    finally:
        context.close()
