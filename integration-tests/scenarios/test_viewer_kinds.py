"""Every kind of object that the archive keeps opens in the viewer (M2, M3, D2, P5).

The objects are those of a corpus where there is one, else what pydicom carries. Pictures of all are kept in
``QUANG_SCREENSHOTS``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import Browser, Page
from pydicom.data import get_testdata_files

from ris_core.access.signing import Keyring
from ris_core.access.tokens import VIEWER_COOKIE_PATH, issue_viewer_token, viewer_cookie_name
from ris_core.engine.client import Engine
from ris_testing.backends import RunningSuite
from ris_testing.browser import WIDE
from ris_testing.dicom_files import a_video
from ris_testing.volumes import a_volume

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 60_000


@dataclass(frozen=True)
class Kind:
    """A kind of object: where an example lies, and by which element of the viewer one sees that it is open."""

    name: str
    files: tuple[str, ...]
    """Ends of paths in the corpus or among pydicom's files; all of one study."""
    shown: str = "canvas"


KINDS = (
    Kind("ct", ("CT_small.dcm",)),
    Kind("mr", ("MR_small.dcm",)),
    Kind("us-colour", ("examples_rgb_color.dcm",)),
    Kind("us-palette", ("examples_palette.dcm",)),
    Kind("us-multiframe", ("color3d_jpeg_baseline.dcm",)),
    Kind("cr", ("RG3_J2KI.dcm",)),
    Kind("xa", ("XA1_JPLY",)),
    Kind("nm", ("NM1_J2KR",)),
    Kind("dx", ("dx_image.dcm",)),
    Kind("endoscopy", ("es_still_vl_endoscopic.dcm",)),
    Kind("enhanced-ct", ("eCT_Supplemental.dcm",)),
    Kind("jpeg2000", ("JPEG2000.dcm",)),
    Kind("jpeg-ls", ("CT1_JLSL",)),
    Kind("rle", ("MR_small_RLE.dcm",)),
    Kind("ecg", ("anonymous_ecg.dcm", "waveform_ecg.dcm")),
    Kind("pdf", ("encapsulated_pdf_ecg.dcm",), "object, embed, iframe"),
    Kind("video", ("h264_640x480_3s.mp4",)),
    Kind("whole-slide", ("sm_image.dcm",)),
    Kind("pet", ("dicom/testdata/1.dcm",)),
    Kind("segmentation", ("image/IMG0001.dcm", "image/IMG0002.dcm", "image/IMG0003.dcm", "seg/label.seg"), "body"),
    Kind("rt-plan", ("rtplan.dcm",), "body"),
    Kind("rt-dose", ("rtdose.dcm",)),
    Kind("structured-report", ("sr_document.dcm",), "body"),
    Kind("key-object", ("kos_of_interest.dcm",), "body"),
)


def corpus() -> list[str]:
    root = os.environ.get("QUANG_CORPUS")
    files = [str(path) for path in sorted(Path(root).rglob("*")) if path.is_file()] if root else []
    return [*files, *(str(path) for path in get_testdata_files())]


FILES = corpus()


def examples(kind: Kind) -> list[Path]:
    found = [next((Path(path) for path in FILES if path.endswith(end)), None) for end in kind.files]
    return [path for path in found if path is not None]


HERE = [kind for kind in KINDS if examples(kind)]


@pytest.fixture(scope="module")
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


@contextmanager
def viewer_of(
    browser: Browser, suite: RunningSuite, study_uid: str, language: str = "vi"
) -> Iterator[tuple[Page, list[str]]]:
    """The viewer alone, opened on one study by a grant of its own; with what its console calls an error."""
    keyring = Keyring.from_text(suite.secret("viewer_signing_key"))
    token = issue_viewer_token(
        keyring, [study_uid], "bs_lan", datetime.now(UTC) + timedelta(hours=1), grant="session:test"
    )
    context = browser.new_context(viewport=WIDE, locale="vi-VN")
    name = viewer_cookie_name([study_uid])
    context.add_cookies([{"name": name, "value": token, "path": VIEWER_COOKIE_PATH, "domain": "127.0.0.1"}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(f"{suite.public_url}/viewer/viewer?StudyInstanceUIDs={study_uid}&lng={language}")
        yield page, errors
    finally:
        context.close()


@pytest.mark.parametrize("kind", HERE, ids=[kind.name for kind in HERE])
def test_it_opens(suite: RunningSuite, browser: Browser, engine: Engine, kind: Kind) -> None:
    files = [a_video(path.read_bytes()) if path.suffix == ".mp4" else path.read_bytes() for path in examples(kind)]
    study_uid = str(pydicom.dcmread(io.BytesIO(files[0]), stop_before_pixels=True, force=True).StudyInstanceUID)
    for file in files:
        engine.store_instance(file)
    with viewer_of(browser, suite, study_uid) as (page, errors):
        page.wait_for_selector("[data-cy=viewport-pane], [data-cy=viewport-grid], .viewport-element", state="attached")
        page.wait_for_selector(kind.shown, state="attached")
        if kind.shown == "canvas":
            page.wait_for_function(_PAINTED)
        folder = os.environ.get("QUANG_SCREENSHOTS")
        if folder:
            page.wait_for_timeout(1500)  # for the picture only
            page.screenshot(path=str(Path(folder) / f"kind-{kind.name}.png"))
    assert errors == []


_PAINTED = """() => [...document.querySelectorAll('canvas')].some(canvas => {
    if (canvas.width < 200 || canvas.height < 200) return false;
    const copy = document.createElement('canvas');
    copy.width = copy.height = 64;
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0, 64, 64);
    const pixels = context.getImageData(0, 0, 64, 64).data;
    const seen = new Set();
    for (let at = 0; at < pixels.length; at += 4) seen.add(pixels[at] + 256 * pixels[at + 1] + 65536 * pixels[at + 2]);
    return seen.size > 2;
})"""


def test_planes_and_thick_slabs_of_a_volume_are_one_press_away(
    suite: RunningSuite, browser: Browser, engine: Engine
) -> None:
    study_uid = a_volume(engine)
    with viewer_of(browser, suite, study_uid) as (page, errors):
        page.wait_for_selector("canvas")
        page.wait_for_function(_PAINTED)
        page.click("[data-cy=Reformat-split-button-secondary]")
        page.click("[data-cy=QuangMIP]")
        page.wait_for_function(f"({_BLEND})() === window.cornerstone.Enums.BlendModes.MAXIMUM_INTENSITY_BLEND")
        if folder := os.environ.get("QUANG_SCREENSHOTS"):
            page.screenshot(path=str(Path(folder) / "reformat-mip.png"))
        page.click("[data-cy=Reformat-split-button-secondary]")
        page.click("[data-cy=QuangMinIP]")
        page.wait_for_function(f"({_BLEND})() === window.cornerstone.Enums.BlendModes.MINIMUM_INTENSITY_BLEND")
    assert errors == []


@pytest.mark.parametrize(("language", "words"), [("vi", "Đo dài"), ("en-US", "Length")])
def test_the_viewer_speaks_the_language_that_it_is_opened_in(
    suite: RunningSuite, browser: Browser, engine: Engine, language: str, words: str
) -> None:
    with viewer_of(browser, suite, a_volume(engine), language) as (page, _errors):
        page.wait_for_selector("canvas")
        page.click("[data-cy=MeasurementTools-split-button-secondary]")
        page.wait_for_selector(f"text={words}")
        if folder := os.environ.get("QUANG_SCREENSHOTS"):
            page.screenshot(path=str(Path(folder) / f"language-{language}.png"))


_BLEND = """() => {
    const { viewportGridService, cornerstoneViewportService } = window.services;
    const viewports = [...viewportGridService.getState().viewports.keys()]
        .map(id => cornerstoneViewportService.getCornerstoneViewport(id))
        .filter(viewport => viewport && viewport.type === 'orthographic');
    return viewports.length ? viewports[0].getBlendMode() : undefined;
}"""
