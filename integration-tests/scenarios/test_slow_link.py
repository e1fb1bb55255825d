"""On a slow link frames come compressed and are the same bit for bit; what is not complete yet is marked (M2, D2).

A fast link changes nothing: frames come as they are stored, straight from Orthanc.
"""

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
import requests
from playwright.sync_api import Browser, BrowserContext, Page
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from ris_core.access.signing import Keyring
from ris_core.access.tokens import VIEWER_COOKIE_PATH, issue_viewer_token, viewer_cookie_name
from ris_core.engine.client import Engine
from ris_core.identifiers import StudyInstanceUID
from ris_testing.backends import RunningSuite
from ris_testing.browser import WIDE, visitor
from ris_testing.ct_series import ct_files

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 90_000
SLICES = 30
KINDS = (
    "CT_small.dcm",
    "MR_small.dcm",
    "examples_rgb_color.dcm",
    "examples_palette.dcm",
    "examples_overlay.dcm",
    "examples_ybr_color.dcm",
    "SC_rgb_small_odd.dcm",
    "JPEG2000.dcm",
    "MR_small_bigendian.dcm",
)
"""Signed and unsigned, 8 to 16 bits, colour, palette, odd sizes; some that are never compressed again."""
AS_STORED = "multipart/related; type=application/octet-stream; transfer-syntax=*"
COMPRESSED = f'multipart/related; type="image/jphc"; transfer-syntax=1.2.840.10008.1.2.4.202, {AS_STORED}'


@pytest.fixture(scope="module")
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


@pytest.fixture(scope="module")
def ct(engine: Engine) -> str:
    study_uid = str(generate_uid())
    for file in ct_files(study_uid, SLICES):
        engine.store_instance(file)
    return study_uid


@pytest.fixture(scope="module")
def kinds(engine: Engine) -> str:
    """One study with a series of each kind."""
    study_uid = str(generate_uid())
    for name in KINDS:
        image = pydicom.dcmread(str(get_testdata_file(name)))
        image.PatientID, image.StudyInstanceUID, image.SeriesInstanceUID = "KINDS", study_uid, generate_uid()
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        file = io.BytesIO()
        image.save_as(file)
        engine.store_instance(file.getvalue())
    return study_uid


def grant(suite: RunningSuite, study_uid: str) -> tuple[str, str]:
    """Name and value of the cookie with which the study's images may be loaded."""
    keyring = Keyring.from_text(suite.secret("viewer_signing_key"))
    token = issue_viewer_token(
        keyring, [study_uid], "bs_lan", datetime.now(UTC) + timedelta(hours=1), grant="session:test"
    )
    return viewer_cookie_name([study_uid]), token


def admit(suite: RunningSuite, context: BrowserContext, study_uid: str) -> None:
    name, token = grant(suite, study_uid)
    context.add_cookies([{"name": name, "value": token, "path": VIEWER_COOKIE_PATH, "domain": "127.0.0.1"}])


def viewer_path(study_uid: str) -> str:
    return f"/viewer/viewer?StudyInstanceUIDs={study_uid}&lng=vi"


@contextmanager
def a_viewer(
    browser: Browser, suite: RunningSuite, study_uid: str, *, before: str = "", mbit: float = 0
) -> Iterator[tuple[Page, Any]]:
    """The viewer in a fresh browser, its first image shown, and the browser's network to make slower or faster.

    :param before: a script that runs before the page's own
    """
    context = browser.new_context(viewport=WIDE, locale="vi-VN")
    context.set_default_timeout(PATIENCE_MS)
    admit(suite, context, study_uid)
    if before:
        context.add_init_script(before)
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    try:
        if mbit:
            limit(network, mbit)
        page.goto(suite.public_url + viewer_path(study_uid))
        page.wait_for_function(f"() => {{ const shown = ({_SHOWN})(); return shown && shown.quality === 8; }}")
        yield page, network
    finally:
        context.close()


def limit(network: Any, mbit: float) -> None:
    octets = mbit * 1_000_000 / 8
    limits = {"offline": False, "latency": 10, "downloadThroughput": octets, "uploadThroughput": octets}
    network.send("Network.emulateNetworkConditions", limits)


_VIEWPORT = "window.cornerstone?.getEnabledElements()[0]?.viewport"
_SHOWN = f"""() => {{
    const viewport = {_VIEWPORT};
    const image = viewport && viewport.csImage;
    return image && {{ at: viewport.getCurrentImageIdIndex(), quality: image.imageQualityStatus }};
}}"""
_BADGE = ".quang-preview:not([hidden])"


def test_the_pixels_are_the_same_to_the_last_bit(suite: RunningSuite, browser: Browser, kinds: str) -> None:
    with a_viewer(browser, suite, kinds) as (page, _network):
        page.wait_for_function(f"() => ({_FRAMES})().length >= {len(KINDS)}")
        compared = page.evaluate(_COMPARE, page.evaluate(_FRAMES))
    assert all(one["stored"] == one["small"] == one["streamed"] for one in compared), compared
    came_as = [one["syntax"].removeprefix("1.2.840.10008.1.2.") for one in compared]
    assert came_as.count("4.202") >= 5, came_as
    assert {"4.90", "4.91"} & set(came_as), "what is stored compressed comes as it is stored"


_FRAMES = """() => window.services.displaySetService.getActiveDisplaySets()
    .map(set => (set.images || set.instances || [])[0]).map(image => image && image.imageId).filter(Boolean)"""
_COMPARE = """async frames => {
    const { loadImage } = window.cornerstone.imageLoader;
    const streamed = { streaming: true, decodeLevel: 0, minChunkSize: 1 };
    function load(frame, choice, options) {
        window.quangLink.choose(choice);
        return loadImage(frame, { ignoreCache: true, retrieveOptions: options });
    }
    async function digest(image) {
        const pixels = image.getPixelData();
        const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
        const hash = await crypto.subtle.digest('SHA-256', bytes);
        const kind = pixels.constructor.name;
        return kind + [...new Uint8Array(hash)].map(byte => byte.toString(16).padStart(2, '0')).join('');
    }
    const found = [];
    for (const frame of frames) {
        const stored = await load(frame, 'stored', {});
        const small = await load(frame, 'small', {});
        const inParts = await load(frame, 'small', streamed);
        found.push({
            frame, syntax: small.transferSyntaxUID,
            stored: await digest(stored), small: await digest(small), streamed: await digest(inParts),
        });
    }
    window.quangLink.choose('auto');
    return found;
}"""


def test_a_slow_link_is_noticed_and_what_is_lossy_is_marked_until_it_is_exact(
    suite: RunningSuite, browser: Browser, ct: str
) -> None:
    with a_viewer(browser, suite, ct, mbit=15) as (page, network):
        page.wait_for_function("() => window.quangLink.state().compressing")
        page.wait_for_selector(".quang-link:not([hidden])")
        limit(network, 0.4)
        page.evaluate(f"() => {{ {_VIEWPORT}.setImageIdIndex({SLICES - 1}) }}")
        page.wait_for_selector(_BADGE)
        assert page.inner_text(_BADGE) == "Xem trước – có mất mát"
        assert page.evaluate(_SHOWN)["quality"] < 8
        photograph(page, "slow-link-preview")
        limit(network, 20)
        page.wait_for_selector(_BADGE, state="hidden")
        page.wait_for_function(f"() => ({_SHOWN})().quality === 8 && ({_SHOWN})().at === {SLICES - 1}")
        photograph(page, "slow-link-exact")


def test_frames_come_as_stored_on_a_fast_link_and_again_when_it_is_fast_again(
    suite: RunningSuite, browser: Browser, ct: str
) -> None:
    with a_viewer(browser, suite, ct, before=_TRANSFERS_BY_HAND) as (page, _network):
        asked = page.evaluate("() => window.quangLink.state()")
        assert asked == {"choice": "auto", "rate": None, "compressing": False}
        seen = []
        for milliseconds in (4, 200, 60, 30):  # for each of 512 KB: 1050, 21, 70 and 140 Mbit/s
            page.evaluate("milliseconds => window.transfer(30, 524288, milliseconds)", milliseconds)
            seen.append(page.evaluate("() => window.quangLink.state().compressing"))
        assert seen == [False, True, True, False]


_TRANSFERS_BY_HAND = """
    let now = 0;
    window.PerformanceObserver = class {
        constructor(told) { window.told = told; }
        observe() {}
    };
    window.transfer = (count, bytes, milliseconds) => {
        for (let each = 0; each < count; each += 1) {
            const entry = { name: location.origin + '/viewer/x.js', transferSize: bytes, encodedBodySize: bytes };
            window.told({ getEntries: () => [{ ...entry, responseStart: now, responseEnd: now += milliseconds }] });
        }
    };
"""


def test_the_choice_goes_with_the_user(suite: RunningSuite, browser: Browser, ct: str) -> None:
    with visitor(browser, suite, "bacsi") as seen:
        admit(suite, seen.page.context, ct)
        seen.page.set_default_timeout(PATIENCE_MS)
        page = seen.open(viewer_path(ct))
        page.click("[data-cy=Link-split-button-secondary]")
        photograph(page, "slow-link-choices")
        with page.expect_response("**/preferences/") as saved:
            page.click("[data-cy=QuangLinkSmall]")
        assert saved.value.status == 204
    with visitor(browser, suite, "bacsi") as elsewhere:
        admit(suite, elsewhere.page.context, ct)
        elsewhere.page.set_default_timeout(PATIENCE_MS)
        page = elsewhere.open(viewer_path(ct))
        page.wait_for_function("() => window.quangLink && window.quangLink.state().choice === 'small'")
        page.wait_for_selector(".quang-link:not([hidden])")
        with page.expect_response("**/preferences/"):  # as it was, for other scenarios
            page.evaluate("() => window.quangLink.choose('auto')")


def test_only_what_is_granted_is_compressed_and_what_cannot_be_comes_as_stored(
    suite: RunningSuite, engine: Engine, ct: str, kinds: str
) -> None:
    visit = requests.Session()
    visit.trust_env = False
    name, token = grant(suite, ct)
    frame = a_frame(engine, ct)
    address = f"{suite.public_url}/dicom-web/studies/{{}}/series/{frame[1]}/instances/{frame[2]}/frames/{{}}"

    def ask(study_uid: str, number: int = 1, accept: str = COMPRESSED) -> requests.Response:
        return visit.get(address.format(study_uid, number), headers={"Accept": accept}, timeout=30)

    assert ask(ct).status_code == 403, "without a grant"
    visit.cookies.set(name, token)
    assert ask(ct).headers["Content-Type"].startswith('multipart/related; type="image/jphc"')
    assert len(ask(ct).content) < len(ask(ct, accept=AS_STORED).content) / 2
    assert ask(kinds).status_code == 403, "another study"
    assert ask(ct, 2).status_code == ask(ct, 2, AS_STORED).status_code == 400, "no such frame: in the engine's words"
    other_name, other_token = grant(suite, kinds)
    visit.cookies.set(other_name, other_token)
    # an instance of one granted study under the name of another is none
    assert ask(kinds).status_code == ask(kinds, accept=AS_STORED).status_code != 200


def a_frame(engine: Engine, study_uid: str) -> tuple[str, str, str]:
    """Study, series and instance of some image."""
    study_id = engine.find_studies(StudyInstanceUID(study_uid))[0]
    image = engine.images_of(study_id)[0]
    return study_uid, image.series_instance_uid, image.sop_instance_uid


def photograph(page: Page, name: str) -> None:
    if folder := os.environ.get("QUANG_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
