"""Images are hung by data: views of mammograms where they belong, the relevant earlier exam beside, under its grant."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest
from playwright.sync_api import Browser, Frame, Page
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from ris_core.access.signing import Keyring
from ris_core.access.tokens import VIEWER_COOKIE_PATH, issue_viewer_token, viewer_cookie_name
from ris_core.engine.client import Engine
from ris_testing.backends import RunningSuite
from ris_testing.browser import WIDE, visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import Order, an_order
from ris_testing.ris_user import RisUser, log_in

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 60_000
MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"


@pytest.fixture(scope="module")
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


def a_study(engine: Engine, *images: dict[str, Any]) -> str:
    """A study of one series for each of ``images``, which name what differs from pydicom's CT; its UID."""
    study_uid = str(generate_uid())
    for number, attributes in enumerate(images, start=1):
        image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
        image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, generate_uid()
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.SeriesNumber = number
        for keyword, value in attributes.items():
            setattr(image, keyword, value)
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        file = io.BytesIO()
        image.save_as(file)
        engine.store_instance(file.getvalue())
    return study_uid


def a_mammogram(engine: Engine, *, views: tuple[str, ...] = ("LMLO", "RCC", "RMLO", "LCC")) -> str:
    kind = {"SOPClassUID": MAMMOGRAPHY, "Modality": "MG"}
    return a_study(engine, *({**kind, "ViewPosition": view[1:], "ImageLaterality": view[0]} for view in views))


@contextmanager
def hung(browser: Browser, suite: RunningSuite, protocol: str, *study_uids: str) -> Iterator[Page]:
    """The viewer alone with a grant of the studies, laid out by ``protocol``."""
    token = issue_viewer_token(
        Keyring.from_text(suite.secret("viewer_signing_key")),
        study_uids,
        "bs_lan",
        datetime.now(UTC) + timedelta(hours=1),
        grant="session:test",
    )
    context = browser.new_context(viewport=WIDE, locale="vi-VN")
    context.set_default_timeout(PATIENCE_MS)
    name = viewer_cookie_name(study_uids)
    context.add_cookies([{"name": name, "value": token, "path": VIEWER_COOKIE_PATH, "domain": "127.0.0.1"}])
    page = context.new_page()
    try:
        page.goto(
            f"{suite.public_url}/viewer/viewer?StudyInstanceUIDs={','.join(study_uids)}&hangingprotocolId={protocol}&lng=vi"
        )
        yield page
    finally:
        if folder := os.environ.get("QUANG_SCREENSHOTS"):
            page.screenshot(path=str(Path(folder) / f"hung-{protocol}-{len(study_uids)}.png"))
        context.close()


_SHOWN = """wanted => {
    const { viewportGridService, displaySetService, hangingProtocolService } = window.services || {};
    if (!hangingProtocolService || !hangingProtocolService.getState()) return false; // not laid out yet
    const shown = [...viewportGridService.getState().viewports.values()].map(viewport => {
        const [uid] = viewport.displaySetInstanceUIDs || [];
        const set = uid && displaySetService.getDisplaySetByUID(uid);
        if (!set) return '';
        const image = set.images[0];
        const view = (image.ImageLaterality || '') + (image.ViewPosition || image.Modality);
        return (set.StudyInstanceUID === wanted.own ? '' : 'prior ') + view;
    });
    return JSON.stringify(shown) === JSON.stringify(wanted.shown);
}"""


def wait_for_layout(page: Page | Frame, own: str, *shown: str) -> None:
    page.wait_for_function(_SHOWN, arg={"own": own, "shown": list(shown)})


def test_mammograms_lie_back_to_back_whatever_their_order(
    suite: RunningSuite, browser: Browser, engine: Engine
) -> None:
    now, before = a_mammogram(engine), a_mammogram(engine, views=("RCC", "LCC", "RMLO"))
    with hung(browser, suite, "quang.mg.1", now) as page:
        wait_for_layout(page, now, "RCC", "LCC", "RMLO", "LMLO")
    with hung(browser, suite, "quang.mg.1", now, before) as page:
        wait_for_layout(
            page, now, "RCC", "LCC", "prior RCC", "prior LCC", "RMLO", "LMLO", "prior RMLO", ""
        )  # the view that was not made stays empty


def test_a_chest_film_and_its_lateral_lie_beside_the_earlier_film(
    suite: RunningSuite, browser: Browser, engine: Engine
) -> None:
    film = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1", "Modality": "DX"}
    now = a_study(engine, {**film, "ViewPosition": "LL"}, {**film, "ViewPosition": "PA"})
    before = a_study(engine, {**film, "ViewPosition": "PA"})
    with hung(browser, suite, "quang.cxr.1", now, before) as page:
        wait_for_layout(page, now, "PA", "LL", "prior PA")
    with hung(browser, suite, "quang.cxr.1", now) as page:
        wait_for_layout(page, now, "PA", "LL")


def test_a_protocol_that_does_not_exist_leaves_the_viewer_to_itself(
    suite: RunningSuite, browser: Browser, engine: Engine
) -> None:
    now = a_mammogram(engine, views=("RCC",))
    with hung(browser, suite, "quang.none.1", now) as page:
        wait_for_layout(page, now, "RCC")


def examined(suite: RunningSuite, reader: RisUser, order: Order) -> tuple[int, str]:
    """The order's exam with images: its number and StudyInstanceUID."""
    assert acknowledgement_code(place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)) == "AA"
    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = modality.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    images = acquire(scheduled, images=6)
    assert modality.store(images) == 6
    number = reader.wait_for_exam(order.accession_number)
    reader.wait_for_images(number, 6)
    return number, str(scheduled.StudyInstanceUID)


def test_the_relevant_earlier_exam_is_opened_beside_under_a_grant_of_its_own(
    suite: RunningSuite, browser: Browser
) -> None:
    reader = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
    chest = ("CT.NGUC", "Chụp CLVT lồng ngực không tiêm thuốc cản quang", "CT")
    order = an_order().for_service(*chest)
    person = (order.patient_id, order.patient_name, order.birth_date, order.sex)
    _, earlier = examined(suite, reader, order)
    _, head = examined(suite, reader, an_order().for_patient(*person))
    number, own = examined(suite, reader, an_order().for_patient(*person).for_service(*chest))
    with visitor(browser, suite, "bacsi", size=WIDE) as seen:
        page = seen.open(f"/exams/{number}/")
        address = page.get_attribute("#images iframe", "src") or ""
        assert f"StudyInstanceUIDs={own},{earlier}&hangingprotocolId=quang.ct-chest.1" in address
        page.wait_for_function("() => document.querySelector('#images iframe').contentWindow.services")
        frame = next(frame for frame in page.frames if "/viewer/" in frame.url)
        wait_for_layout(frame, own, "CT", "prior CT")
        images = f"{suite.public_url}/dicom-web/studies"
        granted = {uid: page.request.get(f"{images}/{uid}/series").status for uid in (own, earlier, head)}
        assert granted == {own: 200, earlier: 200, head: 403}
        seen.photograph("hung-beside")
    events = suite.python(
        "from ris_core.audit.models import AuditEvent\n"
        f"print(AuditEvent.objects.filter(action='images.opened', details__beside={number}).count())"
    )
    assert events.strip() == "1"
