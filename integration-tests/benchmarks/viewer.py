"""The time from opening a study to its first image: our viewer, hung by its protocol, beside OHIF as it comes, on the
same Orthanc behind the same front door.

The peer is the same build with none of our scripts and a plain configuration, put in their place on the way to the
browser. Each run has a browser context of its own, without anything kept; the two take turns.
"""

from __future__ import annotations

import json
import statistics
from datetime import UTC, datetime, timedelta
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page
from pydicom.uid import generate_uid

from benchmarks.table import Context, Row, at_most
from ris_core.access.signing import Keyring
from ris_core.access.tokens import VIEWER_COOKIE_PATH, issue_viewer_token, viewer_cookie_name
from ris_core.engine.client import Engine
from ris_suite.setup.viewer import CONFIGURATION, JOINED_SCRIPT, OWN_FILES
from ris_testing.backends import RunningSuite
from ris_testing.browser import WIDE, chromium
from ris_testing.ct_series import ct_files
from ris_testing.processes import start_processes

SLICES: Final = 40
PAIRS: Final = 5
LIMIT: Final = 1.10
"""No worse, but for what a run differs from the next."""
_PATIENCE_MS: Final = 60_000
_JAVASCRIPT: Final = "application/javascript"
_BOOT: Final = OWN_FILES / "boot.js"
"""What OHIF's own page has as inline scripts: the peer keeps it."""
_STOCK_CONFIGURATION: Final = {
    "name": "stock",
    "showStudyList": False,
    "extensions": [],
    "modes": [],
    "customizationService": {},
    "investigationalUseDialog": {"option": "never"},
    "maxNumberOfWebWorkers": 3,
    "defaultDataSourceName": "orthanc",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "orthanc",
            "configuration": {
                "friendlyName": "Orthanc",
                "name": "orthanc",
                "qidoRoot": "/dicom-web",
                "wadoRoot": "/dicom-web",
                "qidoSupportsIncludeField": True,
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "supportsWildcard": True,
                "bulkDataURI": {"enabled": True, "relativeResolution": "studies"},
                "omitQuotationForMultipartRequest": True,
            },
        }
    ],
}


def run(context: Context) -> list[Row]:
    suite = start_processes(context.folder / "suite", "sqlite", {}, demo=True)
    study_uid = str(generate_uid())
    try:
        with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as engine:
            for file in ct_files(study_uid, SLICES):
                engine.store_instance(file)
        with chromium() as browser:
            for stock in (True, False):
                first_image(browser, suite, study_uid, stock=stock)  # not measured: files are read, code is compiled
            pairs = [
                (
                    first_image(browser, suite, study_uid, stock=False),
                    first_image(browser, suite, study_uid, stock=True),
                )
                for _ in range(PAIRS)
            ]
    finally:
        suite.down()
    ours, stock_times = zip(*pairs, strict=True)
    return [
        at_most(
            f"viewer, {SLICES} CT slices: first image (peer: OHIF as it comes)",
            statistics.median(ours),
            statistics.median(stock_times),
            LIMIT,
            "s",
            "pairs " + ", ".join(f"{mine / other:.2f}" for mine, other in pairs),
        )
    ]


def first_image(browser: Browser, suite: RunningSuite, study_uid: str, *, stock: bool) -> float:
    """Seconds from the beginning of the page to the first image on it."""
    visit = _visit(browser, suite, study_uid)
    try:
        page = visit.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        if stock:
            _without_ours(page)
        hung = "" if stock else "&hangingprotocolId=quang.ct.1"  # one field, as the peer has
        page.goto(f"{suite.public_url}/viewer/viewer?StudyInstanceUIDs={study_uid}{hung}", wait_until="commit")
        milliseconds: float = page.wait_for_function(_PAINTED).json_value()
        return milliseconds / 1000
    finally:
        visit.close()


def _visit(browser: Browser, suite: RunningSuite, study_uid: str) -> BrowserContext:
    keyring = Keyring.from_text(suite.secret("viewer_signing_key"))
    token = issue_viewer_token(
        keyring, [study_uid], "bs_lan", datetime.now(UTC) + timedelta(hours=1), grant="session:test"
    )
    visit = browser.new_context(viewport=WIDE, locale="vi-VN")
    name = viewer_cookie_name([study_uid])
    visit.add_cookies([{"name": name, "value": token, "path": VIEWER_COOKIE_PATH, "domain": "127.0.0.1"}])
    return visit


def _without_ours(page: Page) -> None:
    page.route(f"**/{JOINED_SCRIPT}", lambda route: route.fulfill(body=_BOOT.read_text(), content_type=_JAVASCRIPT))
    configuration = (
        f"window.config = {json.dumps(_STOCK_CONFIGURATION)};"
        "window.config.routerBasename = window.PUBLIC_URL.replace(/\\/$/, '');"
    )
    page.route(f"**/{CONFIGURATION}", lambda route: route.fulfill(body=configuration, content_type=_JAVASCRIPT))


_PAINTED: Final = """() => {
    const painted = [...document.querySelectorAll('canvas')].some(canvas => {
        if (canvas.width < 200 || canvas.height < 200) return false;
        const copy = document.createElement('canvas');
        copy.width = copy.height = 32;
        const context = copy.getContext('2d', { willReadFrequently: true });
        context.drawImage(canvas, 0, 0, 32, 32);
        const pixels = context.getImageData(0, 0, 32, 32).data;
        const seen = new Set();
        for (let at = 0; at < pixels.length; at += 4) seen.add(pixels[at]);
        return seen.size > 2;
    });
    return painted && performance.now();
}"""
